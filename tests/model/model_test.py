"""What must hold for the whole model, whatever its weights: sizes, orders, padding, absence."""

import functools

import jax
import numpy as np
import pytest

from gmn_jax.model import (
  GMN,
  VARIANTS,
  Noise,
  add_opposite,
  objective,
  parameter_shapes,
  sample_episodes,
)
from gmn_jax.senses import Views
from gmn_jax.senses.sets import modality_set
from tests import tiny

pytestmark = [pytest.mark.usefixtures('x64'), pytest.mark.long]

# The authors' counts, which include seven dead numbers per modality.
AUTHORS_COUNTS = {
  'baseline': {'m2': 52_655_617, 'm5': 28_470_847, 'm8': 48_294_158, 'm14': 51_177_854},
  'poe': {'m2': 58_838_541, 'm5': 53_202_543, 'm8': 91_574_626, 'm14': 131_555_866},
  'apoe': {'m2': 52_681_217, 'm5': 28_534_847, 'm8': 48_396_558, 'm14': 51_357_054},
}
# B = 2 scenes, M = 3 modalities, V = 4 views; the last view of each scene is padding.
CONTEXT = [[[1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0]], [[0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0]]]
TARGET = [[[0, 0, 1, 0], [0, 1, 1, 0], [1, 0, 0, 0]], [[1, 0, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]]
EPISODES = tiny.make_episodes(CONTEXT, TARGET)


@functools.lru_cache
def compiled(model):
  """The parts of the bound, from parameters, views, episodes and noise."""
  return jax.jit(functools.partial(objective.elbo_terms, model))


def assert_same(ours, expected):
  jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=1e-11), ours, expected)


def permute_modalities(variant, params, order):
  """The same weights for the modalities in another order: the experts', or their ids', along."""
  experts = dict(params['experts'])
  if variant == 'poe':
    experts = {name: leaf[order] for name, leaf in experts.items()}
  if variant == 'apoe':
    # Behind [target R | context R], and behind [z Z | context R], with R = 16 and Z = 2.
    for name, first in (('posterior_gates_kernel', 32), ('prior_gates_kernel', 18)):
      inputs = np.arange(experts[name].shape[3])
      inputs[first : first + len(order)] = first + np.array(order)
      experts[name] = experts[name][:, :, :, inputs]
  return {**params, 'experts': experts}


@pytest.mark.parametrize('name', ['m2', 'm5', 'm8', 'm14'])
@pytest.mark.parametrize('variant', list(AUTHORS_COUNTS))
def test_number_of_parameters(variant, name):
  modalities = modality_set(name, image_size=64)
  leaves = jax.tree.leaves(parameter_shapes(GMN(modalities, VARIANTS[variant])))
  count = sum(leaf.size for leaf in leaves)
  assert count == AUTHORS_COUNTS[variant][name] - 7 * len(modalities)


def test_the_order_of_views_and_padding_change_nothing():
  model = tiny.make_model('apoe')
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)
  expected = compiled(model)(params, views, EPISODES, noise)

  order = [3, 1, 2, 0]
  shuffled = Views(*(tuple(x[:, order] for x in part) for part in views))
  reordered = tiny.make_episodes(*(np.array(mask)[:, :, order] for mask in (CONTEXT, TARGET)))
  assert_same(compiled(model)(params, shuffled, reordered, noise), expected)

  def pad(x):
    garbage = np.full((2, 3, *x.shape[2:]), 1e3)
    return np.concatenate([x, garbage], axis=1)

  padded = Views(*(tuple(pad(x) for x in part) for part in views))
  masks = (np.pad(mask, ((0, 0), (0, 0), (0, 3))) for mask in (CONTEXT, TARGET))
  assert_same(compiled(model)(params, padded, tiny.make_episodes(*masks), noise), expected)


def test_the_gradient_of_a_masked_view_is_exactly_zero():
  model = tiny.make_model('apoe')
  params, noise = tiny.draw_params(model), tiny.draw_noise(model, 2)

  @jax.jit
  @jax.grad
  def differentiate(views, params):
    return objective.elbo_terms(model, params, views, EPISODES, noise).loss()

  gradient = differentiate(tiny.draw_views(model), params)
  read = (EPISODES.context | EPISODES.target)[0]
  for part in gradient:
    for m, of_view in enumerate(part):
      moved = np.any(np.asarray(of_view) != 0, axis=tuple(range(2, of_view.ndim)))
      np.testing.assert_array_equal(moved, read[:, m])


@pytest.mark.parametrize('variant', ['apoe', 'poe', 'baseline'])
def test_the_order_of_modalities_does_not_matter(variant):
  order = [2, 0, 1]
  model = tiny.make_model(variant)
  turned = tiny.make_model(variant, tuple(tiny.MODALITIES[m] for m in order))
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)
  expected = compiled(model)(params, views, EPISODES, noise)
  turned_views = Views(*(tuple(part[m] for m in order) for part in views))
  turned_episodes = tiny.make_episodes(*(np.array(mask)[:, order] for mask in (CONTEXT, TARGET)))
  run = functools.partial(
    compiled(turned), views=turned_views, episodes=turned_episodes, noise=noise
  )
  parts = run(permute_modalities(variant, params, order))
  assert_same(parts.kl, expected.kl)
  assert_same(parts.squared_error, expected.squared_error[:, order])
  if variant != 'baseline':
    # Experts differ: with the weights of one modality given to another, so does the belief.
    assert not np.allclose(run(params).kl, expected.kl, rtol=1e-3)


