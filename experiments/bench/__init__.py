"""Benchmarks: how fast the step, the input and the environment are on the machine at hand.

Commands that time enter, and `plain.py`, the textbook form that they compare with; of them
`--mode=cost` alone runs one.
"""
