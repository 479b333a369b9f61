"""Missing modalities: which masks are drawn, what they hide, and how a run measures them."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from gmn_jax.config import make_missing, make_model
from gmn_jax.model import sample_episodes
from gmn_jax.model.missing import EXPERIMENTS, Missing, experiment, fresh_masks
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.sharding import make_layout
from gmn_jax.training.train_step import init_state, make_step
from gmn_jax.training.validation import Validation
from mese_env.errors import UserError
from tests import tiny
from tests.tiny_run import RANGES, random_batch, random_dataset, tiny_config

pytestmark = pytest.mark.long


def test_masks_have_the_sizes_allowed_with_probability_one_over_size():
  missing = Missing(fewest=1, most=3, strict=False, seed=3)
  masks = np.asarray(missing.masks(jnp.arange(20_000, dtype=jnp.uint32), 4))
  weights = np.array([math.comb(4, size) / size for size in (1, 2, 3)])
  shares = np.bincount(masks.sum(axis=1), minlength=5) / len(masks)
  np.testing.assert_allclose(shares[1:4], weights / weights.sum(), atol=0.015)
  assert shares[0] == shares[4] == 0
  # Among those of one size, every modality is as frequent as another.
  pairs = masks[masks.sum(axis=1) == 2]
  np.testing.assert_allclose(pairs.mean(axis=0), 0.5, atol=0.03)


def test_a_mask_belongs_to_seed_and_scene_whatever_the_batch():
  missing = Missing(fewest=1, most=4, strict=False, seed=3)
  indices = jnp.array([7, 2_000_000_005, 12], jnp.uint32)
  together = missing.masks(indices, 5)
  alone = jnp.concatenate([missing.masks(indices[i : i + 1], 5) for i in range(3)])
  np.testing.assert_array_equal(together, alone)
  many = jnp.arange(100, dtype=jnp.uint32)
  compiled = jax.jit(Missing.masks, static_argnums=2)(missing, indices, 5)
  np.testing.assert_array_equal(together, compiled)
  other_seed = missing._replace(seed=4).masks(many, 5)
  assert (missing.masks(many, 5) != other_seed).any()


def test_fresh_masks_are_uniform_over_sizes():
  sizes = np.asarray(fresh_masks(jax.random.key(0), 20_000, 5)).sum(axis=1)
  np.testing.assert_allclose(np.bincount(sizes)[1:] / 20_000, 1 / 5, atol=0.015)


@pytest.mark.parametrize('strict', [False, True])
def test_a_missing_modality_gives_no_context_and_strictly_no_target(strict):
  gives = np.array([[True, False, False], [True, True, False]] * 50)
  episodes = sample_episodes(jax.random.key(1), 100, 3, 2, jnp.array(gives), float(strict))
  context, target = np.asarray(episodes.context[0]), np.asarray(episodes.target[0])
  assert not context[~gives].any()
  assert target[~gives].all() == (not strict) and target[~gives].any() == (not strict)
  np.testing.assert_array_equal(target[gives], ~context[gives])
  # With two views of one modality, a strict scene would often be left without a target.
  assert target.any(axis=(1, 2)).all() and context.any()


def test_a_part_of_the_scenes_goes_without_the_modalities_that_give_no_context():
  episodes = sample_episodes(jax.random.key(2), 4_000, 2, 15, withheld=0.5)
  seen = np.asarray(episodes.context[0] | episodes.target[0])
  # Of a modality all views are there or none.
  np.testing.assert_array_equal(seen.any(axis=2), seen.all(axis=2))
  assert seen.any(axis=(1, 2)).all()
  # One modality gives context in half of the scenes, and in half of these the other is withheld;
  # one in 16 of them gives all its views, and is drawn again.
  alone = ~seen.any(axis=2).all(axis=1)
  np.testing.assert_allclose(alone.mean(), 0.25 * 15 / 16, atol=0.02)


def test_a_part_of_the_scenes_goes_without_some_views():
  episodes = sample_episodes(jax.random.key(3), 8_000, 2, 4, withheld_views=0.75)
  context, target = np.asarray(episodes.context[0]), np.asarray(episodes.target[0])
  assert not (context & target).any() and target.any(axis=(1, 2)).all()
  views = (context | target).sum(axis=2)
  whole = (views == 4).all(axis=1)
  # A quarter of the scenes is whole, and 1 in 16 of the others by chance; few are drawn again for
  # having no target.
  np.testing.assert_allclose(whole.mean(), 0.25 + 0.75 / 16, atol=0.03)
  counts = np.bincount(views[~whole].ravel(), minlength=5)
  assert counts[0] == 0 and counts[1:4].min() > 0.9 * counts[1:4].max()
  # Which views are left out does not depend on their place.
  seen = (context | target)[~whole].mean(axis=(0, 1))
  np.testing.assert_allclose(seen, seen.mean(), rtol=0.05)


def test_the_experiments_of_the_paper_and_errors_by_name():
  sizes = {name: sorted(of.values()) for name, of in EXPERIMENTS.items()}
  assert sizes['m5'] == [(1, 2), (3, 5), (4, 5)]
  assert sizes['m8'] == [(1, 2), (1, 4), (4, 8), (7, 8)]
  assert sizes['m14'] == [(1, 4), (1, 7), (8, 14), (11, 14)]
  assert experiment('m8', 'intrapol78', 'strict', 5) == Missing(7, 8, True, 5)
  assert experiment('m2', '', 'reference', 0) is None
  with pytest.raises(UserError, match="did you mean 'extrapol12'"):
    tiny_config(modalities='m5', missing='extrapol21')
  with pytest.raises(UserError, match="missing modalities for 'm2'"):
    tiny_config(missing='extrapol12')


def test_experiments_and_seeds_are_one_compilation_of_the_training_step():
  programs = set()
  for name, protocol, seed in (('extrapol12', 'reference', 0), ('intrapol45', 'strict', 1)):
    config = tiny_config(modalities='m5', missing=name, protocol=protocol, seed=seed)
    model, optimizer = make_model(config), make_optimizer(config)
    state = jax.eval_shape(functools.partial(init_state, model, optimizer, config.seed))
    step = jax.jit(make_step(config, model, optimizer))
    lowered = step.lower(state, random_batch(2), RANGES, make_missing(config))
    programs.add(lowered.as_text())
  assert len(programs) == 1


def test_validation_reports_fixed_and_fresh_masks_and_each_size():
  config = tiny_config(modalities='m5', missing='extrapol12', protocol='strict')
  model, missing = make_model(config), make_missing(config)
  splits = random_dataset().splits
  layout = make_layout(2, 1, jax.devices())
  validation = Validation(model, splits['val'], splits['train'], RANGES, missing, layout, config)
  params = jax.tree.map(np.float32, tiny.draw_params(model))
  measured = validation.measure(params)
  assert list(measured) == ['val', 'val_seen', 'val_missing', 'val_full']
  swapped = Validation(model, splits['train'], splits['val'], RANGES, missing, layout, config)
  assert swapped.measure(params)['val']['elbo'] == measured['val_seen']['elbo']
  sizes = {name for name in measured['val_full'] if name.startswith('elbo_of_size/')}
  assert sizes and sizes <= {f'elbo_of_size/{size}' for size in range(1, 6)}
  # Of a scene that lacks modalities less is asked, so that it costs fewer nats.
  assert measured['val_missing']['elbo'] > measured['val']['elbo']
