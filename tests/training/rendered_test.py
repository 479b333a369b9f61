"""Training that renders some of the targets: the same loss on average, for less arithmetic."""

import functools
import itertools

import chex
import jax
import numpy as np
import pytest

from gmn_jax.model import Episodes, add_opposite, elbo_terms
from gmn_jax.model.episodes import render_some
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.flops import step_flops
from gmn_jax.training.train import train
from tests import tiny
from tests.tiny_run import RANGES, VIEWS, random_batch, random_dataset, tiny_config, tiny_step

# Two scenes of three modalities and four views, with 3, 2, 1 and 0 targets in either episode.
CONTEXT = [[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], [[0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]]
TARGET = [[[0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0]], [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]]
EPISODES = add_opposite(tiny.make_episodes(CONTEXT, TARGET))


def _every_choice(count):
  """The places of every set of `count` targets of each scene and modality, or of all its targets
  and some other views, as many times (1, 2, 3, count).
  """
  choices = []
  for target_V in np.asarray(EPISODES.target).any(axis=0).reshape(-1, 4):
    targets, others = np.flatnonzero(target_V), np.flatnonzero(~target_V)
    kept = min(count, len(targets))
    choices.append(
      [[*some, *others[: count - kept]] for some in itertools.combinations(targets, kept)]
    )
  return [np.array(each).reshape(1, 2, 3, count) for each in itertools.product(*choices)]


@pytest.mark.long
@pytest.mark.parametrize('count', [1, 2])
def test_over_all_choices_the_mean_is_the_loss_and_the_gradient_of_all_targets(x64, count):
  model = tiny.make_model('apoe')
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 4)

  @jax.jit
  @functools.partial(jax.value_and_grad, has_aux=True)
  def measure(params, episodes):
    terms = elbo_terms(model, params, views, episodes, noise)
    return terms.loss(std=0.5, beta=2.0), terms

  found = [measure(params, EPISODES._replace(rendered=each)) for each in _every_choice(count)]
  assert len(found) == {1: 3 * 3 * 2 * 2, 2: 3 * 3}[count]
  mean = jax.tree.map(lambda *each: np.mean(each, axis=0), *found)
  chex.assert_trees_all_close(mean, measure(params, EPISODES), rtol=1e-10, atol=1e-12)
  # All that varies is the squared error.
  ((_, terms), _), ((_, other), _) = found[0], found[-1]
  assert not np.allclose(terms.squared_error, other.squared_error)
  chex.assert_trees_all_equal(terms.kl, other.kl)


def _targets(scenes):
  """Random masks (1, B, 2, 5) of the targets, some of them of no view."""
  return np.random.default_rng(0).random((1, scenes, 2, 5)) < 0.5


def test_targets_are_rendered_first_and_each_equally_often():
  target = _targets(6_000)
  places = render_some(jax.random.key(0), Episodes(~target, target), 2).rendered
  places = np.asarray(places)
  assert places.shape == (1, 6_000, 2, 2) and (places[..., 0] != places[..., 1]).all()
  of_targets = np.take_along_axis(target, places, axis=-1).sum(axis=-1)
  np.testing.assert_array_equal(of_targets, np.minimum(target.sum(axis=-1), 2))

  target[:] = True
  places = np.asarray(render_some(jax.random.key(1), Episodes(~target, target), 2).rendered)
  pairs, counts = np.unique(np.sort(places.reshape(-1, 2)), axis=0, return_counts=True)
  assert len(pairs) == 10
  np.testing.assert_allclose(counts, 1_200, atol=150)  # 4.5 standard deviations


def test_which_targets_are_rendered_does_not_depend_on_how_far_scenes_were_filled_up():
  target = _targets(200)
  filled = np.pad(target, ((0, 0), (0, 0), (0, 0), (0, 4)))
  few, many = (
    np.asarray(render_some(jax.random.key(2), Episodes(~mask, mask), 2).rendered)
    for mask in (target, filled)
  )
  enough = target.sum(axis=-1) >= 2
  np.testing.assert_array_equal(few[enough], many[enough])


@pytest.mark.parametrize('count', [0, 5, 6])
def test_all_views_are_rendered_where_none_need_be_left_out(count):
  target = _targets(3)
  episodes = Episodes(~target, target)
  assert render_some(jax.random.key(0), episodes, count) is episodes


@pytest.mark.long
def test_each_view_that_is_not_rendered_saves_the_same_arithmetic():
  taken = []
  for count in (1, 2, VIEWS):
    config = tiny_config(modalities='m5', rendered_views=count)
    step, state = tiny_step(config)
    taken.append(step_flops(step, make_optimizer(config), state, random_batch(2), RANGES))
  of_a_view = taken[1] - taken[0]
  assert of_a_view > 0
  assert taken[2] == taken[1] + (VIEWS - 2) * of_a_view


@pytest.mark.slow
def test_a_run_in_two_parts_renders_the_same_views(tmp_path, monkeypatch):
  monkeypatch.setattr('gmn_jax.training.train.step_flops', lambda *step, platform: 1e9)
  config = tiny_config(rendered_views=2, steps=2, quiet_start=False, validate_scenes=1)
  states = []
  for name, parts in (('straight', [2]), ('stopped', [1, 2])):
    for steps in parts:
      state = train(config.replace(steps=steps), random_dataset(), tmp_path / name)
    states.append(jax.tree.map(np.asarray, state.params))
  chex.assert_trees_all_equal(*states)
