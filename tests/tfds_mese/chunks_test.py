"""Cached chunks: a damaged one is said and generated again, never used and never fatal."""

import functools

import numpy as np
import pytest

from mese_env import SceneConfig
from tests import tiny_built
from tfds_mese import chunks as chunks_lib
from tfds_mese import workers

SCENE = SceneConfig(num_looks=1, num_grasps=1, image_size=8)
CHUNK = chunks_lib.Chunk(SCENE, seed=0, start=4, stop=6)
OTHER = chunks_lib.Chunk(SCENE, seed=0, start=6, stop=8)


@pytest.fixture
def written(tmp_path, monkeypatch):
  """A folder with a chunk, and that chunk's path; no scene is generated twice."""
  monkeypatch.setattr(chunks_lib, 'generate_scene', functools.cache(chunks_lib.generate_scene))
  chunks_lib.write_chunk(CHUNK, tmp_path)
  return tmp_path, CHUNK.path(tmp_path)


def assert_generated_again(folder, path, capsys):
  read = dict(chunks_lib.read_chunks([CHUNK], folder))
  assert capsys.readouterr().err == f'{path} was damaged: its scenes are generated again\n'
  assert not path.exists()
  assert_whole(read)


def assert_whole(read):
  assert list(read) == [4, 5]
  for index, scene in CHUNK.scenes():
    for name, array in scene.items():
      np.testing.assert_array_equal(read[index][name], array)
      assert read[index][name].dtype == array.dtype


def test_whole_chunk_is_read_without_a_word(written, capsys):
  folder, path = written
  assert_whole(dict(chunks_lib.read_chunks([CHUNK], folder)))
  assert path.exists() and not capsys.readouterr().err


def test_every_flipped_bit_is_noticed(written, capsys):
  folder, path = written
  for content in tiny_built.flipped(path.read_bytes(), 400):
    path.write_bytes(content)
    assert_generated_again(folder, path, capsys)


def _of_another(path):
  chunks_lib.write_chunk(OTHER, path.parent)
  OTHER.path(path.parent).rename(path)


def _folder(path):
  path.unlink()
  path.mkdir()
  (path / 'lost').touch()


def _without_digest(path):
  with np.load(path) as file:
    arrays = dict(file)
  np.savez_compressed(path, **arrays)


@pytest.mark.parametrize(
  'damage',
  [
    lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(path.read_bytes()[:10]),
    lambda path: path.write_bytes(path.read_bytes()[:-1]),
    lambda path: path.write_bytes(path.read_bytes() + b'\0'),
    lambda path: path.write_bytes(bytes(path.stat().st_size)),
    _of_another,
    _folder,
    _without_digest,
  ],
)
def test_whatever_else_is_wrong_with_a_chunk_is_noticed(written, capsys, damage):
  folder, path = written
  damage(path)
  assert_generated_again(folder, path, capsys)


def test_only_the_damaged_are_removed_before_a_build_goes_on(written, capsys):
  folder, path = written
  chunks_lib.write_chunk(OTHER, folder)
  path.write_bytes(path.read_bytes()[:-3])
  absent = chunks_lib.Chunk(SCENE, seed=0, start=8, stop=9)
  chunks_lib.remove_damaged([CHUNK, OTHER, absent], folder)
  assert [left.name for left in folder.iterdir()] == [OTHER.path(folder).name]
  assert capsys.readouterr().err.count('was damaged') == 1


@pytest.mark.long
def test_a_build_over_a_damaged_cache_gives_the_files_of_one_left_alone(tmp_path, monkeypatch):
  whole = tiny_built.build(tmp_path / 'whole')
  generate = workers.generate_chunks

  def generate_and_damage(chunks, folder, num_workers):
    generate(chunks, folder, num_workers)
    for chunk, content in zip(chunks, (b'', b'half', None), strict=True):
      if content is not None:
        chunk.path(folder).write_bytes(content)

  monkeypatch.setattr(workers, 'generate_chunks', generate_and_damage)
  rebuilt = tiny_built.build(tmp_path / 'damaged')
  assert {path.name: path.read_bytes() for path in rebuilt.iterdir()} == {
    path.name: path.read_bytes() for path in whole.iterdir()
  }
  assert {path.name for path in rebuilt.parent.iterdir()} == {'.lock', '1.0.0'}
