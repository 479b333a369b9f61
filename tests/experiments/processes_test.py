"""Processes side by side: they run at once, and a signal stops all of them and those to come."""

import os
import pathlib
import signal
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from experiments.compare import command as compare
from experiments.compare import runs
from experiments.processes import Processes

# Says that it runs, then waits to be told to stop; its exit code says that it was.
_STOPPABLE = """
import pathlib, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
pathlib.Path(sys.argv[1]).touch()
time.sleep(60)
"""


def test_a_signal_stops_what_runs_at_once_and_what_has_not_begun(tmp_path):
  def when_both_run():
    while len(list(tmp_path.iterdir())) < 2:
      time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGTERM)

  former = signal.getsignal(signal.SIGTERM)
  with Processes() as processes, ThreadPoolExecutor(2) as pool:
    threading.Thread(target=when_both_run).start()
    commands = [[sys.executable, '-c', _STOPPABLE, str(tmp_path / name)] for name in 'abc']
    assert list(pool.map(processes.run, commands)) == [143] * 3
  assert sorted(path.name for path in tmp_path.iterdir()) == ['a', 'b']
  assert signal.getsignal(signal.SIGTERM) is former


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_every_signal_reaches_a_process_once_wherever_it_was_started(number, tmp_path):
  """Also where the main thread started it, and where the process says nothing of the signal."""
  script = """
import pathlib, signal, sys, time
signal.signal(int(sys.argv[1]), signal.SIG_DFL)
pathlib.Path(sys.argv[2]).touch()
time.sleep(60)
"""

  def when_it_runs():
    while not (tmp_path / 'runs').exists():
      time.sleep(0.01)
    os.kill(os.getpid(), number)

  with Processes() as processes:
    threading.Thread(target=when_it_runs).start()
    command = [sys.executable, '-c', script, str(int(number)), str(tmp_path / 'runs')]
    assert processes.run(command) == 128 + number
    assert processes.run([sys.executable, '-c', 'raise SystemExit(9)']) == 128 + number
  with Processes() as processes:
    kills_itself = 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)'
    assert processes.run([sys.executable, '-c', kills_itself]) == 128 + signal.SIGKILL


def test_processes_that_share_a_gpu_do_not_take_it_whole(tmp_path, monkeypatch):
  def preallocates(processes: Processes) -> str:
    asks = 'import os, sys; open(sys.argv[1], "w").write(str(os.environ.get(sys.argv[2])))'
    path = tmp_path / 'answer'
    with processes:
      name = 'XLA_PYTHON_CLIENT_PREALLOCATE'
      assert processes.run([sys.executable, '-c', asks, str(path), name]) == 0
    return path.read_text()

  monkeypatch.delenv('XLA_PYTHON_CLIENT_PREALLOCATE', raising=False)
  assert preallocates(Processes()) == 'None'
  assert preallocates(Processes(share_gpu=True)) == 'false'
  monkeypatch.setenv('XLA_PYTHON_CLIENT_PREALLOCATE', 'true')
  assert preallocates(Processes(share_gpu=True)) == 'true'


def test_after_a_failure_no_further_run_is_begun(tmp_path, monkeypatch, capfd):
  stand_in = tmp_path / 'stand_in.py'
  stand_in.write_text('import sys; sys.exit("seed=1" in str(sys.argv))')
  monkeypatch.setattr(runs, 'MAIN', stand_in)
  comparison = compare.parse(
    ['compare.py', '--configs=apoe', '--seeds=4', '--modes=', f'--workdir={tmp_path / "runs"}']
  )
  for run in comparison.runs:
    run.workdir.mkdir(parents=True)
  assert compare.carry_out_all(comparison) == 1
  done = sorted(pathlib.Path(path).parent.name for path in tmp_path.glob('runs/*/*.json'))
  assert done == ['apoe-0']
  assert f'{tmp_path / "runs" / "apoe-1"} was not finished' in capfd.readouterr().err
