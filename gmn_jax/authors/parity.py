"""Compares our model with recordings of the authors' implementation, number by number, in float64.

  python -m gmn_jax.parity [FILE.npz ...]

prints a line per quantity with its largest relative error and exits with 1 when one is above its
bound: 1e-9, 1e-5 for what is recorded as float32, 1e-6 for the three steps of clipped Adam. Without
arguments it runs on the extracts that come along (`EXTRACTS`). Lists of numbers are compared number
by number, images and latents by their largest difference over their largest magnitude.
"""

import functools
import math
import pathlib
from collections.abc import Iterator
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax

from gmn_jax import authors, inference
from gmn_jax.authors.recordings import Golden, read_golden
from gmn_jax.model import objective
from mese_env.errors import UserError

EXTRACTS = pathlib.Path(__file__).parent / 'data'
_BOUND, _BOUND_FLOAT32, _BOUND_TRACE = 1e-9, 1e-5, 1e-6
_HALF_LOG_2PI = 0.5 * math.log(2 * math.pi)


# Recorded as one number per scene, step, modality or parameter: each is held to the bound by
# itself.
_LISTS = ('kl_step_scene', 'mod_likelihoods', 'grad_norm', 'loss_per_scene', 'train3')


def compare(golden: Golden) -> Iterator[tuple[str, float, float]]:
  """Yields (quantity, largest relative error, bound) for every recorded quantity that the file
  holds.

  Needs `jax_enable_x64`.
  """
  for name, ours in _outputs(golden):
    if name not in golden.recorded:
      continue
    recorded = golden.recorded[name]
    bound = _BOUND_TRACE if name.startswith('train3') else _BOUND
    each = name.startswith((*_LISTS, 'predict'))
    yield (
      name,
      relative_error(ours, recorded, each),
      _BOUND_FLOAT32 if recorded.dtype == np.float32 else bound,
    )


def relative_error(ours: np.ndarray, recorded: np.ndarray, each: bool = False) -> float:
  """The largest |ours - recorded| over the largest |recorded|, or over each |recorded| itself.

  Where the recording is NaN there was nothing to compute, and ours is not looked at; a NaN of ours
  elsewhere is an infinite error. Two empty arrays, as of a modality that was never a target, are
  equal.

  Raises:
    UserError: the shapes differ, or the recording holds nothing but NaN.
  """
  ours, recorded = np.asarray(ours, np.float64), np.asarray(recorded, np.float64)
  known = ~np.isnan(recorded)
  if ours.shape == recorded.shape and not recorded.size:
    return 0.0
  if ours.shape != recorded.shape or not known.any():
    raise UserError(
      f'a recorded quantity of shape {recorded.shape} cannot be compared with ours of shape '
      f'{ours.shape}; '
      'the file is not of this model.'
    )
  difference, size = np.abs(ours - recorded)[known], np.abs(recorded)[known]
  error = np.max(difference / np.maximum(size if each else size.max(), np.finfo(np.float64).tiny))
  return float(error) if np.isfinite(error) else math.inf


