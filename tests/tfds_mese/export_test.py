"""What is exported reads back bit for bit, and half an export never looks like a whole one."""

import errno
import json
import os
import pickle
import shutil
import types
import weakref

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env import installing
from mese_env.errors import UserError
from tests import tiny_built
from tfds_mese import lock
from tfds_mese.dataset import Dataset
from tfds_mese.export import exporting, manifest, parquet
from tfds_mese.export.columns import columns_of, differing
from tfds_mese.export.formats import FORMATS
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long

_FORMATS = list(FORMATS)


def _run(source, form, out):
  return command.main(['export', f'{source}/', f'--format={form.name}', f'--out={out}'])


def _assert_equal(found, expected):
  assert found.splits.keys() == expected.splits.keys()
  for split, source in expected.splits.items():
    assert len(found.splits[split]) == len(source)
    for scene, made in zip(found.splits[split], source, strict=True):
      assert differing(scene, made) == []
  assert found.metadata == expected.metadata and found.identity == expected.identity
  assert found.ranges.keys() == expected.ranges.keys()
  for sense, ends in expected.ranges.items():
    assert [end.tobytes() for end in found.ranges[sense]] == [end.tobytes() for end in ends]


@pytest.mark.parametrize('kind', ['built', 'whole', 'gaps', 'touch alone', 'sight alone'])
def test_an_export_reads_back_as_it_was(sources, kind, form, tmp_path):
  assert _run(sources[kind], form, tmp_path / 'out') == 0
  assert not (tmp_path / 'out.incomplete').exists()
  exported, expected = open_dataset(tmp_path / 'out'), open_dataset(sources[kind])
  _assert_equal(exported, expected)
  # Again into the other format, and by another process's copy of the reader.
  other = FORMATS[next(name for name in _FORMATS if name != form.name)]
  assert _run(tmp_path / 'out', other, tmp_path / 'again') == 0
  _assert_equal(pickle.loads(pickle.dumps(open_dataset(tmp_path / 'again'))), expected)
  assert (tmp_path / 'out/NOTICE').exists() == (kind == 'built')


def test_some_of_the_arrays_are_read_alone(sources, form, tmp_path):
  _run(sources['built'], form, tmp_path / 'out')
  assert open_dataset(tmp_path / 'out', fields='hands').splits['val'][0].keys() == {'hands'}
  with pytest.raises(UserError, match="has no field 'hand': did you mean 'hands'"):
    open_dataset(tmp_path / 'out', fields=['hand'])
  # What says which views are there is never left out.
  _run(sources['gaps'], form, tmp_path / 'gaps')
  _assert_equal(open_dataset(tmp_path / 'gaps', fields=['images']), open_dataset(sources['gaps']))


@pytest.mark.parametrize('dtype', ['bool', *(f'{kind}{2**bits}' for kind, first in
                                           (('int', 3), ('uint', 3), ('float', 4))
                                           for bits in range(first, 7))])  # fmt: skip
def test_every_type_keeps_its_bits(dtype, form, tmp_path):
  rng = np.random.default_rng(0)
  shapes = {'number': (), 'row': (3,), 'table': (2, 3), 'box': (2, 3, 1), 'views': (2, 8, 8, 3)}

  def array(shape):
    raw = rng.integers(0, 2 if dtype == 'bool' else 256, (*shape, np.dtype(dtype).itemsize))
    return raw.astype(np.uint8).view(dtype)[..., 0]

  scenes = [{name: array(shape) for name, shape in shapes.items()} for _ in range(3)]
  columns = columns_of(scenes[0])
  form.write(tmp_path / 'file', iter(scenes), columns, 0)
  read = form.read(tmp_path / 'file', columns)
  for i in (2, 0, 1):
    assert differing(read[i], scenes[i]) == []


class _Scene(dict):
  """A scene that can be watched."""


class _Watched:
  """Many scenes, made when they are asked for; counts how many are alive at once."""

  def __init__(self, length, ends_at=None):
    self.length, self.ends_at, self.alive, self.most = length, ends_at, 0, 0

  def __len__(self):
    return self.length

  def __getitem__(self, position):
    if position >= self.length:
      raise IndexError(position)
    if position == self.ends_at:
      raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    rng = np.random.default_rng(position)
    scene = _Scene(x=rng.normal(size=1000), index=np.int64(position))
    self.alive += 1
    self.most = max(self.most, self.alive)
    weakref.finalize(scene, self._gone)
    return scene

  def _gone(self):
    self.alive -= 1


