"""Of several runs that ask for a missing dataset at once one builds it, and the others wait."""

import fcntl

import pytest

from experiments import datasets
from mese_env.errors import UserError

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
