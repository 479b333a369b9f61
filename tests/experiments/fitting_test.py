"""Evaluations of data of one's own: defaults fit what there is, and what does not fit is said."""

import json

import numpy as np
import pytest

from experiments import modes
from experiments.evaluation import blocks
from experiments.evaluation import scenes as taken
from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests.tiny_run import random_dataset, random_run, tiny_config
from tfds_mese import own_data
from tfds_mese.dataset import Dataset

pytestmark = pytest.mark.long

_MODES = ('density', 'classify', 'generate', 'missing', 'active')


def _own(scenes: int, looks, grasps, test: bool = False) -> Dataset:
  """Scenes with so many looks and grasps, numbers or what gives one for each scene."""

  def split(first):
    rng, columns = np.random.default_rng(first), {}
    for i in range(scenes):
      n, g = (count(i) if callable(count) else count for count in (looks, grasps))
      scene = {
        'images': rng.integers(0, 256, (n, 8, 8, 3), np.uint8) if n else None,
        'cameras': rng.uniform(-1, 1, (n, 5)) if n else None,
        'haptics': rng.normal(size=(g, 6)) if g else None,
        'hands': rng.uniform(-1, 1, (g, 5)) if g else None,
      }
      for name, array in scene.items():
        columns.setdefault(name, []).append(array)
    return columns

  splits = ('train', 'val', *['test'] * test)
  return own_data.from_arrays({name: split(i) for i, name in enumerate(splits)})


def _fitted(mode: str, dataset: Dataset, **options):
  evaluation = modes.load(mode)
  run = random_run(haptic_channels=6, dataset='./mine')
  return evaluation.fitted(run, {'./mine': dataset}, evaluation.options(**options))


def _views_needed(mode: str, options) -> int:
  match mode:
    case 'density':
      return options.held_out + max(options.images + options.grasps)
    case 'classify':
      return options.held_out + max(options.views)
    case 'generate':
      counts = [int(term.split(':')[1]) for term in options.context if term != 'nothing']
      return max(options.cameras, options.grasps) + max([*counts, *options.growing])
    case 'active':
      return options.candidates + options.held_out
  return options.asked + 1


@pytest.mark.parametrize('mode', _MODES)
@pytest.mark.parametrize('views', [1, 2, 3, 5, 8, 20])
def test_defaults_fit_scenes_of_any_number_of_views(mode, views, capsys):
  dataset = _own(4, views, views)
  least, said = {
    'missing': (2, 'needs scenes of two views'), 'active': (3, 'at least 3 are needed')
  }.get(mode, (0, ''))  # fmt: skip
  if views < least:
    with pytest.raises(UserError, match=said):
      _fitted(mode, dataset)
    return
  options = _fitted(mode, dataset)
  assert _views_needed(mode, options) <= views
  assert options.split == 'val'
  assert getattr(options, 'scenes', 4) == getattr(options, 'ways', 4) == 4
  # What gave way is said, in one line.
  (line,) = capsys.readouterr().err.splitlines()
  assert 'instead of the defaults' in line
  for field in ('scenes', 'ways', 'held_out', 'asked', 'growing', 'images'):
    if getattr(options, field, None) != getattr(modes.load(mode).options(), field, None):
      assert f'--{field}=' in line


@pytest.mark.parametrize('mode', _MODES)
def test_defaults_that_fit_are_left_alone(mode, capsys):
  dataset = _own(101, 60, 60, test=True)
  capsys.readouterr()
  ours = {'datasets': ('./mine',)} if mode == 'classify' else {}
  options = modes.load(mode).options(**ours)
  assert _fitted(mode, dataset, **ours) == options and not capsys.readouterr().err


@pytest.mark.parametrize(
  ('mode', 'options', 'flags'),
  [
    (
      'density',
      {'images': (0, 20), 'held_out': 7, 'scenes': 50, 'split': 'test'},
      ['--split=val', '--held_out=2', '--images=0,4', '--grasps=0,1,4', '--scenes=4'],
    ),
    (
      'density',
      {'images': (0, 5), 'held_out': 2},
      ['--images=0,4', '--grasps=0,1,4', '--scenes=4'],
    ),
    ('classify', {'views': (9,), 'ways': 8}, ['--views=5', '--held_out=1', '--ways=4']),
    ('generate', {'cameras': 9, 'context': ('image:7',)}, ['--cameras=3', '--context=image:3']),
    ('missing', {'asked': 6, 'scenes': 9}, ['--asked=2', '--scenes=4']),
    ('active', {'steps': 6, 'scenes': 9}, ['--steps=5', '--candidates=5', '--scenes=4']),
  ],
)
def test_what_was_asked_for_is_refused_in_one_sentence_with_all_that_must_change(
  mode, options, flags
):
  dataset = _own(4, 6, 6)
  with pytest.raises(UserError) as refused:
    _fitted(mode, dataset, **options)
  assert all(f'{flag}' in str(refused.value).split() for flag in flags)
  # The flags that it names are enough.
  given = dict(word[2:].split('=') for word in str(refused.value).split() if word[:2] == '--')
  evaluation = modes.load(mode)
  kinds = {name: type(getattr(evaluation.options(), name)) for name in given}
  convert = {
    int: int,
    str: str,
    tuple: lambda text: tuple(int(n) if n.isdecimal() else n for n in text.split(',')),
  }
  mended = {name: convert[kinds[name]](text) for name, text in given.items()}
  assert _views_needed(mode, _fitted(mode, dataset, **options | mended)) <= 6


