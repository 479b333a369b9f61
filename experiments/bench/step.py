"""Times a training step: one run prints and writes all that is known about its speed."""

import argparse
import functools
import pathlib
import sys
from typing import NamedTuple

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import STEP

  STEP.run('python experiments/bench/step.py', sys.argv[1:])

import jax
import jax.numpy as jnp
import numpy as np

from experiments.bench import bars, forms, machine
from experiments.bench.subject import RANGES, Subject, fresh_scenes, init
from experiments.evaluation.titles import form_of
from gmn_jax.config import Config, config_file, make_model
from gmn_jax.devices import require_devices
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses.rendering import PAPER
from gmn_jax.training.flops import count_padding_macs, step_flops
from gmn_jax.training.metrics import memory_bytes
from gmn_jax.training.peak import peak_flops_per_s, time_calls
from gmn_jax.training.train_step import compiler_options, rays_followed
from mese_env.command_line import require_at_least
from mese_env.errors import UserError

_PROFILED = 3  # steps


class Command(NamedTuple):
  """What the command line asks for.

  Attributes:
    config: what is trained, its batch included.
    steps: how many are timed.
    json: where the numbers go besides, or None.
    forms: which further ones are timed in turns with it, of `forms.FORMS`.
    parts: also the parts by themselves.
    profile: the folder of a profile besides, or None.
    busy: also beside other work.
  """

  config: Config
  steps: int
  json: pathlib.Path | None
  forms: tuple[str, ...]
  parts: bool
  profile: str | None
  busy: bool


def main(options: argparse.Namespace) -> None:
  """Measures what the options ask for.

  Raises:
    UserError: they or the config are not valid, or the machine is busy.
  """
  command = understood(options)
  require_devices()
  if not command.busy:
    machine.refuse_when_busy()
  chosen = Subject(command.config)
  measured = measure(chosen, command.steps)
  if command.profile:
    profile(chosen, command.profile)
  if command.forms:
    others = {name: forms.FORMS[name](command.config) for name in command.forms}
    measured['in_turns'] = forms.compare(chosen, others, command.steps)
  if command.parts:
    measured['parts_ms'] = measure_parts(command.config, command.steps)
  measured['measured_beside_other_work'] = command.busy
  for name, value in measured.items():
    print(f'{name:28s} {_readable(value)}')
  if command.json:
    machine.write_json(command.json, measured)


def understood(options: argparse.Namespace) -> Command:
  """What the options ask for.

  Raises:
    UserError: they or the config are not valid.
  """
  require_at_least(options, steps=1, **({} if options.batch is None else {'batch': 1}))
  if options.config is None:
    raise UserError('no config is given; use --config=apoe:full.')
  flat, _ = config_file.changed(config_file.read(options.config), options.passed)
  config = Config.from_flat(flat | {'batch_size': options.batch or flat['batch_size']})
  wanted = tuple(name for name in forms.FORMS if getattr(options, name))
  if bars.PLAIN in wanted and (
    config.absent != 'prior' or config.hierarchical or make_model(config).rendering != PAPER
  ):
    raise UserError(
      "the authors' form is deterministic, its absent experts multiply and it renders as the paper "
      'does: --plain needs --config.absent=prior, --config.hierarchical=False and '
      '--config.renderer=paper.'
    )
  return Command(
    config, options.steps, options.json, wanted, options.parts, options.profile, options.busy
  )


def measure(chosen: Subject, steps: int) -> dict[str, object]:
  """Times the training step of a config.

  Returns:
    `median_ms`, `min_ms`, `max_ms` of a step; `compile_s`, without a cache; `peak_bytes`; `flops`
    of its forward and backward passes as this machine computes them; `direct_flops`, if every
    convolution is computed directly, of which `padding_flops` multiply zeros that pad images;
    `flops_xla` by XLA's own count (which does not know how often a loop runs); `flops_per_s`;
    `peak_flops_per_s`, reached in this run by a product or a convolution in the config's
    arithmetic; `share_of_peak`; `scenes_per_s`.
  """
  config, model = chosen.config, chosen.model
  times = [chosen.time_step() for _ in range(steps + 1)][1:]  # The first one is not counted.
  peak_bytes = memory_bytes()
  if not np.isfinite(chosen.metrics['loss']):
    raise UserError('the loss is not finite after a few steps on noise; nothing is reported.')
  spread = machine.spread(times)
  seconds = spread['median_ms'] / 1e3
  arguments = chosen.state, chosen.scenes(), RANGES
  count = functools.partial(step_flops, chosen.update, make_optimizer(config), *arguments)
  counted = count(platform=jax.default_backend())
  dtype = jnp.dtype(model.dtype or jnp.float32)
  peak = peak_flops_per_s(dtype, compiler_options=compiler_options(config))
  return {
    'machine': machine.describe(),
    'model': ' '.join([*form_of(config), config.modalities, config.preset])
    + f', batch {config.batch_size}',
    'batch': config.batch_size,
    'dtype': dtype.name,
    **spread,
    'scenes_per_s': config.batch_size / seconds,
    'compile_s': chosen.compile_s,
    'peak_bytes': peak_bytes,
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(chosen.state.params)),
    'flops': counted,
    'direct_flops': count(),
    'padding_flops': 2 * count_padding_macs(chosen.update, *arguments),
    'flops_xla': chosen.compiled.cost_analysis()['flops'],
    'flops_per_s': counted / seconds,
    'peak_flops_per_s': peak,
    'share_of_peak': counted / seconds / peak,
  }


def profile(chosen: Subject, folder: str) -> None:
  """Writes a profile of a few steps, as TensorBoard and Perfetto read it."""
  with jax.profiler.trace(folder):
    for _ in range(_PROFILED):
      chosen.time_step()


def measure_parts(config: Config, steps: int) -> dict[str, float]:
  """Median milliseconds, forward and backward, of each part of the step by itself."""
  model, optimizer = make_model(config), make_optimizer(config)
  state, scenes = init(config, model), next(fresh_scenes(config))
  inputs = jax.jit(lambda key, scenes: forms.draw_inputs(model, config, key, scenes, RANGES))
  views, episodes, noise = inputs(state.key, scenes)
  chosen = rays_followed(model, jax.random.key(1), views.queries[0].shape[:2], config.rays)

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
    return squares(apply(params, z, view_of, views.queries, chosen, method='render'))

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


def _readable(value: object) -> str:
  if isinstance(value, dict):
    return ', '.join(f'{name} {_readable(part)}' for name, part in value.items())
  return (
    f'{value:,.4g}'
    if isinstance(value, float) and abs(value) < 1e4
    else (f'{value:,.0f}' if isinstance(value, (int, float)) else str(value))
  )
