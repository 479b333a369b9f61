# `make demo` and `make test` are all that a fresh machine needs: python3 (3.11 or newer) and make.
PYTHON ?= python3

# Installs again only when what decides the installation has changed.
installed := .venv/.installed

.PHONY: demo test quick lint lock faults bench

demo: $(installed)
	.venv/bin/python experiments/demo.py

test: $(installed)
	.venv/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

quick: $(installed)
	.venv/bin/python -m pytest -n auto --dist loadfile -q -m 'not slow and not long'

bench: $(installed)
	.venv/bin/python -m experiments.bench

faults: $(installed)
	.venv/bin/python -m experiments.faults --write docs/faults.md

lint: $(installed)
	.venv/bin/pre-commit run --all-files

lock: $(installed)
	.venv/bin/uv lock --upgrade --no-config --default-index https://pypi.org/simple

$(installed): uv.lock setup.py pyproject.toml bootstrap.py
	$(PYTHON) bootstrap.py
	touch $@
