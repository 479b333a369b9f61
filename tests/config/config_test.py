"""The config: its presets stay what they were, and whatever is malformed becomes one sentence."""

import dataclasses
import json
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ml_collections import ConfigDict

from experiments.configs import apoe, baseline, poe
from gmn_jax.config import (
  PRESETS,
  Config,
  DataConfig,
  EpisodesConfig,
  ModelConfig,
  OptimiserConfig,
  RunConfig,
  differences,
  preset,
)
from gmn_jax.optimisers import make_optimizer
from gmn_jax.training.checkpoint import load_run
from mese_env.errors import UserError
from tests.tiny_run import tiny_config

_SECTIONS = (ModelConfig, DataConfig, EpisodesConfig, OptimiserConfig, RunConfig)
# As `experiments/configs/apoe.py` spelled them before the config was typed.
_SMALL = {
  'absent': 'mask', 'accumulate': 1, 'batch_size': 32, 'beta': 1.0, 'bias_rate': 0.001,
  'checkpoint_every': 50, 'clip': 0.25, 'data_dir': '', 'dataset': 'shepard_metzler_5_tiny',
  'decay': 0.4, 'draw_steps': 2, 'dtype': 'float32', 'few_scenes': 1800, 'few_steps': 1800,
  'fsdp': 1, 'haptic_channels': 132, 'hierarchical': False, 'image_size': 16, 'informed': False,
  'latent': 6,
  'learning_rate': 0.008, 'log_every': 5, 'missing': '', 'modalities': 'm2', 'opposite': True,
  'optimizer': 'muon', 'pooling': 'product', 'preset': 'small', 'profile_steps': 0,
  'protocol': 'reference',
  'quiet_start': True, 'rays': 64, 'remat': False, 'renderer': 'paper', 'sample_every': 125,
  'seed': 0, 'skip_nonfinite': 0,
  'start_from': '', 'std': 0.1, 'steps': 3250, 'track': 'jsonl,tensorboard', 'validate_every': 125,
  'validate_scenes': 100, 'variant': 'apoe', 'warmup_steps': 50, 'weight_decay': 0.1, 'width': 16,
  'withheld': 0.5, 'withheld_views': 0.5,
}  # fmt: skip
_MEDIUM = _SMALL | {
  'batch_size': 64, 'checkpoint_every': 250, 'dataset': 'shepard_metzler_5', 'draw_steps': 4,
  'dtype': 'bfloat16', 'few_steps': 575, 'image_size': 32, 'latent': 4, 'learning_rate': 0.016,
  'log_every': 25, 'preset': 'medium', 'sample_every': 500, 'steps': 2300, 'validate_every': 250,
  'width': 32,
}  # fmt: skip
_FULL = _SMALL | {
  'absent': 'prior', 'batch_size': 12, 'checkpoint_every': 1000, 'dataset': 'shepard_metzler_5',
  'decay': 0.0, 'draw_steps': 12, 'few_steps': 0, 'image_size': 64, 'latent': 3,
  'learning_rate': 0.0001, 'log_every': 100, 'optimizer': 'adam', 'preset': 'full',
  'quiet_start': False, 'sample_every': 5000, 'std': 1.0, 'steps': 833333,
  'validate_every': 5000, 'validate_scenes': 1000, 'warmup_steps': 0, 'width': 64,
  'withheld': 0.0, 'withheld_views': 0.0,
}  # fmt: skip
_RECORDED = {'small': _SMALL, 'medium': _MEDIUM, 'full': _FULL}
_MAY_CHANGE = {
  'preset', 'data_dir', 'accumulate', 'remat', 'fsdp', 'steps', 'log_every',
  'checkpoint_every', 'validate_every', 'validate_scenes', 'sample_every', 'profile_steps', 'track',
}  # fmt: skip


def _typed(fields):
  return [(name, type(value), value) for name, value in fields.items()]


@pytest.mark.parametrize('name', PRESETS)
def test_presets_and_the_command_s_configs_are_what_they_were(name):
  assert _typed(preset(name).to_dict()) == _typed(_RECORDED[name])
  for file, variant in ((apoe, 'apoe'), (poe, 'poe'), (baseline, 'baseline')):
    flat = file.get_config(name)
    assert list(flat) == list(_SMALL)
    assert _typed(flat.to_dict()) == _typed(_RECORDED[name] | {'variant': variant})


def test_a_config_is_its_sections_and_comes_back_from_the_flat_dict_that_is_stored():
  names = [field.name for section in _SECTIONS for field in dataclasses.fields(section)]
  assert sorted(names) == list(_SMALL)
  config = tiny_config(variant='poe', seed=3)
  assert all(isinstance(config, section) for section in _SECTIONS)
  assert Config.from_flat(config.to_dict()) == config
  assert Config.from_flat(json.loads(config.to_json())) == config
  assert Config.from_flat(ConfigDict(config.to_dict()).to_dict()) == config
  with pytest.raises(dataclasses.FrozenInstanceError):
    config.seed = 4


