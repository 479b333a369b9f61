"""Every command explains itself at once, and what it does not understand is one sentence."""

import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest

from experiments import modes
from experiments.compare.archive import ARCHIVE
from experiments.gmn import GMN
from mese_env.command import Group
from mese_env.commands import MESE
from tfds_mese.commands import DATA

_ROOT = pathlib.Path(__file__).parents[2]
_GMN = ('-m', 'gmn_jax')


def _with_all_below(program, command):
  """A program, and where it is a group, each of its commands."""
  below = command.commands if isinstance(command, Group) else {}
  return [program] + [
    found for name, one in below.items() for found in _with_all_below((*program, name), one)
  ]


_ALL = [
  *_with_all_below(_GMN, GMN),
  *_with_all_below(('-m', 'mese_env'), MESE),
  *_with_all_below(('-m', 'tfds_mese'), DATA),
  *_with_all_below(('-m', 'experiments.compare.archive'), ARCHIVE),
  ('experiments/main.py',),
  *(('experiments/main.py', f'--mode={mode}') for mode in modes.names()),
  ('experiments/compare.py',),
  ('-m', 'experiments.compare.beside'),
  ('experiments/demo.py',),
  ('experiments/export.py',),
  *((f'experiments/bench/{name}.py',) for name in ('env', 'fed', 'gpu', 'input', 'peer', 'step')),
  ('-m', 'experiments.bench'),
  ('-m', 'experiments.faults'),
  ('-m', 'gmn_jax.parity'),
  ('-m', 'gmn_jax.plan'),
]
# Run by other processes alone.
_WORKERS = {
  'experiments/bench/peer_authors.py',
  'experiments/bench/peer_ours.py',
  'experiments/faults/flipped.py',
  'tfds_mese/workers.py',
}
_SLOW = ('jax', 'numpy', 'absl', 'tensorflow', 'tensorflow_datasets', 'pyarrow', 'mujoco')


@pytest.fixture(scope='module')
def nothing_slow(tmp_path_factory):
  """An environment in which nothing that is slow to load can be."""
  folder = tmp_path_factory.mktemp('slow')
  for name in _SLOW:
    (folder / f'{name}.py').write_text(f'raise SystemExit("{name} is loaded")')
  return os.environ | {'PYTHONPATH': os.pathsep.join([str(folder), str(_ROOT)])}


def _run(command, environment, cwd=_ROOT):
  return subprocess.run(
    [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True
  )


def test_no_command_is_forgotten():
  files = {
    path.relative_to(_ROOT).as_posix()
    for package in ('experiments', 'gmn_jax', 'mese_env', 'tfds_mese')
    for path in (_ROOT / package).rglob('*.py')
    if "__name__ == '__main__'" in path.read_text()
  }
  tested = set()
  for first, *rest in _ALL:
    module = _ROOT / rest[0].replace('.', '/') if first == '-m' else _ROOT / first
    path = module / '__main__.py' if module.is_dir() else module.with_suffix('.py')
    tested.add(path.relative_to(_ROOT).as_posix())
  assert files - _WORKERS == tested


@pytest.mark.parametrize('command', _ALL, ids=' '.join)
def test_help_has_options_and_an_example_at_once_and_starts_nothing(command, nothing_slow):
  before = resource.getrusage(resource.RUSAGE_CHILDREN)
  done = _run([*command, '--help'], nothing_slow)
  after = resource.getrusage(resource.RUSAGE_CHILDREN)
  assert (done.returncode, done.stderr) == (0, '')
  assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 1
  usage, *_, title, example = done.stdout.splitlines()
  program = ' '.join(part for part in command if not part.startswith('--'))
  assert usage.startswith(f'usage: python {program}') and title == 'example:'
  assert example.startswith(f'  python {program}')
  assert '\noptions:\n' in done.stdout
  assert not re.search(r'dataclass|: int = |: str = ', done.stdout)
  assert _run([*command, '-h'], nothing_slow).stdout == done.stdout
  # What is misspelt is refused by a sentence that names the near one.
  names = re.findall(r'^  --(\w+)', done.stdout, re.MULTILINE)
  asked, named = (f'--{names[-1]}x', f"did you mean '{names[-1]}'") if names else ('--x', 'none')
  refused = _run([*command, asked], nothing_slow)
  assert (refused.returncode, refused.stdout) == (2, '')
  assert refused.stderr.startswith(f'error: there is no option {asked}; ')
  assert named in refused.stderr and refused.stderr.count('\n') == 1


@pytest.mark.parametrize(
  ('command', 'sentence'),
  [
    ([*_GMN, 'trian'], "no command 'trian'; did you mean 'train'?"),
    ([*_GMN, 'data', 'verfy'], "no command 'verfy'; did you mean 'verify'?"),
    (['-m', 'mese_env', 'shet'], "no command 'shet'; did you mean 'sheet'?"),
    (_GMN, 'no command is given; '),
    ([*_GMN, 'density'], 'required: MODEL'),
    (['experiments/main.py', '--mode=densty', '--help'], "'densty'; did you mean 'density'?"),
    (['experiments/export.py', '--workdir=run'], 'required: --to'),
  ],
)
def test_a_command_that_there_is_not_or_that_lacks_something_is_one_sentence(
  command, sentence, nothing_slow
):
  done = _run(command, nothing_slow)
  assert (done.returncode, done.stdout) == (2, '')
  assert done.stderr.startswith('error: ') and done.stderr.count('\n') == 1
  assert sentence in done.stderr


def test_gmn_runs_our_commands_where_another_folder_has_their_name(nothing_slow, tmp_path):
  (tmp_path / 'experiments').mkdir()
  (tmp_path / 'experiments' / '__init__.py').write_text('raise SystemExit("not ours")')
  done = _run([*_GMN, 'generate', '--help'], nothing_slow, tmp_path)
  assert done.returncode == 0 and 'Imagines objects' in done.stdout
