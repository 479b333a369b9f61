"""Checkpoints of the authors' code become our parameters, and our parameters theirs."""

import dataclasses
import functools
import math

import jax
import numpy as np
import pytest

from gmn_jax import authors
from gmn_jax.model import GMN, PRODUCT, VARIANTS, init_params
from gmn_jax.senses import IMAGE
from gmn_jax.senses.rendering import VOLUME
from gmn_jax.senses.sets import modality_set
from mese_env.errors import UserError
from tests import numpy_reference_inputs, tiny


def dims_of(modalities):
  return [
    (m.shape[2], *m.shape[:2], 7, 'image') if m.sense is IMAGE else (m.size, 1, 1, 7, 'haptic')
    for m in modalities
  ]


@pytest.mark.long
@pytest.mark.parametrize('variant', ['baseline', 'poe', 'apoe'])
@pytest.mark.parametrize(
  'modalities', [tiny.MODALITIES, modality_set('m8', 32), modality_set('m14', 32)], ids=len
)
def test_there_and_back_nothing_is_lost(modalities, variant):
  model = tiny.make_model(variant, modalities)
  params = tiny.draw_params(model)
  theirs = authors.to_authors(model, params)
  assert list(theirs) == list(numpy_reference_inputs.names_and_shapes(variant, dims_of(modalities)))
  back = authors.from_authors(model, theirs)
  jax.tree.map(np.testing.assert_array_equal, back, params)
  # Their dead tensors are no part of ours; all else is there once.
  numbers = sum(array.size for array in theirs.values()) - 7 * len(modalities)
  assert numbers == sum(leaf.size for leaf in jax.tree.leaves(params))


@pytest.mark.long
@pytest.mark.parametrize('variant', ['baseline', 'poe', 'apoe'])
def test_a_full_size_state_dict_has_the_authors_shapes(variant):
  modalities = modality_set('m5', 64)
  shapes = numpy_reference_inputs.names_and_shapes(variant, dims_of(modalities))
  one = np.ones((), np.float16)
  model = GMN(modalities, VARIANTS[variant])
  theirs = {name: np.broadcast_to(one, shape) for name, shape in shapes.items()}
  params = authors.from_authors(model, theirs)
  # Every one of our numbers was filled from one of theirs.
  assert all(leaf.dtype == np.float16 and leaf.all() for leaf in jax.tree.leaves(params))


@pytest.mark.long
def test_initial_parameters_have_the_ranges_of_pytorch_0_4():
  model = GMN((tiny.LEFT, tiny.TOUCH), VARIANTS['poe'], width=16, steps=2)
  drawn = jax.jit(functools.partial(init_params, model))(jax.random.key(0))
  theirs = authors.to_authors(model, drawn)
  for name, array in theirs.items():
    if 'init_' in name:
      assert not array.any(), name
      continue
    layer = name.rsplit('.', 1)[0]
    outputs, inputs, *kernel = theirs[f'{layer}.weight'].shape
    if 'convt' in layer:
      outputs, inputs = inputs, outputs
    bound = 1 / math.sqrt(inputs * math.prod(kernel))
    assert np.abs(array).max() <= bound, name
    # Of that many uniform numbers, five standard errors.
    spread = (array.astype(np.float64) ** 2).mean() / (bound**2 / 3)
    assert abs(spread - 1) < 5 * math.sqrt(0.8 / array.size), name


def test_the_dead_tensors_may_be_missing():
  model = tiny.make_model('apoe')
  params = tiny.draw_params(model)
  theirs = authors.to_authors(model, params)
  alive = {name: array for name, array in theirs.items() if not name.endswith('init_query')}
  assert len(alive) == len(theirs) - 3
  jax.tree.map(np.testing.assert_array_equal, authors.from_authors(model, alive), params)


def test_every_wrong_tensor_is_named():
  model = tiny.make_model('poe')
  theirs = authors.to_authors(model, tiny.draw_params(model))
  missing, misshapen = 'convdraw.rnn_qs.1.rnns.0.rnn.gates.bias', 'repnets.2.repnet.enc.4.weight'
  del theirs[missing]
  theirs[misshapen] = np.zeros((3, 2))
  theirs['optimizer.lr'] = np.zeros(())
  with pytest.raises(UserError) as error:
    authors.from_authors(model, theirs)
  said = str(error.value)
  assert f'{missing} (16,) is missing' in said
  assert f'{misshapen} has shape (3, 2) instead of (16, 16, 3, 3)' in said
  assert 'optimizer.lr () is not part of the model' in said
  assert "'poe'" in said


@pytest.mark.long
@pytest.mark.parametrize('prefix', ['', 'module.', 'model.module.'])
def test_a_prefix_that_all_names_share_is_stripped_wherever_the_weights_are(prefix):
  model = tiny.make_model('apoe')
  params = tiny.draw_params(model)
  theirs = {prefix + name: x for name, x in authors.to_authors(model, params).items()}
  for stored in (theirs, {'epoch': 3, 'run': {'state_dict': theirs}}):
    jax.tree.map(np.testing.assert_array_equal, authors.from_authors(model, stored), params)


def test_of_many_wrong_tensors_some_are_named_and_the_others_counted():
  theirs = authors.to_authors(model := tiny.make_model('poe'), tiny.draw_params(model))
  other = {f'generator.{name}': array for name, array in theirs.items()} | {'step': np.zeros(1)}
  with pytest.raises(UserError, match=r'is missing; .*; and \d+ more\.$') as error:
    authors.from_authors(model, other)
  assert len(str(error.value)) < 1000


@pytest.mark.parametrize('stored', [[np.zeros(3)], {'epoch': 3}, np.zeros(3), {}])
def test_what_holds_no_weights_by_name_is_refused(stored):
  with pytest.raises(UserError, match='no weights by name'):
    authors.from_authors(tiny.make_model('poe'), stored)


MINE = dataclasses.replace(VARIANTS['poe'], name='mine')
LAST = dataclasses.replace(PRODUCT, name='last', combine=lambda mean, logvar, _: (mean, logvar))


@pytest.mark.parametrize(
  ('changed', 'sentence'),
  [
    ({'variant': MINE}, "has no variant 'mine'; convert models of apoe, poe, baseline only"),
    ({'pooling': LAST}, "has no pooling 'last'"),
    ({'informed': True}, 'has no informed model'),
    ({'hierarchical': True}, 'has no hierarchical model'),
    ({'rendering': VOLUME}, "has no renderer 'volume'"),
  ],
)
def test_a_model_that_the_authors_have_not_is_refused_both_ways(changed, sentence):
  plain = tiny.make_model('apoe')
  theirs = authors.to_authors(plain, tiny.draw_params(plain))
  model = plain.clone(**changed)
  with pytest.raises(UserError, match=sentence):
    authors.from_authors(model, theirs)
  with pytest.raises(UserError, match=sentence):
    authors.to_authors(model, tiny.draw_params(plain))
