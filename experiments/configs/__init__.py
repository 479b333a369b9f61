"""Configs for `experiments/main.py --config=experiments/configs/<name>.py[:preset]`."""
