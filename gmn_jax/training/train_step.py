"""The training step: a pure function from state and scenes to state and metrics.

Dims: S episodes of a scene, B scenes, N = S B episodes, M modalities, V views, T draw steps.
"""

import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gmn_jax.config import Config, EpisodesConfig, ModelConfig, OptimiserConfig
from gmn_jax.model import (
  GMN,
  ElboTerms,
  Episodes,
  Noise,
  add_opposite,
  apply,
  init_params,
  sample_episodes,
  sample_noise,
)
from gmn_jax.model.missing import Missing
from gmn_jax.model.objective import terms_of
from gmn_jax.senses import Modality, Ranges, count_views, cut_scenes, views_there
from gmn_jax.senses.chosen import ChosenRays
from gmn_jax.training.accumulation import Latents, in_parts
from gmn_jax.training.quiet_start import quiet_start

Array = jax.Array
Scenes = dict[str, Array]
# Hidden channels whose convolutions to gates, four times as many, XLA splits over a CPU's cores.
_WIDE = 32


class TrainState(NamedTuple):
  """All that training changes, and its key.

  Attributes:
    params: the model's parameters, float32.
    opt_state: the optimiser's.
    step: int32 (), how many steps are done.
    key: of the run; what a step draws comes from this key folded with the step.
  """

  params: Any
  opt_state: Any
  step: Array
  key: Array


def init_state(
  model: GMN,
  optimizer: optax.GradientTransformation,
  seed: int,
  quiet_biases: Mapping[str, np.ndarray] | None = None,
) -> TrainState:
  """The state at step 0; `seed` decides the parameters and everything drawn later.

  The parameters are the authors', or with `quiet_biases`, of `mean_biases`, those of `quiet_start`.
  """
  key_params, key_run = jax.random.split(jax.random.key(seed))
  params = init_params(model, key_params)
  if quiet_biases is not None:
    params = quiet_start(params, quiet_biases, model.pooling.start_logvar)
  return TrainState(params, optimizer.init(params), jnp.zeros((), jnp.int32), key_run)


def train_step(
  state: TrainState,
  scenes: Scenes,
  ranges: Ranges,
  missing: Missing | None = None,
  *,
  model: GMN,
  optimizer: optax.GradientTransformation,
  sampling: EpisodesConfig,
  objective: OptimiserConfig,
) -> tuple[TrainState, dict[str, Array]]:
  """One update on one batch.

  Args:
    state: before the step.
    scenes: raw, as `cut_scenes` takes them.
    ranges: the dataset's.
    missing: which modalities which scenes lack, in place of `withheld`; None: none do.
    model: the network.
    optimizer: of `state.opt_state`.
    sampling: how episodes are drawn; `withheld`, `withheld_views` and `opposite` are read.
    objective: of the loss; `beta`, `std`, `rays` and `accumulate` are read.

  Returns:
    The state after the step and its metrics: those of `summary`; `loss`; `gradient_norm` before the
    clip, of all and by part of the model (`gradient_norm/<part>`); `z_mean`, `z_std`,
    `posterior_std`, `prior_std`; with `skip_nonfinite` also `skipped` and `skipped_in_a_row`.
  """
  key_step = jax.random.fold_in(state.key, state.step)
  key_episodes, key_noise, key_rays = jax.random.split(key_step, 3)
  batch, views_per_modality = count_views(model.modalities, scenes)
  episode_shape = batch, len(model.modalities), views_per_modality
  gives_BM, withheld = None, sampling.withheld
  if missing is not None:
    gives_BM = missing.masks(scenes['index'], len(model.modalities))
    withheld = jnp.float32(missing.strict)
  shares = withheld, sampling.withheld_views
  there_BMV = views_there(model.modalities, scenes)
  episodes = sample_episodes(key_episodes, *episode_shape, gives_BM, *shares, there_BMV)
  if sampling.opposite:
    episodes = add_opposite(episodes)
  noise = sample_noise(model, key_noise, len(episodes.context) * batch)

  chosen = rays_followed(model, key_rays, (batch, views_per_modality), objective.rays)

  def loss_of(params, of_scenes: tuple[Scenes, Any], episodes: Episodes, noise: Noise):
    scenes, chosen = of_scenes
    views = cut_scenes(model.modalities, scenes, ranges)
    draw, means = apply(model, params, views, episodes, noise, chosen)
    terms = terms_of(views, episodes, draw, means, chosen)
    loss = terms.loss(objective.std, objective.beta)
    return loss, (terms, Latents(draw.z, draw.prior.logvar, draw.posterior.logvar))

  value_and_gradient = functools.partial(jax.value_and_grad(loss_of, has_aux=True), state.params)
  if objective.accumulate > 1:
    value_and_gradient = functools.partial(in_parts, value_and_gradient, objective.accumulate)
  (loss, (terms, latents)), gradient = value_and_gradient((scenes, chosen), episodes, noise)
  updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
  metrics = summary(model.modalities, terms, objective.std)
  metrics |= {'loss': loss, 'gradient_norm': optax.tree.norm(gradient)}
  metrics |= {f'gradient_norm/{name}': optax.tree.norm(part) for name, part in gradient.items()}
  metrics |= {
    'z_mean': latents.z.mean(),
    'z_std': latents.z.std(),
    'posterior_std': jnp.exp(0.5 * latents.posterior_logvar).mean(),
    'prior_std': jnp.exp(0.5 * latents.prior_logvar).mean(),
  }
  if isinstance(opt_state, optax.ApplyIfFiniteState):
    metrics |= {'skipped': opt_state.total_notfinite, 'skipped_in_a_row': opt_state.notfinite_count}
  params = optax.apply_updates(state.params, updates)
  return TrainState(params, opt_state, state.step + 1, state.key), metrics


