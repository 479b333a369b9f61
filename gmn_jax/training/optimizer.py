"""The optimiser of a config: clipping by the global norm, then Adam or Muon."""

import jax
import optax

from gmn_jax.config import OptimiserConfig
from gmn_jax.training.muon import muon


def make_optimizer(config: OptimiserConfig) -> optax.GradientTransformation:
  """Clips by the global norm and updates; the rate rises linearly over the first `warmup_steps`,
  and falls to zero over the last `decay` of all steps.

  'adam' is Adam with its usual (0.9, 0.999, 1e-8), the authors' choice. 'muon' orthogonalises the
  updates of kernels (Jordan et al. 2024), `learning_rate` being their spectral norm, shrinks
  kernels by `weight_decay` times the rate, and gives all other parameters to Adam at `bias_rate`.
  With `skip_nonfinite`, an update that is not finite changes nothing and is counted.
  """
  decay_steps = round(config.decay * config.steps)

  def rate(peak: float) -> optax.Schedule:
    rise = optax.linear_schedule(0.0, peak, config.warmup_steps)
    stages, starts = [rise, optax.constant_schedule(peak)], [config.warmup_steps]
    # A run whose rate does not fall is the same program whatever its length: it may be prolonged.
    if decay_steps:
      stages.append(optax.linear_schedule(peak, 0.0, decay_steps))
      starts.append(max(config.warmup_steps, config.steps - decay_steps))
    return optax.join_schedules(stages, starts)

  if config.optimizer == 'adam':
    update = optax.adam(rate(config.learning_rate))
  else:
    update = optax.partition(
      {
        'kernel': muon(rate(config.learning_rate), config.weight_decay),
        'other': optax.nadam(rate(config.bias_rate)),
      },
      _kinds,
    )
  optimizer = optax.chain(optax.clip_by_global_norm(config.clip), update)
  if config.skip_nonfinite:
    optimizer = optax.apply_if_finite(optimizer, config.skip_nonfinite)
  return optimizer


def _kinds(params):
  """Which parameters are kernels."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: 'kernel' if path[-1].key.endswith('kernel') else 'other', params
  )
