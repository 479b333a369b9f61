"""Benchmarks: how fast the step, the input and the environment are on the machine at hand.

Commands that time enter: `python -m experiments.bench` for all bars, and by themselves `step.py`,
`input.py`, `env.py`, `fed.py` (training as a whole), `peer.py` (beside the authors' code) and
`gpu.py` (ten minutes on a GPU). What they compare with is `plain.py`, the textbook form. Of them
`--mode=cost` alone runs one.
"""
