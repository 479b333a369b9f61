"""The optimiser of a config: clipping by the global norm, then Adam or Muon."""

import jax
import optax
from ml_collections import ConfigDict
from optax import contrib


def make_optimizer(config: ConfigDict) -> optax.GradientTransformation:
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
    fall = optax.linear_schedule(peak, 0.0, decay_steps)
    stages = [rise, optax.constant_schedule(peak), fall]
    falls = max(config.warmup_steps, config.steps - decay_steps)
    return optax.join_schedules(stages, [config.warmup_steps, falls])

  if config.optimizer == 'adam':
    update = optax.adam(rate(config.learning_rate))
  else:
    update = contrib.muon(
      rate(config.learning_rate),
      weight_decay=config.weight_decay,
      adam_learning_rate=rate(config.bias_rate),
      muon_weight_dimension_numbers=_matrices,
    )
  optimizer = optax.chain(optax.clip_by_global_norm(config.clip), update)
  if config.skip_nonfinite:
    optimizer = optax.apply_if_finite(optimizer, config.skip_nonfinite)
  return optimizer


def _matrices(params):
  """Which axes of a kernel are its input and its output; None for all that is no kernel."""

  def axes(path: tuple[jax.tree_util.DictKey, ...], leaf: jax.Array):
    names = [part.key for part in path]
    if not names[-1].endswith('kernel'):
      return None
    # The experts' kernels lead with the axis of their sets of parameters.
    first = 1 if names[0] == 'experts' else 0
    return contrib.MuonDimensionNumbers(tuple(range(first, leaf.ndim - 1)), leaf.ndim - 1)

  return jax.tree_util.tree_map_with_path(axes, params)
