"""Of several runs that ask for a missing dataset at once one builds it, and the others wait."""

import dataclasses
import fcntl

import pytest

from experiments import datasets
from mese_env.errors import UserError
from tfds_mese import configs

NAME = 'shepard_metzler_5_1_1_1'


@pytest.mark.long
def test_who_finds_another_build_running_waits_until_it_is_over(tmp_path, monkeypatch, capsys):
  folder = tmp_path / 'tfds_mese' / NAME
  folder.mkdir(parents=True)
  waits = []
  with (folder / '.lock').open('w') as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)

    def sleep(seconds):
      waits.append(seconds)
      if len(waits) == 3:
        fcntl.flock(lock, fcntl.LOCK_UN)

    monkeypatch.setattr(datasets.time, 'sleep', sleep)
    dataset = datasets.open_or_build(NAME, str(tmp_path), build=True)
  assert {split: len(scenes) for split, scenes in dataset.splits.items()} == {
    'train': 1, 'val': 1, 'test': 1,
  }  # fmt: skip
  assert len(waits) == 3
  assert capsys.readouterr().err.count('waiting for it') == 1


def test_nothing_is_built_unasked(tmp_path):
  with pytest.raises(UserError, match=f'{NAME}.*Or give --build'):
    datasets.open_or_build(NAME, str(tmp_path), build=False)


def test_an_evaluation_has_no_more_built_than_it_takes(tmp_path, capsys):
  few = datasets.with_enough('shepard_metzler_5', str(tmp_path), {'train': 7, 'test': 3})
  assert few == 'shepard_metzler_5_7_1_3'
  assert 'shepard_metzler_5 is missing' in capsys.readouterr().err
  whole, part = configs.stock_config('shepard_metzler_5'), configs.stock_config(few)
  for split, scenes in part.splits.items():
    # The first scenes of the whole one, which their seed, index and objects decide.
    assert dataclasses.replace(whole.splits[split], num_scenes=scenes.num_scenes) == scenes
  assert datasets.with_enough('shepard_metzler_4', str(tmp_path), {'val': 9**9}).endswith('_500_1')


@pytest.mark.parametrize('name', ['shepard_metzler_5_tiny', NAME, './robot', 'of_my_own'])
def test_what_sizes_do_not_say_is_built_whole(tmp_path, name):
  assert datasets.with_enough(name, str(tmp_path), {'train': 1}) == name
