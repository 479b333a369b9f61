"""The optimiser of a config: clipping by the global norm, then Adam, Muon, or one of one's own.

Optax is loaded when an optimiser is made: a config names optimisers also where a model is only
used, and optax takes a quarter of the time that such a model takes to load.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import jax

from gmn_jax.optimisers.muon import muon

if TYPE_CHECKING:
  import optax

  # The config names the optimisers there are, so that it cannot be imported here.
  from gmn_jax.config import OptimiserConfig

# Of a peak learning rate, its course over the steps.
Course = Callable[[float], 'optax.Schedule']


def _adam(settings: 'OptimiserConfig', course: Course) -> 'optax.GradientTransformation':
  """Adam with its usual (0.9, 0.999, 1e-8), the authors' choice."""
  import optax

  return optax.adam(course(settings.learning_rate))


def _muon(settings: 'OptimiserConfig', course: Course) -> 'optax.GradientTransformation':
  """Muon for kernels (Jordan et al. 2024), `learning_rate` being the spectral norm of an update;
  Adam with Nesterov's momentum (NAdam) at `bias_rate` for all other parameters.
  """
  import optax

  of_kernels = muon(course(settings.learning_rate), settings.weight_decay)
  others = optax.nadam(course(settings.bias_rate))
  return optax.partition({'kernel': of_kernels, 'other': others}, _kinds)


# By the name that a config gives; one of one's own is entered here before it is asked for.
OPTIMISERS: dict[str, Callable[['OptimiserConfig', Course], 'optax.GradientTransformation']] = {
  'adam': _adam,
  'muon': _muon,
}


def make_optimizer(settings: 'OptimiserConfig') -> 'optax.GradientTransformation':
  """Clips by the global norm and updates.

  The learning rate rises linearly over the first `warmup_steps`, and falls to zero over the last
  `decay` of all steps. With `skip_nonfinite`, an update that is not finite changes nothing and is
  counted.
  """
  import optax

  decay_steps = round(settings.decay * settings.steps)

  def course(peak: float) -> 'optax.Schedule':
    rise = optax.linear_schedule(0.0, peak, settings.warmup_steps)
    stages, starts = [rise, optax.constant_schedule(peak)], [settings.warmup_steps]
    # A run whose learning rate does not fall is the same program whatever its length: it may be
    # prolonged.
    if decay_steps:
      stages.append(optax.linear_schedule(peak, 0.0, decay_steps))
      starts.append(max(settings.warmup_steps, settings.steps - decay_steps))
    return optax.join_schedules(stages, starts)

  update = OPTIMISERS[settings.optimizer](settings, course)
  optimizer = optax.chain(optax.clip_by_global_norm(settings.clip), update)
  if settings.skip_nonfinite:
    optimizer = optax.apply_if_finite(optimizer, settings.skip_nonfinite)
  return optimizer


def _kinds(params: Any) -> Any:
  """Which parameters are kernels."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: 'kernel' if path[-1].key.endswith('kernel') else 'other', params
  )
