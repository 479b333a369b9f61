"""Folders that a user names: every text is a folder of this machine, or one sentence."""

import os
import pathlib
import pwd
import subprocess
import sys

import pytest

from experiments import compiled, datasets, export, main
from experiments.bench.commands import BENCH
from experiments.compare import archive, command
from mese_env import __main__ as environment
from mese_env import doctor, folders
from mese_env.errors import UserError, explain_full_disk, explain_unwritable, quoted

_ROOT = pathlib.Path(__file__).parents[2]
_CONFIG = _ROOT / 'experiments' / 'configs' / 'apoe.py'
_NO_FOLDERS = {
  'gs://bucket/run': 'only folders of this machine can be used; mount',
  's3://bucket/run': 'only folders of this machine can be used; mount',
  'HTTPS://host/run': 'only folders of this machine can be used; mount',
  'gs:/bucket/run': 'only folders of this machine can be used; mount',
  'file:///tmp/run': 'leave file:// out, as in /tmp/run',
  '': 'is empty; give a folder',
  '  ': 'is empty; give a folder',
  'a\0b': r"is 'a\\x00b'; leave the characters out",
  'a\nb': r"is 'a\\nb'; leave the characters out",
  '~no-such-user/run': 'there is no such home folder; set HOME, or',
  'x' * 256: 'whose name is too long',
  'é' * 128: 'whose name is too long',
  'x/' * 2100: 'whose name is too long',
  '/dev/null': 'but /dev/null is a file',
  '/dev/null/run/here': 'but /dev/null is a file',
}
_OPTIONS = {
  'main': ('--workdir', lambda text: main.main(['', f'--config={_CONFIG}', f'--workdir={text}'])),
  'main data': (
    '--config.data_dir',
    lambda text: main.main(['', f'--config={_CONFIG}', f'--config.data_dir={text}']),
  ),
  'evaluation': ('--workdir', lambda text: main.main(['', '--mode=cost', f'--workdir={text}'])),
  'compare': ('--workdir', lambda text: command.main(['', f'--workdir={text}'])),
  'export': ('--to', lambda text: export.main(['', f'--to={text}', '--workdir=run'])),
  'export of': ('--workdir', lambda text: export.main(['', '--to=x', f'--workdir={text}'])),
  'archive': ('--to', lambda text: archive.main(['', 'unpack', '.', f'--to={text}'])),
  'archive of': ('FOLDER', lambda text: archive.main(['', 'unpack', text])),
  'bench': ('--out', lambda text: BENCH.carry_out('bench', [f'--out={text}'])),
  'sheet': ('--out', lambda text: environment.main(['sheet', f'--out={text}'])),
}


@pytest.mark.parametrize('text', _NO_FOLDERS)
@pytest.mark.parametrize('name', _OPTIONS)
def test_no_command_takes_for_a_folder_what_is_none(name, text, tmp_path, monkeypatch):
  monkeypatch.chdir(tmp_path)
  option, given = _OPTIONS[name]
  if (name, text) == ('main data', '') or (name == 'sheet' and text.startswith('/dev')):
    pytest.skip('an empty data_dir is the default, and a sheet is a file')
  with pytest.raises(UserError, match=_NO_FOLDERS[text]) as refused:
    given(text)
  assert option in str(refused.value) and '\n' not in str(refused.value)
  assert len(str(refused.value)) < 300
  assert not list(tmp_path.iterdir())


def test_the_home_folder_is_written_as_a_shell_does(tmp_path, monkeypatch):
  monkeypatch.setenv('HOME', str(tmp_path))
  given = [f'--config={_CONFIG}', '--workdir=~/runs/x', '--config.data_dir=~/data']
  read = main.parse(['main.py', *given])
  assert read.workdir == tmp_path / 'runs' / 'x'
  assert read.config.data_dir == str(tmp_path / 'data')
  assert folders.read_folder('a~b/~', '--workdir') == pathlib.Path('a~b/~')
  assert folders.read_folder(pathlib.Path('~'), '--workdir') == tmp_path


@pytest.mark.parametrize('inside', ['', '7', '7/params', 'new/run', '../checkpoints/7'])
@pytest.mark.parametrize('name', ['main', 'evaluation', 'compare'])
def test_the_checkpoints_of_a_run_are_no_place_for_another(name, inside, tmp_path):
  (tmp_path / 'a run' / 'checkpoints' / '7').mkdir(parents=True)
  workdir = tmp_path / 'a run' / 'checkpoints' / inside
  named = f"--workdir='{tmp_path}/a run', or"
  with pytest.raises(UserError, match=f'in the checkpoints of a run; .*{named}'):
    _OPTIONS[name][1](workdir)
  # A folder of that name that holds no steps is like any other.
  (tmp_path / 'checkpoints').mkdir()
  folders.refuse_inside_run(tmp_path / 'checkpoints' / 'mine', '--workdir')