def _dataset(source):
  return Dataset({'train': source, 'val': source}, {}, {}, {})


@pytest.fixture
def small_files(monkeypatch):
  """Files of ten scenes, in groups of four."""
  monkeypatch.setattr(exporting, '_FILE_BYTES', 81_000)
  monkeypatch.setattr(parquet, '_GROUP_BYTES', 33_000)


def test_scenes_are_held_a_group_at_a_time(form, tmp_path, small_files):
  source = _Watched(33)
  exporting.export(_dataset(source), 'many', form, tmp_path / 'out')
  assert source.most <= 8
  assert [file.scenes for file in manifest.read(tmp_path / 'out').files] == [10, 10, 10, 3] * 2
  _assert_equal(open_dataset(tmp_path / 'out'), _dataset(source))


def test_an_export_that_was_stopped_is_continued(form, tmp_path, small_files, capsys):
  out, partial = tmp_path / 'out', tmp_path / 'out.incomplete'
  source = _Watched(33)
  stopped = Dataset({'train': _Watched(33, ends_at=24), 'val': source}, {}, {}, {})
  with pytest.raises(UserError, match='the disk of .* is full: free some space and give the same'):
    exporting.export(stopped, 'many', form, out)
  assert not out.exists() and not manifest.is_export(partial)
  first, second = sorted(path for path in (partial / 'data').iterdir() if path.suffix != '.partial')
  second.write_bytes(next(tiny_built.flipped(second.read_bytes(), 1)))
  kept = first.stat().st_ino
  exporting.export(_dataset(source), 'many', form, out)
  assert (out / 'data' / first.name).stat().st_ino == kept
  _assert_equal(open_dataset(out), _dataset(source))
  assert sorted(path.name for path in tmp_path.iterdir()) == ['out']


def test_two_exports_give_the_same_bytes(sources, form, tmp_path):
  for name in ('first', 'second'):
    _run(sources['built'], form, tmp_path / name)
  first, second = (
    {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name).rglob('*')
     if path.is_file()}
    for name in ('first', 'second')
  )  # fmt: skip
  assert first == second


@pytest.mark.parametrize(
  ('damage', 'said'),
  [
    (lambda path: path.unlink(), 'is missing'),
    (lambda path: path.write_bytes(path.read_bytes()[:-9]), r'has \d+ of \d+ bytes'),
  ],
)
def test_an_export_that_is_not_whole_is_not_opened(sources, form, tmp_path, capsys, damage, said):
  out = tmp_path / 'out'
  _run(sources['built'], form, out)
  path = out / manifest.read(out).files[1].path
  damage(path)
  with pytest.raises(UserError, match=said):
    open_dataset(out)
  capsys.readouterr()
  assert command.main(['verify', str(out)]) == 1
  assert capsys.readouterr().out.startswith(f'{path}: it ')


def test_verify_names_what_changed_in_an_export(sources, form, tmp_path, capsys):
  out = tmp_path / 'out'
  _run(sources['built'], form, out)
  capsys.readouterr()
  assert command.main(['verify', str(out)]) == 0
  path = out / manifest.read(out).files[0].path
  path.write_bytes(next(tiny_built.flipped(path.read_bytes(), 1)))
  stranger = path.with_name(f'train-extra{path.suffix}')
  stranger.write_bytes(b'')
  assert command.main(['verify', str(out)]) == 1
  said = capsys.readouterr().out.splitlines()
  assert f'{stranger}: it is no file of the export; move it away' in said
  assert f'{path}: its bytes are not those written' in said
  content = (out / manifest.NAME).read_text()
  for damaged in ('', '[]', '{}', content.replace('"train"', '"drain"', 1)):
    (out / manifest.NAME).write_text(damaged)
    with pytest.raises(UserError, match='export.json cannot be read'):
      open_dataset(out)


def test_a_damaged_dataset_is_not_exported(sources, form, tmp_path):
  folder = shutil.copytree(sources['built'], tmp_path / 'data/tfds_mese/small/1.0.0')
  path = next(folder.glob('*-val.*'))
  path.write_bytes(next(tiny_built.flipped(path.read_bytes(), 1)))
  with pytest.raises(UserError, match='is not as it was written'):
    _run(folder, form, tmp_path / 'out')
  assert [path.name for path in tmp_path.iterdir()] == ['data']


