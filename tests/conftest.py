"""Fixtures that several test modules use."""

import jax
import pytest


@pytest.fixture
def x64():
  """Computes in float64 for the length of a test."""
  with jax.enable_x64(True):
    yield


@pytest.fixture
def quick_compile():
  """Compiles without most optimisations for the length of a test: a tiny model runs in no time."""
  jax.config.update('jax_disable_most_optimizations', True)
  yield
  jax.config.update('jax_disable_most_optimizations', False)