def test_scenes_with_too_few_views_are_left_out_and_it_is_said(capsys):
  dataset = _own(9, lambda i: 1 + i % 3, lambda i: 3 - i % 2 if i else 0)
  modalities = random_run(haptic_channels=6).model.modalities
  stock = taken.survey(dataset, 'val', modalities)
  np.testing.assert_array_equal(stock.counts_NS[:3], [[1, 0], [2, 2], [3, 3]])
  assert [stock.views_for(asked) for asked in (1, 3, 4)] == [2, 3, 2]
  capsys.readouterr()
  scenes = taken.complete_scenes(dataset, 'val', stock.scenes_with(2), modalities, 2)
  assert [int(s['index']) % 10 for s in scenes] == [i for i in range(9) if i % 3]
  assert all(s['images'].shape == (2, 8, 8, 3) and s['hands'].shape == (2, 5) for s in scenes)
  assert not any(name.endswith('_there') for name in taken.stack_scenes(scenes, modalities))
  assert "of 'val' are left out, which have fewer than 2 views" in capsys.readouterr().err


@pytest.mark.parametrize(('looks', 'grasps', 'there'), [(4, 0, 'image'), (0, 4, 'haptic')])
def test_a_sense_that_no_scene_has_is_neither_given_nor_asked_for(looks, grasps, there):
  dataset = _own(4, looks, grasps)
  options = _fitted('generate', dataset)
  assert options.target == (there,) and options.context[0].startswith(f'{there}:')
  assert len(options.context) == 1
  assert _fitted('classify', dataset).target == there
  with pytest.raises(UserError, match='the mode missing needs scenes of all senses'):
    _fitted('missing', dataset)


def test_a_run_of_its_own_scenes_is_classified_on_them():
  classify = modes.load('classify')
  run = random_run(dataset='./mine')
  assert list(classify.datasets(run, classify.options())) == ['./mine']
  asked = classify.options(datasets=('other',))
  assert list(classify.datasets(run, asked)) == ['other']


def test_sets_that_other_hands_cannot_be_cut_into_cost_nothing(capsys):
  cost = modes.load('cost')
  run = random_run(haptic_channels=6)
  assert cost.fitted(run, {}, cost.options()).modalities == ('m2', 'm5')
  assert "'m8' halves the simulated hand's 132" in capsys.readouterr().err


def test_what_blocks_are_kept_for_changes_with_the_data():
  run, dataset, other = random_run(), random_dataset(), _own(2, 2, 2)
  options = modes.load('density').options()
  words = {blocks.fingerprint(run, [d], options) for d in (dataset, other, _own(3, 2, 2))}
  assert len(words) == 3


@pytest.mark.slow
@pytest.mark.parametrize(
  ('looks', 'grasps'), [(lambda i: 1 + i % 3, lambda i: i % 4), (1, 1), (0, 2), (3, 0)]
)
def test_such_scenes_are_trained_and_measured(looks, grasps, tmp_path):
  dataset = _own(9, looks, grasps)
  train(
    tiny_config(haptic_channels=6, dataset='./mine', steps=2, sample_every=1), dataset, tmp_path
  )
  run = load_run(tmp_path)
  assert list(tmp_path.glob('samples/*.png')) or not looks
  for name, span in dataset.ranges.items():
    np.testing.assert_array_equal(run.ranges[name].least_span, span[2])
  for mode, options in (
    ('density', {'estimator': 'iwae'}), ('classify', {'draws': 2}), ('generate', {})
  ):  # fmt: skip
    evaluation = modes.load(mode)
    asked = evaluation.options(samples=2, **options)
    evaluation.evaluate(run, {'./mine': dataset}, tmp_path, asked)
    assert json.loads((tmp_path / f'{mode}.json').read_text())['results']