def rays_followed(
  model: GMN, key: Array, views: tuple[int, int], count: int
) -> tuple[ChosenRays | None, ...] | None:
  """The rays of every modality's views that a step follows; None: all.

  Args:
    model: the network.
    key: decides which.
    views: B, V.
    count: of each view; 0: all.
  """
  choose = model.rendering.choose
  if not count or choose is None:
    return None
  keys = jax.random.split(key, len(model.modalities))
  return tuple(choose(k, m, views, count) for k, m in zip(keys, model.modalities, strict=True))


def make_step(
  config: Config, model: GMN, optimizer: optax.GradientTransformation
) -> functools.partial:
  """`train_step` as a config describes it, of state, scenes, ranges and missing modalities;
  not compiled.
  """
  return functools.partial(
    train_step, model=model, optimizer=optimizer, sampling=config, objective=config
  )


def compiler_options(config: ModelConfig, platform: str = '') -> dict[str, bool | str] | None:
  """What XLA is told of the training step on a platform, by default JAX's own; None: nothing.

  On a CPU, XLA's scheduler spends memory to run small operations side by side, and its newer
  library, YNNPACK, is slow at narrow convolutions. Wide ones occupy all cores by themselves, and
  what tiles compute gains by that library (experiments/bench/NOTES.md).
  """
  if (platform or jax.default_backend()) != 'cpu':
    return None
  if config.width < _WIDE:
    return known_options({'xla_cpu_experimental_ynn_fusion_type': ''})
  return known_options({'xla_cpu_enable_concurrency_optimized_scheduler': False})


def keeps_free_memory(config: ModelConfig) -> bool:
  """Whether a step of this size gains by `heap.keep_free_memory`: the narrow ones on a CPU, whose
  pieces of memory are too small for it to cost much.
  """
  return jax.default_backend() == 'cpu' and config.width < _WIDE


def known_options(options: Mapping[str, bool | str]) -> dict[str, bool | str]:
  """Those of the options that the compiler of this version of JAX knows."""
  return {name: value for name, value in options.items() if _knows(name, value)}


@functools.cache
def _knows(name: str, value: bool | str) -> bool:
  try:
    jax.jit(lambda: 0, compiler_options={name: value}).lower().compile()
  except jax.errors.JaxRuntimeError:
    return False
  return True


def summary(modalities: tuple[Modality, ...], terms: ElboTerms, std: float) -> dict[str, Array]:
  """What is reported of some episodes, every Gaussian constant in place.

  Returns:
    `elbo`: nats, mean over the N episodes, of all their targets together.
    `kl`: nats, mean over the episodes; `kl_per_step`: (T,), the parts of z.
    `squared_error/<modality>`: sum of squares of a target view, mean over the target views.
    `nats_per_dimension/<modality>`: log-likelihood of a target view divided by its size, mean over
    the target views.
  """
  sizes_M = jnp.array([m.size for m in modalities])
  log_likelihood_NM = terms.log_likelihood(sizes_M, std)
  views_M = jnp.maximum(terms.targets.sum(axis=0), 1)
  squared_error_M = terms.squared_error.sum(axis=0) / views_M
  nats_M = log_likelihood_NM.sum(axis=0) / (views_M * sizes_M)
  return {
    'elbo': jnp.mean(log_likelihood_NM.sum(axis=1) - terms.total_kl),
    'kl': terms.total_kl.mean(),
    'kl_per_step': terms.kl.mean(axis=0),
    **{f'squared_error/{m.name}': squared_error_M[i] for i, m in enumerate(modalities)},
    **{f'nats_per_dimension/{m.name}': nats_M[i] for i, m in enumerate(modalities)},
  }
