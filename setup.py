"""For tools that still ask for a setup.py; everything it would say is in pyproject.toml."""

import setuptools

setuptools.setup()
