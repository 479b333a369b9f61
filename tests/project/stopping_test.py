"""Every command that is asked to end says so in a line, with the exit code that shells expect."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

pytestmark = pytest.mark.long

_ROOT = pathlib.Path(__file__).parents[2]
_COMMANDS = {
  'main': ['experiments/main.py', '--config=experiments/configs/apoe.py'],
  'evaluation': ['experiments/main.py', '--workdir=experiments/trained/apoe-small', '--mode=cost'],
  'demo': ['experiments/demo.py'],
  'compare': ['experiments/compare.py'],
  'export': ['experiments/export.py', '--workdir=experiments/trained/apoe-small', '--to={empty}/x'],
  'mese_env': ['-m', 'mese_env', 'stats'],
  'tfds_mese': ['-m', 'tfds_mese', '--config=shepard_metzler_5_tiny', '--data_dir={empty}'],
  'parity': ['-m', 'gmn_jax.parity'],
  'bench': ['-m', 'experiments.bench', '--out={empty}'],
  'bench step': ['experiments/bench/step.py', '--config=experiments/configs/apoe.py'],
  'bench env': ['experiments/bench/env.py'],
  'bench input': ['experiments/bench/input.py'],
  'faults': ['-m', 'experiments.faults', '--only', 'malformed'],
}
# What all of them import first, here as slow as on a cold disk, and it says when it is imported.
_SLOW = """
import os, time
os.write(1, b'importing')
time.sleep(60)
"""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _stop(arguments: list[str], environment: dict[str, str], number: int, cwd=_ROOT):
  """Stops a command when it has written something; its exit code and what it wrote of errors."""
  process = subprocess.Popen(
    [sys.executable, *arguments],
    cwd=cwd,
    env=os.environ | environment,
    stdout=subprocess.PIPE,
    stderr=subprocess.PIPE,
    text=True,
  )
  try:
    assert process.stdout.read(1), process.stderr.read()
    process.send_signal(number)
    _, errors = process.communicate(timeout=50)
  finally:
    process.kill()
  return process.returncode, errors


@pytest.mark.parametrize('number', _SIGNALS)
@pytest.mark.parametrize('name', _COMMANDS)
def test_a_command_that_is_stopped_while_it_loads_ends_at_once_with_a_line(name, number, tmp_path):
  for module in ('numpy', 'absl'):
    (tmp_path / f'{module}.py').write_text(_SLOW)
  (tmp_path / 'empty').mkdir()
  arguments = [argument.format(empty=tmp_path / 'empty') for argument in _COMMANDS[name]]
  began = time.monotonic()
  path = os.pathsep.join([str(tmp_path), str(_ROOT)])
  code, errors = _stop(arguments, {'PYTHONPATH': path}, number)
  assert (code, errors) == (128 + number, f'stopped by {number.name}.\n')
  assert time.monotonic() - began < 30
  assert not list((tmp_path / 'empty').iterdir())


# A command at work, with a temporary folder and a process that it started.
_AT_WORK = """
import pathlib, subprocess, sys, tempfile, time
from mese_env.errors import exit_on_user_error, stop_while_loading
stop_while_loading()
with exit_on_user_error('what is finished stays.'):
  with tempfile.TemporaryDirectory(dir='.') as folder:
    child = 'import os, time; print(os.getpid(), flush=True); time.sleep(60)'
    subprocess.run([sys.executable, '-c', child])
"""


@pytest.mark.parametrize('number', _SIGNALS)
def test_a_command_that_is_stopped_at_work_leaves_nothing_behind(number, tmp_path):
  (tmp_path / 'work').mkdir()
  code, errors = _stop(['-c', _AT_WORK], {'PYTHONPATH': str(_ROOT)}, number, tmp_path / 'work')
  assert (code, errors) == (128 + number, f'stopped by {number.name}: what is finished stays.\n')
  assert not list((tmp_path / 'work').iterdir())


def test_what_is_ignored_stays_ignored():
  """As under `nohup`."""
  script = f"""
