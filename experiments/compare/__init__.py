"""Several runs trained, evaluated and put into one table: `experiments/compare.py`."""
