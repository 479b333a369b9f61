"""One program at a time writes to the folder of a run."""

import errno
import fcntl
import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading

import pytest

from gmn_jax.training import train
from gmn_jax.training.claim import Claim
from mese_env.errors import UserError
from tests import tiny_run

_HOLD = """
import pathlib, sys, time
from gmn_jax.training.claim import Claim
with Claim(pathlib.Path(sys.argv[1])):
  print('held', flush=True)
  time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path):
  """Another process that holds the folder `run`."""
  root = pathlib.Path(__file__).parents[2]
  command = [sys.executable, '-c', _HOLD, str(tmp_path / 'run')]
  process = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)
  assert process.stdout is not None and process.stdout.readline() == 'held\n'
  yield process
  process.kill()
  process.communicate()


def _train(workdir):
  train.train(tiny_run.tiny_config(), tiny_run.random_dataset(), workdir)


@pytest.mark.long
def test_a_second_program_is_told_who_writes_there_before_it_does_anything(
  tmp_path, holder, monkeypatch
):
  workdir = tmp_path / 'run'
  monkeypatch.setattr(train, 'prepare', lambda *_: pytest.fail('something was prepared'))
  before = sorted(workdir.rglob('*'))
  with pytest.raises(UserError, match=f'process {holder.pid} on {socket.gethostname()}') as told:
    _train(workdir)
  assert str(workdir) in str(told.value) and '\n' not in str(told.value)
  assert sorted(workdir.rglob('*')) == before
  # A process that is killed can tidy nothing up.
  holder.send_signal(signal.SIGKILL)
  holder.wait()
  with Claim(workdir):
    pass
  assert not list(workdir.glob('.lock'))


def test_two_threads_do_not_share_a_folder_and_one_after_the_other_may(tmp_path):
  told = []

  def second():
    with pytest.raises(UserError, match=f'process {os.getpid()} on') as error, Claim(tmp_path):
      pass
    told.append(error)

  for _ in range(2):
    with Claim(tmp_path):
      thread = threading.Thread(target=second)
      thread.start()
      thread.join()
  assert len(told) == 2


@pytest.mark.parametrize('code', [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_and_that_is_said(tmp_path, capsys, monkeypatch, code):
  def unsupported(file, operation):
    raise OSError(code, os.strerror(code))

  monkeypatch.setattr(fcntl, 'flock', unsupported)
  with Claim(tmp_path):
    pass
  assert f'the file system of {tmp_path} has no locks' in capsys.readouterr().err


def _inside_a_file(folder):
  (folder / 'file').write_text('')
  return folder / 'file' / 'run'


@pytest.mark.parametrize(
  'place',
  [
    lambda folder: pathlib.Path('/sys/kernel'),  # Nobody may write there, nor root.
    lambda folder: pathlib.Path('/sys/kernel/run'),
    lambda folder: pathlib.Path('/proc/self/run'),
    _inside_a_file,
    lambda folder: folder / ('x' * 300),
  ],
  ids=['unwritable', 'cannot be made', 'no folder', 'inside a file', 'too long'],
)
def test_a_folder_that_cannot_be_written_is_refused_before_anything_is_compiled(
  tmp_path, monkeypatch, place
):
  monkeypatch.setattr(train, 'prepare', lambda *_: pytest.fail('something was prepared'))
  workdir = place(tmp_path)
  with pytest.raises(UserError, match='give another --workdir') as refused:
    _train(workdir)
  assert str(workdir) in str(refused.value) and '\n' not in str(refused.value)


def test_the_run_of_another_user_is_refused_with_the_name_of_that_user(tmp_path, monkeypatch):
  workdir = tmp_path / 'run'
  (workdir / 'checkpoints').mkdir(parents=True)
  monkeypatch.setattr(os, 'getuid', lambda: -1)

  def refuse(dir):
    assert dir == workdir / 'checkpoints' or dir == workdir
    if dir == workdir / 'checkpoints':
      raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    return open(os.devnull)

  monkeypatch.setattr('tempfile.TemporaryFile', refuse)
  owner = workdir.owner()
  with pytest.raises(UserError, match=f'Permission denied; it is of the user {owner}'):
    _train(workdir)


def test_a_run_that_is_refused_leaves_no_folder(tmp_path):
  with pytest.raises(RuntimeError), Claim(tmp_path / 'run'):
    raise RuntimeError
  assert not (tmp_path / 'run').exists()