import os, signal
signal.signal(signal.SIGHUP, signal.SIG_IGN)
{_AT_WORK.partition('with exit')[0]}
with exit_on_user_error():
  os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGHUP)
print('done')
"""
  done = subprocess.run([sys.executable, '-c', script], cwd=_ROOT, capture_output=True, text=True)
  assert (done.returncode, done.stdout, done.stderr) == (0, 'done\n', '')


_CHANGED = """
import os, signal
from mese_env.errors import UserError, exit_on_user_error
with exit_on_user_error():
  try:
    os.kill(os.getpid(), signal.SIGTERM)
  except BaseException:
    raise UserError('install it')
"""
_IMPORTED = """
import os, signal
try:
  os.kill(os.getpid(), signal.SIGTERM)
  sum(range(10**6))
except BaseException:
  pass
"""
_IMPORTING = """
import time
from mese_env.errors import exit_on_user_error
with exit_on_user_error():
  import swallowing
  time.sleep(50)
"""

_SWALLOWED = """
import os, signal, time
from mese_env.errors import exit_on_user_error
with exit_on_user_error():
  try:
    os.kill(os.getpid(), signal.SIGTERM)
  except BaseException:
    pass
  time.sleep(50)
"""
_FINALISED = """
import os, signal, time
from mese_env.errors import exit_on_user_error
class Held:
  def __del__(self):
    os.kill(os.getpid(), signal.SIGTERM)
    sum(range(10**6))
with exit_on_user_error():
  held = Held()
  del held
  time.sleep(50)
"""


@pytest.mark.parametrize('script', [_CHANGED, _IMPORTING, _SWALLOWED, _FINALISED])
def test_a_signal_is_not_lost_in_what_a_library_makes_of_it(script, tmp_path):
  (tmp_path / 'swallowing.py').write_text(_IMPORTED)
  path = os.pathsep.join([str(tmp_path), str(_ROOT)])
  done = subprocess.run(
    [sys.executable, '-c', script],
    env=os.environ | {'PYTHONPATH': path},
    capture_output=True,
    text=True,
    timeout=40,
  )
  assert (done.returncode, done.stderr) == (143, 'stopped by SIGTERM.\n')


def test_what_cleans_up_is_not_stopped_itself():
  script = """
import os, signal, time
from mese_env.errors import exit_on_user_error
with exit_on_user_error():
  try:
    os.kill(os.getpid(), signal.SIGTERM)
  finally:
    time.sleep(2.5)
    print('cleaned')
"""
  done = subprocess.run([sys.executable, '-c', script], cwd=_ROOT, capture_output=True, text=True)
  assert (done.returncode, done.stdout) == (143, 'cleaned\n')
  assert done.stderr == 'stopped by SIGTERM.\n'


def test_a_second_signal_ends_at_once():
  script = """
import os, signal, time
from mese_env.errors import exit_on_user_error
with exit_on_user_error():
  try:
    os.kill(os.getpid(), signal.SIGTERM)
  finally:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(50)
"""
  done = subprocess.run([sys.executable, '-c', script], cwd=_ROOT, timeout=40)
  assert done.returncode == -signal.SIGTERM


_FAILS_IN_THE_BACKGROUND = """
import asyncio, gc, threading, time
from mese_env.errors import UserError, exit_on_user_error
loop = asyncio.new_event_loop()
async def write(delay):
  await asyncio.sleep(delay)
  raise ValueError('the disk is full')
def later():
  time.sleep(0.3)
  raise ValueError('the disk is full')
with exit_on_user_error():
  threading.Thread(target=later).start()
  lost = loop.create_task(write(0))
  try:
    loop.run_until_complete(asyncio.wait_for(asyncio.shield(loop.create_task(write(0))), 1))
  except ValueError:
    raise UserError('the disk is full: make room.')
"""


def test_the_sentence_is_the_last_that_is_said():
  command = [sys.executable, '-c', _FAILS_IN_THE_BACKGROUND]
  ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
  assert (ended.returncode, ended.stderr) == (2, 'error: the disk is full: make room.\n')
