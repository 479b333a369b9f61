"""The two commands that build the dataset, as a user types them."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

import tfds_mese

pytestmark = pytest.mark.long

# A loader that refuses: unlike an absent module, it shows an import that would otherwise succeed.
_BLOCK_TENSORFLOW = """
import importlib.machinery, runpy, sys

class Block:
  def find_spec(self, name, path=None, target=None):
    if name.split('.')[0] in ('tensorflow', 'apache_beam', 'mlcroissant'):
      return importlib.machinery.ModuleSpec(name, self)
  def create_module(self, spec):
    raise ImportError(f'{spec.name} is blocked')
  def exec_module(self, module):
    pass

sys.meta_path.insert(0, Block())
"""
_ROOT = pathlib.Path(tfds_mese.__file__).parents[1]
_BUILT = 'tfds_mese/shepard_metzler_5_tiny/1.0.0'
_READ = """
import tensorflow_datasets as tfds
splits = tfds.builder_from_directory(sys.argv[1]).as_data_source()
print({name: len(source) for name, source in splits.items()})
print(splits['train'][0]['images'].shape, 'tensorflow' in sys.modules)
"""


def run(*arguments: str | os.PathLike) -> subprocess.CompletedProcess:
  return subprocess.run(arguments, cwd=_ROOT, capture_output=True, text=True)


@pytest.fixture(scope='module')
def built_without_tensorflow(tmp_path_factory):
  data_dir = tmp_path_factory.mktemp('plain')
  # `runpy` takes the place of `-m`, so that the loader is in place before anything is imported.
  program = _BLOCK_TENSORFLOW + "runpy.run_module('tfds_mese', run_name='__main__')"
  done = run(
      sys.executable, '-c', program, '--config=shepard_metzler_5_tiny',
      '--max_examples_per_split=5', f'--data_dir={data_dir}',
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  return data_dir / _BUILT


def test_build_and_read_without_tensorflow(built_without_tensorflow):
  done = run(sys.executable, '-c', _BLOCK_TENSORFLOW + _READ, built_without_tensorflow)
  assert done.stdout.splitlines() == [
    "{'train': 5, 'val': 5, 'test': 5}",
    '(15, 64, 64, 3) False',
  ], done.stderr


def test_stock_tfds_build_gives_the_same_files(built_without_tensorflow, tmp_path):
  # Not imported here: after scikit-learn in the same process, TensorFlow ends it.
  if importlib.util.find_spec('tensorflow') is None:
    pytest.skip('the stock command needs the extra [tfds]')
  tfds = pathlib.Path(sys.executable).with_name('tfds')
  done = run(
      tfds, 'build', 'tfds_mese', '--config=shepard_metzler_5_tiny',
      '--max_examples_per_split=5', f'--data_dir={tmp_path}',
  )  # fmt: skip
  assert done.returncode == 0, done.stderr
  built = {path.name: path.read_bytes() for path in (tmp_path / _BUILT).iterdir()}
  assert built == {path.name: path.read_bytes() for path in built_without_tensorflow.iterdir()}


def test_user_error_is_one_sentence_and_exit_code_two(tmp_path):
  done = run(sys.executable, '-m', 'tfds_mese', '--config=metzler_4', f'--data_dir={tmp_path}')
  assert done.returncode == 2
  assert [line for line in done.stderr.splitlines() if line.startswith('error: ')] == [
    "error: there is no config 'metzler_4': did you mean 'shepard_metzler_4'?"
  ]
  assert 'Traceback' not in done.stderr
