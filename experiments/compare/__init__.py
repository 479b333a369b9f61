"""Several runs trained, evaluated and put into one table: `experiments/compare.py`.

It runs `main.py` and reads what that wrote; evaluations enter by their `headlines` and `panels`.
"""
