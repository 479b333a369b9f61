"""Times a training step: one run prints and writes all that is known about its speed.

python experiments/bench/step.py --config=experiments/configs/apoe.py:full [OPTIONS]

--config.FIELD=VALUE  overrides a field, as in --config.modalities=m14 --config.dtype=bfloat16
--batch=N             scenes in the batch; the config's batch_size if not given
--steps=N             how many steps are timed; 5 if not given
--json=FILE           also writes the numbers there
--plain               also times the same mathematics without the savings (`plain.py`)
--parts               also times encoders, experts, renderers and optimiser by themselves
--busy                measures even where other work runs beside; the numbers then say so

Scenes are made of noise: a step takes the same time on any. The share of peak is the FLOPs
of the forward and backward passes (`gmn_jax/training/flops.py`) over the time and the rate that
this machine reached in the same run.
"""

import functools
import json
import pathlib
import sys
import time
from typing import NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

if __name__ == '__main__':
  from mese_env.errors import stop_while_loading

  stop_while_loading()

import jax
import jax.numpy as jnp
import numpy as np
from absl import flags
from ml_collections import config_flags

from experiments.bench import machine, plain
from gmn_jax.config import Config, make_missing, make_model
from gmn_jax.devices import require_devices
from gmn_jax.model import GMN, add_opposite, sample_episodes, sample_noise
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import HAPTIC, Range, cut_scenes
from gmn_jax.training.flops import count_macs, step_flops
from gmn_jax.training.heap import return_free_memory
from gmn_jax.training.metrics import memory_bytes
from gmn_jax.training.peak import peak_flops_per_s, time_calls
from gmn_jax.training.train_step import (
  TrainState,
  compiler_options,
  init_state,
  make_step,
)
from mese_env.errors import UserError, exit_on_user_error

VIEWS = 15
_RANGES = {HAPTIC.name: Range(np.full(132, -1, np.float32), np.full(132, 1, np.float32))}


class Command(NamedTuple):
  """What the command line asks for.

  Attributes:
    config: what is trained, its batch included.
    steps: how many are timed.
    json: where the numbers go besides, or None.
    plain: also the authors' form.
    parts: also the parts by themselves.
    busy: also beside other work.
  """

  config: Config
  steps: int
  json: str | None
  plain: bool
  parts: bool
  busy: bool


def main(argv: list[str]) -> None:
  """Measures what the command line `argv[1:]` asks for.

  Raises:
    UserError: the command line or the config is not valid, or the machine is busy.
  """
  if '--help' in argv:
    print(__doc__)
    return
  command = parse(argv)
  require_devices()
  if not command.busy:
    machine.refuse_when_busy()
  measured = measure(command.config, command.steps)
  if command.plain:
    measured['plain'] = measure_plain(command.config, command.steps)
    measured['plain_over_hoisted'] = measured['plain']['median_ms'] / measured['median_ms']
  if command.parts:
    measured['parts_ms'] = measure_parts(command.config, command.steps)
  measured['measured_beside_other_work'] = command.busy
  for name, value in measured.items():
    print(f'{name:28s} {_readable(value)}')
  if command.json:
    pathlib.Path(command.json).write_text(json.dumps(measured, indent=2) + '\n')


