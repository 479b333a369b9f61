"""Fixtures that several test modules use."""

import importlib.metadata
import os
import signal

import jax
import pytest
from jax.experimental.compilation_cache import compilation_cache

# What tests start is to heed Ctrl-C and a closed terminal even where they run in the background or
# under nohup, which ignore them.
for _number, _usual in (
  (signal.SIGINT, signal.default_int_handler),
  (signal.SIGHUP, signal.SIG_DFL),
):
  if signal.getsignal(_number) == signal.SIG_IGN:
    signal.signal(_number, _usual)

# Most of the tests' time is XLA's. Its older emitters of kernels, which it reads of before it
# compiles anything, take a third of the time for a tiny model and compute the same. A version that
# has them no more ends the process at a flag that it does not know.
if importlib.metadata.version('jaxlib').startswith('0.10.'):
  emitters = '--xla_cpu_use_fusion_emitters=false'
  os.environ['XLA_FLAGS'] = ' '.join(filter(None, [os.environ.get('XLA_FLAGS'), emitters]))


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


@pytest.fixture(scope='session', autouse=True)
def compiled(tmp_path_factory):
  """Lets all tests, on whatever worker, and the processes they start share what was compiled."""
  folder = tmp_path_factory.getbasetemp()
  if 'PYTEST_XDIST_WORKER' in os.environ:
    folder = folder.parent
  folder /= 'compiled'
  folder.mkdir(exist_ok=True)
  compilation_cache.reset_cache()
  jax.config.update('jax_compilation_cache_dir', str(folder))
  with pytest.MonkeyPatch.context() as patch:
    patch.setenv('JAX_COMPILATION_CACHE_DIR', str(folder))
    yield


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
