# `make demo` and `make test` are all that a fresh machine needs: python3 (3.11 or newer) and make.
PYTHON ?= python3
# Another environment beside the usual one: `make quick VENV=.venv-3.13 PYTHON=python3.13`. Without
# `tfds` among the extras it lacks TensorFlow, which the stock `tfds build` alone needs.
VENV := .venv
EXTRAS := tfds viz docs dev

# Installs again only when what decides the installation has changed.
installed = $(VENV)/.installed

.PHONY: demo test quick docs lint lock faults bench

demo: $(installed)
	$(VENV)/bin/python experiments/demo.py

test: $(installed)
	$(VENV)/bin/python -m pytest -n auto --dist loadfile --no-loadscope-reorder

quick: $(installed)
	$(VENV)/bin/python -m pytest -n auto --dist loadfile -q -m 'not slow and not long'

# Read it from docs/build/html/index.html: it needs no network, nor does building it.
docs: $(installed)
	$(VENV)/bin/python -m sphinx -q -W --keep-going docs docs/build/html

bench: $(installed)
	$(VENV)/bin/python -m experiments.bench

faults: $(installed)
	$(VENV)/bin/python -m experiments.faults --write docs/faults.md

lint: $(installed)
	$(VENV)/bin/pre-commit run --all-files

lock: $(installed)
	$(VENV)/bin/uv lock --upgrade --no-config --default-index https://pypi.org/simple

$(installed): uv.lock setup.py pyproject.toml bootstrap.py
	$(PYTHON) bootstrap.py $(VENV) $(EXTRAS)
	@touch $@