def parse(argv: list[str]) -> Command:
  """Reads the command line.

  Raises:
    UserError: it or the config is not valid.
  """
  values = flags.FlagValues()
  config_flag = config_flags.DEFINE_config_file('config', flag_values=values, sys_argv=argv)
  batch = flags.DEFINE_integer('batch', None, '', lower_bound=1, flag_values=values)
  steps = flags.DEFINE_integer('steps', 5, '', lower_bound=1, flag_values=values)
  path = flags.DEFINE_string('json', None, '', flag_values=values)
  with_plain = flags.DEFINE_bool('plain', False, '', flag_values=values)
  parts = flags.DEFINE_bool('parts', False, '', flag_values=values)
  busy = flags.DEFINE_bool('busy', False, '', flag_values=values)
  try:
    rest = values(argv)[1:]
  except flags.Error as error:
    raise UserError(f'{str(error).splitlines()[0]}; see --help.') from error
  if rest or config_flag.value is None:
    raise UserError('no config is given; use --config=experiments/configs/apoe.py:full.')
  given = config_flag.value.to_dict()
  config = Config.from_flat(given | {'batch_size': batch.value or given['batch_size']})
  if with_plain.value and (config.absent != 'prior' or config.hierarchical):
    raise UserError(
      "the authors' form is deterministic and its absent experts multiply: --plain needs "
      '--config.absent=prior and --config.hierarchical=False.'
    )
  return Command(config, steps.value, path.value, with_plain.value, parts.value, busy.value)


def measure(config: Config, steps: int) -> dict[str, object]:
  """Compiles and times the training step of a config on scenes of noise.

  Returns:
    `median_ms`, `min_ms`, `max_ms` of a step; `compile_s`, without a cache; `peak_bytes`; `flops`
    of its forward and backward passes, `flops_xla` by XLA's own count (which does not know how
    often a loop runs); `flops_per_s`; `peak_flops_per_s`, reached in this run by a product or a
    convolution in the config's arithmetic; `share_of_peak`; `scenes_per_s`.
  """
  model, update, state, scenes = _step(config)
  jax.config.update('jax_enable_compilation_cache', False)
  began = time.perf_counter()
  compiled = update.lower(state, scenes, _RANGES).compile()
  compile_s = time.perf_counter() - began
  return_free_memory()
  times = []
  for _ in range(steps + 1):  # The first one is not counted.
    began = time.perf_counter()
    state, metrics = compiled(state, scenes, _RANGES)
    jax.block_until_ready((state, metrics))
    times.append(time.perf_counter() - began)
  peak_bytes = memory_bytes()
  if not np.isfinite(metrics['loss']):
    raise UserError('the loss is not finite after a few steps on noise; nothing is reported.')
  spread = machine.spread(times[1:])
  seconds = spread['median_ms'] / 1e3
  counted = step_flops(update, make_optimizer(config), state, scenes, _RANGES)
  dtype = jnp.dtype(model.dtype or jnp.float32)
  peak = peak_flops_per_s(dtype)
  return {
    'machine': machine.describe(),
    'model': f'{config.variant} {config.modalities} {config.preset}, batch {config.batch_size}',
    'batch': config.batch_size,
    'dtype': dtype.name,
    **spread,
    'scenes_per_s': config.batch_size / seconds,
    'compile_s': compile_s,
    'peak_bytes': peak_bytes,
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(state.params)),
    'flops': counted,
    'flops_xla': compiled.cost_analysis()['flops'],
    'flops_per_s': counted / seconds,
    'peak_flops_per_s': peak,
    'share_of_peak': counted / seconds / peak,
  }


def measure_plain(config: Config, steps: int) -> dict[str, object]:
  """The time of the same update in the authors' form (`plain.py`), in milliseconds, and the `flops`
  of its forward and backward passes.
  """
  model, _, state, scenes = _step(config)
  optimizer = make_optimizer(config)

  def gradient_of(state: TrainState, scenes, ranges):
    views, episodes, noise = _inputs(model, config, state.key, scenes, ranges)
    return jax.grad(lambda p: plain.loss(model, p, views, episodes, noise, config.std))(
      state.params
    )

  @functools.partial(jax.jit, donate_argnums=0, compiler_options=compiler_options(config))
  def update(state: TrainState, scenes, ranges):
    gradient = gradient_of(state, scenes, ranges)
    updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
    params = jax.tree.map(jnp.add, state.params, updates)
    return TrainState(params, opt_state, state.step + 1, state.key)

  times = []
  for _ in range(steps + 1):
    began = time.perf_counter()
    state = jax.block_until_ready(update(state, scenes, _RANGES))
    times.append(time.perf_counter() - began)
  counted = 2 * count_macs(gradient_of, state, scenes, _RANGES)
  return machine.spread(times[1:]) | {'flops': counted}