def test_numbers_become_the_plain_ones_of_their_field():
  config = preset('small', beta=1, width=np.int64(8), std=np.float32(0.5))
  assert [type(value) for value in (config.beta, config.width, config.std)] == [float, int, float]
  assert json.loads(config.to_json())['width'] == 8


def test_only_what_does_not_decide_a_step_may_change_on_resume():
  assert set(_MAY_CHANGE) == {
    field.name for field in dataclasses.fields(Config) if field.metadata['may_change']
  }
  stored = preset('small').to_dict()
  assert not differences(stored, stored | {'steps': 9, 'accumulate': 4, 'data_dir': '/data'})
  assert differences(stored, stored | {'beta': 2.0}) == ['beta=1.0 (now 2.0)']
  del stored['withheld']
  assert differences(stored, preset('small').to_dict()) == ['withheld=None (now 0.5)']
  assert differences({**stored, 'x': 1}, stored) == ['x=1 (now None)']


def test_rays_tell_two_runs_apart_only_where_rays_are_followed():
  volume = preset('small', renderer='volume').to_dict()
  older = {name: value for name, value in volume.items() if name not in ('rays', 'start_from')}
  assert differences(older, volume) == ['rays=0 (now 64)']
  assert not differences(older, volume | {'rays': 0})
  paper = {'renderer': 'paper'}
  assert not differences(older | paper, volume | paper)
  assert not differences(volume | paper, volume | paper | {'rays': 5})
  # One that has begun with a model does not go on as one that has not.
  assert differences(older, volume | {'rays': 0, 'start_from': 'a'}) == ["start_from='' (now 'a')"]


def test_the_shipped_run_s_config_loads():
  run = load_run(pathlib.Path(apoe.__file__).parents[1] / 'trained' / 'apoe-small')
  assert (run.config.variant, run.config.learning_rate, run.config.seed) == ('apoe', 0.016, 1)
  assert set(run.config.to_dict()) == set(_SMALL) and run.step == 7200
  # It was saved before there was another pooling.
  assert (run.config.pooling, run.config.informed) == ('product', False)
  assert run.config.renderer == 'paper'
  assert jax.tree.all(jax.tree.map(lambda leaf: bool(np.isfinite(leaf).all()), run.params))


@pytest.mark.parametrize(
  ('fields', 'sentence'),
  [
    ({'variant': 'apo'}, "variant is 'apo'; did you mean 'apoe'"),
    ({'absent': 'maybe'}, "absent is 'maybe'; use one of prior, mask"),
    ({'pooling': 'anchor'}, "pooling is 'anchor'; did you mean 'anchored'"),
    (
      {'pooling': 'anchored', 'absent': 'prior'},
      "pooling is 'anchored', .* absent is 'prior'; give absent='mask'",
    ),
    ({'renderer': 'volumes'}, "renderer is 'volumes'; did you mean 'volume'"),
    ({'protocol': 'strictly'}, "protocol is 'strictly'; did you mean 'strict'"),
    ({'optimizer': 'adamw'}, "optimizer is 'adamw'; did you mean 'adam'"),
    ({'dtype': 'float16'}, "dtype is 'float16'; did you mean"),
    ({'modalities': 'm3'}, "modality set 'm3'; did you mean"),
    ({'missing': 'extrapol12'}, "missing modalities for 'm2'"),
    (
      {'modalities': 'm5', 'missing': 'extrapol21'},
      "missing is 'extrapol21' with m5; did you mean 'extrapol12'",
    ),
    ({'image_size': 30}, 'image_size is 30, .* multiple of 4'),
    ({'image_size': 0}, 'image_size is 0; it must be at least 4'),
    ({'modalities': 'm8', 'haptic_channels': 7}, 'haptic_channels is 7'),
    ({'steps': 0}, 'steps is 0; it must be at least 1'),
    ({'steps': -5}, 'steps is -5; it must be at least 1'),
    ({'steps': 'soon'}, "steps is 'soon'; it must be a whole number"),
    ({'steps': 3.5}, 'steps is 3.5; it must be a whole number'),
    ({'steps': True}, 'steps is True; it must be a whole number'),
    ({'steps': None}, 'steps is None; it must be a whole number'),
    ({'opposite': 1}, 'opposite is 1; it must be True or False'),
    ({'opposite': 'no'}, "opposite is 'no'; it must be True or False"),
    ({'variant': 3}, 'variant is 3; it must be a string'),
    ({'dataset': None}, 'dataset is None; it must be a string'),
    ({'batch_size': 0}, 'batch_size is 0; it must be at least 1'),
    ({'batch_size': 6, 'accumulate': 4}, 'batch_size is 6, .* accumulate, 4'),
    ({'fsdp': 0}, 'fsdp is 0; it must be at least 1'),
    ({'learning_rate': -1}, 'learning_rate is -1.0; it must be at least 1e-12, since .* float32'),
    ({'learning_rate': float('nan')}, 'learning_rate is nan; it must be a finite number'),
    ({'learning_rate': float('inf')}, 'learning_rate is inf; it must be a finite number'),
    ({'learning_rate': '1e-3'}, "learning_rate is '1e-3'; it must be a finite number"),
    ({'learning_rate': True}, 'learning_rate is True; it must be a finite number'),
    ({'weight_decay': float('-inf')}, 'weight_decay is -inf; it must be a finite number'),
    ({'clip': 0}, 'clip is 0.0; it must be at least 1e-09'),
    ({'std': 0}, 'std is 0.0; it must be at least 1e-06'),
    ({'beta': -1}, 'beta is -1.0; it must be not negative'),
    ({'seed': -1}, 'seed is -1; it must be not negative'),
    ({'seed': 2**32}, 'seed is 4,294,967,296; it must be at most 4,294,967,295'),
    ({'withheld': 1.5}, 'withheld is 1.5; it is a fraction of all scenes, from 0 to 1'),
    ({'decay': -0.1}, 'decay is -0.1; it is a fraction of all steps, from 0 to 1'),
    ({'steps': 10**12}, 'steps is 1,000,000,000,000; it must be at most 2,000,000,000, since'),
    ({'preset': '../../etc'}, "preset is '../../etc'; it must be of letters"),
    ({'track': 'jsonl,wanb'}, "track names 'wanb'; did you mean 'wandb'"),
    ({'track': 'jsonl,'}, "track names ''; use one of jsonl"),
    ({'stepz': 3}, "no field 'stepz'; did you mean 'steps'"),
  ],
)
def test_what_is_malformed_is_named(fields, sentence):
  for make in (
    lambda: preset('small', **fields),
    lambda: tiny_config().replace(**fields),
    lambda: Config.from_flat(_SMALL | fields),
  ):
    with pytest.raises(UserError, match=sentence) as refused:
      make()
    assert '\n' not in str(refused.value)


