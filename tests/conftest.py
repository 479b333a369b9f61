"""Fixtures that several test modules use."""

import jax
import pytest


def pytest_collection_modifyitems(items):
  """Puts what takes longest first, so that no worker waits for it at the end: what is compiled with
  all optimisations, then what trains.
  """
  items.sort(
    key=lambda item: (
      item.get_closest_marker('optimised') is None,
      not item.path.name.startswith('train_'),
    )
  )


@pytest.fixture(scope='module', autouse=True)
def quick_compile(request):
  """Compiles without most optimisations, since a tiny model runs in no time, but for modules marked
  `optimised`.
  """
  quickly = request.node.get_closest_marker('optimised') is None
  jax.config.update('jax_disable_most_optimizations', quickly)


@pytest.fixture
def x64():
  """Computes in float64 for the length of a test."""
  with jax.enable_x64(True):
    yield
