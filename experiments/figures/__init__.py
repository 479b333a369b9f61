"""Figures of the evaluations; every module draws numbers that it is given."""
