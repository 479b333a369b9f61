"""Figures of the evaluations; every module draws numbers that it is given.

A module draws figures; it measures nothing and reads no files.
"""