_FIELDS = {field.name: field for field in dataclasses.fields(Config)}
_NUMBERS = [name for name, field in _FIELDS.items() if field.type in (int, float)]
_INFINITE = float('inf'), float('-inf'), float('nan'), 10**400, -(10**400), np.float64('inf')


def _bounds(name: str) -> tuple[float, float]:
  rule = _FIELDS[name].metadata
  return (0, 1) if rule['fraction_of'] else (rule['at_least'], rule['at_most'])


@pytest.mark.parametrize('name', _NUMBERS)
def test_every_number_has_both_bounds_and_none_beyond_them_passes(name):
  least, most = _bounds(name)
  # What float32 and 32 bits with a sign hold; a seed has no sign.
  assert 0 <= least < most <= (2**32 - 1 if name == 'seed' else 2**31 - 1)
  assert _FIELDS[name].metadata['since'] or _FIELDS[name].metadata['fraction_of']
  beyond = [least - 1, -least - 1, most + 1, 2 * most, 10**12, 1e300, -1e300, np.int64(2) ** 62]
  for value in [*beyond, least / 2 - 1e-20, *_INFINITE, None, 'many', True, [1], 1j, b'1']:
    with pytest.raises(UserError, match=f'^{name} is ') as refused:
      preset('small', **{name: value})
    assert len(str(refused.value)) < 250 and '\n' not in str(refused.value)


@pytest.mark.parametrize('name', [name for name in _FIELDS if name not in _NUMBERS])
def test_no_word_or_switch_is_anything_else(name):
  kind = _FIELDS[name].type
  for value in (None, 3, 1.5, float('nan'), [], b'm2', 'yes' if kind is bool else True):
    with pytest.raises(UserError, match=f'^{name} is .*; it must be'):
      preset('small', **{name: value})


def test_the_largest_steps_are_counted_by_the_schedule_without_an_overflow():
  most = _bounds('steps')[1]
  config = tiny_config(steps=most, warmup_steps=most // 2, decay=0.5, few_steps=most)
  optimizer = make_optimizer(config)
  state = optimizer.init({'kernel': jnp.ones(2)})
  updates, _ = optimizer.update({'kernel': jnp.ones(2)}, state)
  assert jnp.isfinite(updates['kernel']).all()


def test_what_lacks_a_field_and_presets_that_there_are_not_are_named():
  flat = dict(_SMALL)
  del flat['width']
  with pytest.raises(UserError, match="config has no 'width'; start from"):
    Config.from_flat(flat)
  with pytest.raises(UserError, match="no preset 'huge'; use one of small, medium, full"):
    preset('huge')


def test_a_section_is_checked_by_itself():
  assert EpisodesConfig(withheld=0).withheld_views == 0.5
  with pytest.raises(UserError, match='image_size is 12, .* multiple of 8'):
    ModelConfig(modalities='m5', image_size=12)