@pytest.mark.parametrize('inside', ['', 'train', 'train/run', '../robot/val'])
def test_the_folder_of_the_scenes_is_no_place_for_a_run(inside, tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_COMPILATION_CACHE_DIR', str(tmp_path / 'compiled'))
  (tmp_path / 'robot' / 'train').mkdir(parents=True)
  (tmp_path / 'data' / 'tfds_mese').mkdir(parents=True)
  own = ['--config.dataset=./robot', f'--workdir=robot/{inside}']
  built = ['--config.data_dir=data', f'--workdir=data/tfds_mese/{inside.replace("robot", "x")}']
  monkeypatch.chdir(tmp_path)
  for given in (own, built):
    if '..' in inside and given is built:
      continue
    with pytest.raises(UserError, match='in the folder of the dataset, .*; give one outside'):
      main.main(['main.py', f'--config={_CONFIG}', *given])
  folders.refuse_inside_data(tmp_path / 'robots', '--workdir', tmp_path / 'robot')
  folders.refuse_inside_data(tmp_path, '--workdir', tmp_path / 'robot')


def test_paths_in_commands_are_quoted():
  assert quoted(pathlib.Path('/a b/$x')) == "'/a b/$x'" and quoted('runs/x') == 'runs/x'


_WITHOUT_HOME = """
import os, pwd, random
from mese_env import folders
from mese_env.errors import UserError
# From here on what Python itself is of may be out of reach.
os.setgid(54321), os.setuid(54321)
print(folders.home_folder())
try:
  folders.read_folder('~/x', '--workdir')
except UserError as error:
  print(error)
try:
  folders.require_writable(folders.pathlib.Path('kept/run'), 'give another --workdir.')
except UserError as error:
  print(error)
"""


@pytest.mark.skipif(os.getuid() != 0, reason='only root can become a user without an entry')
def test_without_a_home_and_without_permission_it_says_so(tmp_path):
  (tmp_path / 'kept').mkdir(mode=0o755)
  for folder in (tmp_path, *tmp_path.parents[:3]):
    if folder.name.startswith(('pytest', 'test')):
      folder.chmod(0o755)
  environment = {name: value for name, value in os.environ.items() if name != 'HOME'}
  done = subprocess.run(
    [sys.executable, '-c', _WITHOUT_HOME],
    cwd=tmp_path,
    env=environment | {'PYTHONPATH': str(_ROOT)},
    capture_output=True,
    text=True,
  )
  assert done.stdout.splitlines() == [
    'None',
    '--workdir is ~/x, and there is no such home folder; set HOME, or write the path without ~.',
    'cannot write to kept (Permission denied): give another --workdir.',
  ], done.stderr


@pytest.fixture
def no_home(monkeypatch):
  def getpwuid(uid: int):
    raise KeyError(uid)

  monkeypatch.setattr(pwd, 'getpwuid', getpwuid)
  monkeypatch.delenv('HOME', raising=False)
  monkeypatch.delenv('TFDS_DATA_DIR', raising=False)


@pytest.mark.parametrize('name', _OPTIONS)
def test_without_a_home_no_command_knows_what_a_tilde_is(name, no_home):
  with pytest.raises(UserError, match='there is no such home folder; set HOME, or write'):
    _OPTIONS[name][1]('~/x')


def test_without_a_home_what_needs_none_goes_on(no_home, monkeypatch, capsys, tmp_path):
  monkeypatch.delenv('JAX_COMPILATION_CACHE_DIR', raising=False)
  compiled.keep_compiled()
  assert capsys.readouterr().err == (
    'what is compiled is not kept: there is no home folder to keep it in; set HOME, or '
    'JAX_COMPILATION_CACHE_DIR.\n'
  )
  with pytest.raises(UserError, match='TFDS_DATA_DIR is ~/tensorflow_datasets, and .* set HOME'):
    datasets.open_or_build('shepard_metzler_5_tiny', '', build=True)
  with pytest.raises(UserError, match='is not in'):
    datasets.open_or_build('shepard_metzler_5_tiny', str(tmp_path), build=False)
  findings = {finding.name: finding for finding in doctor.examine_disks()}
  assert findings['disk of datasets'].state == 'missing'
  assert findings['disk of runs'].state == 'ok'


@pytest.mark.parametrize('place', ['/proc/run', '/sys/kernel/run', '/proc/self/fd/run'])
@pytest.mark.skipif(sys.platform != 'linux', reason='of Linux')
def test_a_folder_that_not_even_root_can_write_is_named(place, tmp_path, monkeypatch):
  monkeypatch.setenv('JAX_COMPILATION_CACHE_DIR', str(tmp_path))
  for command_line in ('main', 'compare'):
    with pytest.raises(UserError, match='cannot write to /.*: give another --workdir'):
      _OPTIONS[command_line][1](place)
  with pytest.raises(UserError, match='cannot write to /.*: give another folder --to copy to'):
    _OPTIONS['export'][1](place)
  with pytest.raises(UserError, match='cannot write to /.*: give another --out'):
    _OPTIONS['sheet'][1](f'{place}/sheet.png')


@pytest.mark.parametrize(
  ('error', 'sentence'),
  [
    (OSError(28, os.strerror(28)), 'the disk of run is full: make room'),
    (OSError(122, os.strerror(122)), r'share \(quota\) of the disk of run is full: make room'),
    (OSError(27, os.strerror(27)), 'a file in run became as large as files may be'),
    (ValueError(f'INTERNAL: [OS error 28: {os.strerror(28)}]'), 'the disk of run is full'),
    (ValueError(f'[OS error 122: {os.strerror(122)}]'), 'quota'),
  ],
)
@pytest.mark.skipif(sys.platform != 'linux', reason='the numbers are those of Linux')
def test_a_disk_that_takes_no_more_is_a_sentence_whatever_the_reason(error, sentence):
  with pytest.raises(UserError, match=sentence), explain_full_disk('run', 'make room.'):
    raise error


@pytest.mark.parametrize('number', [1, 13, 17, 20, 21, 30, 36, 40])
def test_what_cannot_be_written_is_a_sentence_and_other_errors_pass(number):
  with pytest.raises(UserError, match='cannot write to run'), explain_unwritable('run', 'move.'):
    raise OSError(number, 'whatever it is')
  with pytest.raises(OSError, match='broken'), explain_unwritable('run', 'move.'):
    raise OSError(5, 'broken')
  with pytest.raises(ValueError, match='else'), explain_full_disk('run', 'make room.'):
    raise ValueError('something else')