def _refusal(*arguments):
  with pytest.raises(UserError) as error:
    command.main(['export', *map(str, arguments)])
  assert '\n' not in str(error.value)
  return str(error.value)


def test_bad_input_is_a_sentence_before_any_work(sources, tmp_path, monkeypatch):
  built, out = sources['built'], f'--out={tmp_path / "out"}'
  parquet_format = '--format=parquet'
  assert "did you mean 'parquet'" in _refusal(built, '--format=parket', out)
  where = f'--data_dir={built.parents[2]}'
  said = _refusal('shepard_metzler_4', parquet_format, out, where)
  assert 'build it with `python -m tfds_mese --config=shepard_metzler_4' in said
  assert "did you mean 'shepard_metzler_4'" in _refusal('metzler_4', parquet_format, out, where)
  assert 'there is no folder' in _refusal('./nowhere', parquet_format, out)
  assert '--out' in _refusal(built, parquet_format)
  assert '--fromat' in _refusal(built, '--fromat=parquet', parquet_format, out)
  assert 'in the folder of the dataset' in _refusal(built, parquet_format, f'--out={built}/out')
  taken = tmp_path / 'taken'
  taken.mkdir()
  (taken / 'thesis.tex').write_text('')
  assert 'is not empty; give a new folder' in _refusal(built, parquet_format, f'--out={taken}')
  assert 'is a file' in _refusal(built, parquet_format, f'--out={taken / "thesis.tex" / "out"}')
  monkeypatch.setattr('importlib.util.find_spec', lambda name: None)
  assert installing.command('export') in _refusal(built, parquet_format, out)
  assert [path.name for path in tmp_path.iterdir()] == ['taken']


def test_a_folder_that_cannot_take_an_export_is_refused(sources, tmp_path, monkeypatch):
  arguments = (sources['built'], '--format=webdataset', f'--out={tmp_path / "out"}')
  with lock.held(tmp_path / 'out.incomplete', UserError('it is free')):
    assert 'another export into' in _refusal(*arguments)
  other = tmp_path / 'out.incomplete/data/train-00000-of-00001.parquet'
  other.parent.mkdir()
  other.write_text('mine')
  assert f'holds {other.name}, of another export' in _refusal(*arguments)
  assert other.read_text() == 'mine'
  shutil.rmtree(other.parents[1])
  disk = types.SimpleNamespace(total=9, used=8, free=1)
  monkeypatch.setattr('shutil.disk_usage', lambda path: disk)
  assert 'MiB free and the export needs about' in _refusal(*arguments)
  assert not list(tmp_path.iterdir())


def test_the_card_names_every_file_by_its_split(sources, form, tmp_path):
  _run(sources['built'], form, tmp_path / 'out')
  whole = manifest.read(tmp_path / 'out')
  _, header, body = (tmp_path / 'out/README.md').read_text().split('---\n', 2)
  lines = [line.strip() for line in header.splitlines()]
  for split in ('train', 'val', 'test'):
    pattern = lines[lines.index(f'- split: {split}') + 1].removeprefix('path: ')
    named = {str(path.relative_to(tmp_path / 'out')) for path in (tmp_path / 'out').glob(pattern)}
    assert named == {file.path for file in whole.files if file.split == split}
  assert 'license: apache-2.0' in lines and '- n<1K' in lines
  for column in whole.columns:
    assert f'| `{column.name}` | {column.shape} | {column.dtype} | ' in body


def test_parquet_is_in_the_form_of_the_hub(sources, tmp_path):
  pq = pytest.importorskip('pyarrow.parquet')
  _run(sources['built'], FORMATS['parquet'], tmp_path / 'out')
  (path,) = (tmp_path / 'out/data').glob('val-*')
  table = pq.read_table(path)
  remark = json.loads(table.schema.metadata[b'huggingface'])['info']['features']
  assert remark.keys() == set(table.column_names)
  assert remark['images'] == {'_type': 'List', 'feature': {'_type': 'Image'}}
  pictures = table['images'][1].as_py()
  assert [picture['path'] for picture in pictures] == ['000001_00.png', '000001_01.png']
  assert all(picture['bytes'].startswith(b'\x89PNG') for picture in pictures)
  hands = open_dataset(sources['built']).splits['val'][1]['hands']
  np.testing.assert_array_equal(np.array(table['hands'][1].as_py(), np.float32), hands)