def measure_parts(config: Config, steps: int) -> dict[str, float]:
  """Median milliseconds, forward and backward, of each part of the step by itself."""
  model, _, state, scenes = _step(config)
  optimizer = make_optimizer(config)
  inputs = jax.jit(lambda key, scenes: _inputs(model, config, key, scenes, _RANGES))
  views, episodes, noise = inputs(state.key, scenes)

  def apply(params, *args, method):
    return model.apply({'params': params}, *args, method=method)

  encoded = jax.jit(functools.partial(apply, method='encode'))(state.params, views)
  sample = jax.jit(functools.partial(apply, method='sample_posterior'))
  draw = sample(state.params, encoded, episodes, noise)
  view_of = jnp.moveaxis(episodes.target, 2, 0)

  def squares(tree) -> jax.Array:
    return sum(jnp.sum(jnp.square(leaf.astype(jnp.float32))) for leaf in jax.tree.leaves(tree))

  def of_experts(params, encoded):
    return squares(apply(params, encoded, episodes, noise, method='sample_posterior'))

  def of_renderers(params, z):
    return squares(apply(params, z, view_of, views.queries, method='render'))

  calls = {
    'encoders': (jax.grad(lambda p: squares(apply(p, views, method='encode'))), state.params),
    'experts': (jax.grad(of_experts, argnums=(0, 1)), state.params, encoded),
    'renderers': (jax.grad(of_renderers, argnums=(0, 1)), state.params, draw.z),
    'optimiser': (optimizer.update, state.params, state.opt_state, state.params),
  }
  return {
    name: machine.spread(time_calls(functools.partial(jax.jit(function), *args), steps))[
      'median_ms'
    ]
    for name, (function, *args) in calls.items()
  }


def _step(config: Config) -> tuple[GMN, object, TrainState, dict[str, jax.Array]]:
  model, optimizer = make_model(config), make_optimizer(config)
  update = jax.jit(
    functools.partial(make_step(config, model, optimizer), missing=make_missing(config)),
    donate_argnums=0,
    compiler_options=compiler_options(config),
  )
  start = jax.jit(functools.partial(init_state, model, optimizer, config.seed))
  state = jax.block_until_ready(start())
  return_free_memory()
  rng = np.random.default_rng(config.seed)
  batch = config.batch_size
  scenes = {
    'images': rng.integers(0, 256, (batch, VIEWS, 64, 64, 3), np.uint8),
    'cameras': rng.normal(size=(batch, VIEWS, 5)).astype(np.float32),
    'haptics': rng.uniform(-1, 1, (batch, VIEWS, 132)).astype(np.float32),
    'hands': rng.normal(size=(batch, VIEWS, 5)).astype(np.float32),
    'index': np.arange(batch, dtype=np.uint32),
  }
  return model, update, state, jax.device_put(scenes)


def _inputs(model: GMN, config: Config, key, scenes, ranges):
  key_episodes, key_noise = jax.random.split(key)
  episodes = sample_episodes(key_episodes, config.batch_size, len(model.modalities), VIEWS)
  if config.opposite:
    episodes = add_opposite(episodes)
  noise = sample_noise(model, key_noise, len(episodes.context) * config.batch_size)
  return cut_scenes(model.modalities, scenes, ranges), episodes, noise


def _readable(value: object) -> str:
  if isinstance(value, dict):
    return ', '.join(f'{name} {_readable(part)}' for name, part in value.items())
  return (
    f'{value:,.4g}'
    if isinstance(value, float) and abs(value) < 1e4
    else (f'{value:,.0f}' if isinstance(value, (int, float)) else str(value))
  )


if __name__ == '__main__':
  with exit_on_user_error():
    main(sys.argv)
