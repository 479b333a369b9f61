"""The archive of runs: it holds all numbers, as bytes, and what is in a folder is never lost."""

import io
import os
import tarfile

import pytest

from experiments.compare import archive
from mese_env.errors import UserError

_FILES = {
  'm2/compare.json': b'{}',
  'm2/compare.txt': b'One seed\n',
  'm2/apoe-0/compare-done.json': b'{"train": []}',
  'm2/apoe-0/metrics.jsonl': b'{"step": 5}\n',
  'm2/poe-0/metrics.jsonl': b'{"step": 6}\n',
}


def _write(folder, files):
  for name, content in files.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def _read(folder):
  return {
    path.relative_to(folder).as_posix(): path.read_bytes()
    for path in folder.rglob('*')
    if path.is_file() and path.name != archive.NAME
  }


@pytest.fixture
def packed(tmp_path):
  """A folder of runs with its archive."""
  folder = tmp_path / 'runs'
  _write(folder, _FILES)
  archive.pack(folder)
  return folder


def _unpack(packed, folder):
  return archive.unpack(packed / archive.NAME, folder)


def test_what_is_unpacked_is_what_was_packed(packed, tmp_path):
  added, left = _unpack(packed, tmp_path / 'new')
  assert _read(tmp_path / 'new') == _FILES
  assert (sorted(added), left) == (sorted(_FILES), [])
  assert _unpack(packed, tmp_path / 'new') == ([], [])


def test_only_numbers_are_packed(packed, tmp_path):
  others = ('m2/compare.png', 'm2/apoe-0/checkpoints/5/config.json', 'm2/apoe-0/tensorboard/events')
  _write(packed, dict.fromkeys(others, b'large'))
  _write(packed, {'README.md': b'Read', 'm2/apoe-0/density.json': b'{}'})
  assert archive.pack(packed) == sorted([*_FILES, 'm2/apoe-0/density.json'])


def test_the_same_numbers_make_the_same_bytes(packed, tmp_path):
  again = tmp_path / 'again'
  _write(again, dict(reversed(_FILES.items())))
  for path in again.rglob('*'):
    os.utime(path, (5, 5))
    path.chmod(0o700)
  archive.pack(again)
  assert (again / archive.NAME).read_bytes() == (packed / archive.NAME).read_bytes()


def test_nothing_in_a_folder_is_overwritten(packed, tmp_path):
  newer = {'m2/compare.txt': b'Another table', 'm2/apoe-0/compare-done.json': b'{"density": []}'}
  _write(tmp_path / 'mine', newer)
  _unpack(packed, tmp_path / 'mine')
  assert _read(tmp_path / 'mine') == _FILES | newer


def test_a_run_that_was_begun_anew_is_not_taken_for_done(packed, tmp_path):
  _write(tmp_path / 'mine', {'m2/apoe-0/metrics.jsonl': b'{"step": 1}\n'})
  _, left = _unpack(packed, tmp_path / 'mine')
  assert left == ['m2/apoe-0']
  assert not (tmp_path / 'mine' / 'm2' / 'apoe-0' / 'compare-done.json').exists()
  assert (tmp_path / 'mine' / 'm2' / 'poe-0' / 'metrics.jsonl').exists()


def test_packing_adds_to_what_the_archive_has(tmp_path, packed, capsys):
  other = tmp_path / 'other'
  other.mkdir()
  os.rename(packed / archive.NAME, other / archive.NAME)
  _write(other, {'m5/apoe-0/metrics.jsonl': b'{"step": 7}\n'})
  archive.main(['archive.py', 'pack', str(other)])
  archive.main(['archive.py', 'unpack', str(other), f'--to={tmp_path / "all"}'])
  assert _read(tmp_path / 'all') == _FILES | {'m5/apoe-0/metrics.jsonl': b'{"step": 7}\n'}
  assert '6 files unpacked' in capsys.readouterr().out


def _damage(path):
  path.write_bytes(path.read_bytes()[:100])


def _lead_out(path):
  member = tarfile.TarInfo('m2/../../outside.txt')
  with tarfile.open(path, 'w:xz') as tar:
    tar.addfile(member, io.BytesIO())


@pytest.mark.parametrize(
  ('spoil', 'message'),
  [(os.unlink, 'there is no'), (_damage, 'is damaged'), (_lead_out, 'no file of a run')],
  ids=['missing', 'cut short', 'leads out of the folder'],
)
def test_an_archive_that_is_none_is_refused(spoil, message, packed, tmp_path):
  spoil(packed / archive.NAME)
  with pytest.raises(UserError, match=message):
    _unpack(packed, tmp_path / 'new')
  assert not _read(tmp_path / 'new')


def test_a_folder_without_runs_is_refused(tmp_path):
  with pytest.raises(UserError, match='there are no runs'):
    archive.pack(tmp_path)