def _outputs(golden: Golden) -> Iterator[tuple[str, Any]]:
  """Everything a recording may hold, by its names."""
  # To its own types a Flax module, which is frozen, has no hash.
  model, recorded = cast(Any, golden.model), golden.recorded
  (loss, (terms, draw, means)), gradient = _forward_and_gradient(model)(
    golden.params, golden.views, golden.episodes, golden.noise
  )
  targets_BM = golden.episodes.target[0].sum(axis=-1)
  asked_M = targets_BM.any(axis=0)
  likelihoods_M = np.where(asked_M, 0.5 * terms.squared_error.sum(axis=0) + _HALF_LOG_2PI, np.nan)
  yield 'loss', loss + _HALF_LOG_2PI * asked_M.sum()
  yield 'likelihood', np.nansum(likelihoods_M)
  yield 'kl', terms.kl.sum()
  yield 'mod_likelihoods', likelihoods_M
  yield 'kl_step_scene', terms.kl.T
  views_B = targets_BM.sum(axis=1)
  yield (
    'loss_per_scene',
    0.5 * terms.squared_error.sum(axis=1) + _HALF_LOG_2PI * views_B + terms.kl.sum(axis=1),
  )
  for name, belief in (('post', draw.posterior), ('prior', draw.prior)):
    yield f'{name}_mean', _channels_first(belief.mean).swapaxes(0, 1)
    yield f'{name}_logvar', _channels_first(belief.logvar).swapaxes(0, 1)
  for step in (0, 1):
    for name, experts in (('post', draw.posterior_experts), ('prior', draw.prior_experts)):
      yield f'expert_{name}_mean_step{step}', _channels_first(experts.mean[:, step])
      yield f'expert_{name}_logvar_step{step}', _channels_first(experts.logvar[:, step])
  yield 'z', _channels_first(draw.z)
  for m, mean in enumerate(means):
    packed = np.asarray(mean)[golden.episodes.target[0, :, m]]
    yield f'recon_{m}', _channels_first(packed) if packed.ndim > 2 else packed

  gradient = authors.to_authors(model, gradient)
  yield 'grad_norm', np.array([np.linalg.norm(gradient[name]) for name in golden.names])
  yield 'grad_first4', np.stack([np.resize(gradient[name].ravel()[:4], 4) for name in golden.names])
  yield 'grad_sum', np.array([gradient[name].sum() for name in golden.names])
  yield 'grad_global_norm', math.sqrt(sum(np.sum(g**2) for g in gradient.values()))

  log_weights = jax.jit(
    functools.partial(inference.log_importance_weights, model),
    static_argnames=('samples', 'likelihood'),
  )
  for gray in (False, True):
    for scale, levels in (('unit', 1), ('uint8', 255)):
      name = 'predict_logprob_' + ('gray_' if gray else '') + scale
      if name in recorded:
        yield name, log_weights(
          golden.params, golden.views, golden.episodes.context[0], golden.episodes.target[0],
          jax.tree.map(lambda x: x[None], golden.noise),
          samples=1, likelihood=inference.Likelihood(levels=levels, gray=gray),
        )[0]  # fmt: skip

  z, generated = jax.jit(functools.partial(inference.generate, model))(
    golden.params, golden.views, golden.episodes.context[0], golden.queries, golden.generate_noise
  )
  yield 'gen_z', _channels_first(z)
  for m, mean in enumerate(generated):
    first = np.asarray(mean)[:, 0]
    yield f'gen_{m}', _channels_first(first) if first.ndim > 2 else first
  if 'train3_loss' in recorded:
    losses, norms = _train_three_steps(golden)
    yield 'train3_loss', np.array(losses) + _HALF_LOG_2PI * asked_M.sum()
    yield 'train3_grad_norm', np.array(norms)


@functools.lru_cache(maxsize=1)
def _forward_and_gradient(model: Any) -> Any:
  def summed_loss(params, views, episodes, noise):
    draw, means = model.apply({'params': params}, views, episodes, noise)
    terms = objective.terms_of(views, episodes, draw, means)
    return terms.loss() * len(terms.squared_error), (terms, draw, means)

  return jax.jit(jax.value_and_grad(summed_loss, has_aux=True))


def _train_three_steps(golden: Golden) -> tuple[list[float], list[float]]:
  """Losses before steps 1, 2, 3 and after the third, and the gradient norms before the clip."""
  optimiser = optax.chain(optax.clip_by_global_norm(0.25), optax.adam(1e-4))
  params = jax.tree.map(jnp.array, golden.params)
  state, model = optimiser.init(params), cast(Any, golden.model)

  @functools.partial(jax.jit, donate_argnums=(0, 1))
  def update(params, state, gradient):
    updates, state = optimiser.update(gradient, state, params)
    return optax.apply_updates(params, updates), state

  losses, norms = [], []
  for step in range(4):
    (loss, _), gradient = _forward_and_gradient(model)(
      params, golden.views, golden.episodes, golden.noise
    )
    losses.append(float(loss))
    if step < 3:
      norms.append(float(optax.tree.norm(gradient)))
      params, state = update(params, state, gradient)
  return losses, norms


def _channels_first(x) -> np.ndarray:
  return np.moveaxis(np.asarray(x), -1, -3)


def main(arguments: list[str]) -> int:
  """Compares the given files, or the extracts; returns the exit code."""
  paths = [pathlib.Path(argument) for argument in arguments] or sorted(EXTRACTS.glob('*.npz'))
  if not paths:
    raise UserError(
      f'there are no recordings in {EXTRACTS}; install the package again, or name the files.'
    )
  if missing := [str(path) for path in paths if not path.is_file()]:
    raise UserError(f'there is no recording {", ".join(missing)}; name existing .npz files.')
  jax.config.update('jax_enable_x64', True)
  quantities, failures, worst = 0, 0, 0.0
  for path in paths:
    golden = read_golden(path)
    print(f'{path.name}: {golden.model.variant.name}, {len(golden.model.modalities)} modalities')
    for name, error, bound in compare(golden):
      quantities, failures, worst = (
        quantities + 1,
        failures + (error > bound),
        max(worst, error / bound),
      )
      print(
        f'  {name:28s} {error:9.1e}  bound {bound:.0e}  {"FAILED" if error > bound else "ok"}',
        flush=True,
      )
  print(
    f'{len(paths)} recordings, {quantities} quantities, {failures} above their bound; '
    f'the worst at {worst:.1e} of its bound'
  )
  return int(failures > 0)
