"""The cache of compiled programs: what is damaged is never loaded, and nothing is lost besides."""

import os
import pathlib
import subprocess
import sys
import zlib

import pytest

from experiments import compiled
from experiments.compiled import Store

_ROOT = pathlib.Path(__file__).parents[2]
_KEY = 'jit_step-0123'
_PROGRAM = zlib.compress(b'a program' * 100)
# Compiles a program, or loads it; says what of it was in the cache.
_USE = """
import jax, jax.numpy as jnp
from experiments.compiled import keep_compiled
keep_compiled()
events = []
jax.monitoring.register_event_listener(lambda event, **_: events.append(event))
print(float(jax.jit(lambda x: jnp.tanh(x @ x).sum())(jnp.ones((4, 4)))))
print(events.count('/jax/compilation_cache/cache_hits') > 0)
"""


def _filled(folder: pathlib.Path) -> Store:
  store = Store(folder)
  own = store.open()
  (own / f'{_KEY}-cache').write_bytes(_PROGRAM)
  store.give(own)
  return store


def _entry(folder: pathlib.Path) -> pathlib.Path:
  (entry,) = folder.glob(f'{_KEY}.*')
  return entry


def test_what_one_process_compiled_the_next_one_has(tmp_path):
  own = _filled(tmp_path).open()
  assert (own / f'{_KEY}-cache').read_bytes() == _PROGRAM
  # What JAX writes there is no other process's before it is complete.
  (own / f'{_KEY}4-cache').write_bytes(b'half')
  assert not (Store(tmp_path).open() / f'{_KEY}4-cache').exists()


@pytest.mark.parametrize('position', range(0, len(_PROGRAM), 3))
def test_an_entry_with_a_flipped_bit_is_removed_and_said(position, tmp_path, capsys):
  store = _filled(tmp_path)
  content = bytearray(_PROGRAM)
  content[position] ^= 1 << position % 8
  _entry(tmp_path).write_bytes(content)
  assert not list(store.open().iterdir())
  assert not list(tmp_path.glob(f'{_KEY}.*'))
  assert '1 damaged entries' in capsys.readouterr().err
  assert list(_filled(tmp_path).open().iterdir())


@pytest.mark.skipif(sys.platform != 'linux', reason='/dev/full is of Linux')
def test_what_is_written_to_a_full_disk_is_given_to_none(tmp_path, monkeypatch):
  store = Store(tmp_path)
  own = store.open()
  (own / f'{_KEY}-cache').write_bytes(_PROGRAM[:9])
  (own / f'{_KEY}4-cache').write_bytes(b'')

  def write_bytes(path, content):
    path.symlink_to('/dev/full')
    with path.open('wb') as file:
      file.write(content)

  monkeypatch.setattr(pathlib.Path, 'write_bytes', write_bytes)
  store.give(own)
  assert [path.name for path in tmp_path.iterdir()] == [own.name]


def test_what_killed_processes_left_and_the_oldest_entries_are_removed(tmp_path, monkeypatch):
  store = _filled(tmp_path)
  (abandoned,) = tmp_path.glob('process-*')
  os.utime(abandoned, (0, 0))
  store.open()
  assert not abandoned.exists() and _entry(tmp_path)
  with monkeypatch.context() as few:
    few.setattr(compiled, '_MOST_ENTRIES', 0)
    assert not list(store.open().iterdir())
  _filled(tmp_path)
  monkeypatch.setattr(compiled, '_MOST_BYTES', len(_PROGRAM) - 1)
  assert not list(store.open().iterdir())


def test_another_processor_has_another_folder(tmp_path, monkeypatch):
  words = {compiled.processor(), compiled.processor()}
  for flags in ('fpu avx2', 'fpu avx2 avx512f', 'asimd sve'):
    monkeypatch.setattr(compiled, '_CPU_INFO', tmp_path / flags)
    (tmp_path / flags).write_text(f'processor : 0\nflags\t\t: {flags}\nflags\t\t: {flags}\n')
    words.add(compiled.processor())
  monkeypatch.setattr(compiled, '_release', lambda: '0.0')
  words.add(compiled.processor())
  assert len(words) == 5


def _use(home: pathlib.Path) -> tuple[float, bool, str]:
  environment = {name: v for name, v in os.environ.items() if name != 'JAX_COMPILATION_CACHE_DIR'}
  done = subprocess.run(
    [sys.executable, '-c', _USE],
    cwd=_ROOT,
    env=environment | {'HOME': str(home)},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  result, found = done.stdout.split()
  return float(result), found == 'True', done.stderr


@pytest.mark.long
def test_jax_loads_what_is_whole_compiles_what_is_not_and_leaves_no_folder(tmp_path):
  result, found, _ = _use(tmp_path)
  assert not found
  assert _use(tmp_path) == (result, True, '')
  (folder,) = (tmp_path / '.cache' / 'gmn_jax').iterdir()
  assert not list(folder.glob('process-*'))
  for entry in folder.iterdir():
    content = bytearray(entry.read_bytes())
    content[len(content) // 2] ^= 4
    entry.write_bytes(content)
  assert _use(tmp_path)[:2] == (result, False)
  assert _use(tmp_path) == (result, True, '')


@pytest.mark.long
def test_where_nothing_can_be_kept_that_is_a_line(tmp_path):
  (tmp_path / '.cache').write_text('a file')
  _, found, errors = _use(tmp_path)
  assert not found and len(errors.splitlines()) == 1
  assert errors.startswith('what is compiled is not kept: ')
