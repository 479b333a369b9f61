"""Fixtures that several test modules use."""

import jax
import pytest


@pytest.fixture
def x64():
  """Computes in float64 for the length of a test."""
  with jax.enable_x64(True):
    yield
