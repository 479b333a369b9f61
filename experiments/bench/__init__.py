"""Benchmarks: how fast the step, the input and the environment are on the machine at hand."""