def with_and_without_the_third(variant, context, target, **form):
  """Parts of the bound of a model of three modalities, and of one of the first two with the same
  parameters, in which there is no room for the third.
  """
  three, two = (tiny.make_model(variant, tiny.MODALITIES[:count], **form) for count in (3, 2))
  params, views, noise = tiny.draw_params(three), tiny.draw_views(three), tiny.draw_noise(three, 2)
  third = tiny.MODALITIES[2].name
  fewer = {name: leaf for name, leaf in params.items() if not name.endswith(third)}
  if variant == 'poe':
    fewer['experts'] = {name: leaf[:2] for name, leaf in params['experts'].items()}
  if variant == 'apoe':
    fewer['experts'] = dict(params['experts'])
    for name, last in (('posterior_gates_kernel', 34), ('prior_gates_kernel', 20)):
      fewer['experts'][name] = np.delete(params['experts'][name], last, axis=3)
  of_two = Views(*(part[:2] for part in views)), tiny.make_episodes(context[:, :2], target[:, :2])
  return (
    compiled(three)(params, views, tiny.make_episodes(context, target), noise),
    compiled(two)(fewer, *of_two, noise),
  )


@pytest.mark.parametrize(
  ('variant', 'form'),
  [
    *((variant, {'mask_absent': True}) for variant in ('apoe', 'poe', 'baseline')),
    *((variant, {'pooling': 'anchored', 'informed': True}) for variant in ('apoe', 'poe')),
  ],
)
def test_an_absent_modality_that_takes_no_part_might_as_well_never_have_been_there(variant, form):
  context, target = np.array(CONTEXT, bool), np.array(TARGET, bool)
  context[:, 2] = target[:, 2] = False
  if 'pooling' in form:
    # Given nothing, only an anchored belief does not depend on how many modalities there are.
    context[0] = False
  with_it, without = with_and_without_the_third(variant, context, target, **form)
  assert_same(with_it.kl, without.kl)
  assert_same(with_it.squared_error[:, :2], without.squared_error)


@pytest.mark.parametrize('variant', ['apoe', 'poe', 'baseline'])
def test_an_absent_modality_that_has_a_say_matters(variant):
  context, target = np.array(CONTEXT, bool), np.array(TARGET, bool)
  context[:, 2] = target[:, 2] = False
  with_a_say, without = (tiny.make_model(variant, mask_absent=absent) for absent in (False, True))
  given = tiny.draw_params(without), tiny.draw_views(without)
  given = *given, tiny.make_episodes(context, target), tiny.draw_noise(without, 2)
  assert not np.allclose(compiled(with_a_say)(*given).kl, compiled(without)(*given).kl, rtol=1e-3)


@pytest.mark.parametrize('variant', ['apoe', 'baseline'])
def test_without_any_context_the_prior_is_that_of_all_experts(variant):
  kls = []
  for absent in (False, True):
    model = tiny.make_model(variant, mask_absent=absent)
    params, views = tiny.draw_params(model), tiny.draw_views(model)
    everything = tiny.make_episodes(np.zeros_like(CONTEXT), np.ones_like(TARGET))
    kls.append(compiled(model)(params, views, everything, tiny.draw_noise(model, 2)).kl)
  assert_same(*kls)


def test_a_batch_with_its_swap_is_both_batches():
  model = tiny.make_model('poe')
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 4)
  both = compiled(model)(params, views, add_opposite(EPISODES), noise)
  halves = [Noise(half) for half in np.split(noise.latents, 2)]
  as_given = compiled(model)(params, views, EPISODES, halves[0])
  swapped = compiled(model)(params, views, tiny.make_episodes(TARGET, CONTEXT), halves[1])
  np.testing.assert_allclose(both.loss(), (as_given.loss() + swapped.loss()) / 2, rtol=1e-12)
  assert_same(both.kl, np.concatenate([as_given.kl, swapped.kl]))
  assert_same(both.squared_error, np.concatenate([as_given.squared_error, swapped.squared_error]))


def test_one_program_serves_every_size_of_context():
  model = tiny.make_model('apoe')
  params, views, noise = tiny.draw_params(model), tiny.draw_views(model), tiny.draw_noise(model, 2)
  run = jax.jit(functools.partial(objective.elbo_terms, model))
  draw = jax.jit(functools.partial(sample_episodes, scenes=2, modalities=3, views=4))
  sizes = set()
  for seed in range(20):
    episodes = draw(jax.random.key(seed))
    sizes.add(int(episodes.context.sum()))
    run(params, views, episodes, noise)
  assert len(sizes) > 5
  assert run._cache_size() == 1
