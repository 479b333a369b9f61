"""The authors' GMN, forward only, in float64 NumPy: an oracle that shares no code with `gmn_jax`.

Written from a description of the authors' PyTorch code (commit 646404d; paper: arXiv 1910.02344),
laid out as theirs: channels first, ragged batches, every expert always used. Any widths will do.

S scenes, M modalities, N views (of all scenes, packed in scene order), T draw steps, nz latent
channels, C channels, D haptic length, (h, w) the latent grid, a quarter of the image.
A batch holds, for each modality m, `ctx_x_m` (N, C, H, W) or (N, D), `ctx_q_m` (N, 5), the same for
`tgt_`, and `gen_q_m` (S, 5); `ctx_n` and `tgt_n` (S, M) count the views of each scene.
"""

import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tests.numpy_reference_inputs import Arrays, expert_names

LOG_2PI = math.log(2 * math.pi)


def convolve(weights: Arrays, name: str, x: np.ndarray, stride: int = 1) -> np.ndarray:
  """Cross-correlation of (N, C, H, W), zero-padded to 'same' if stride is 1; also dense layers."""
  weight = weights[f'{name}.weight']
  weight = weight.reshape(*weight.shape[:2], *(weight.shape[-2:] if weight.ndim > 2 else (1, 1)))
  pad = weight.shape[-1] // 2 if stride == 1 else 0
  x = np.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
  windows = sliding_window_view(x, weight.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
  outputs = np.tensordot(windows, weight, axes=((1, 4, 5), (1, 2, 3)))  # (N, H', W', O)
  return np.moveaxis(outputs, -1, 1) + weights[f'{name}.bias'][:, None, None]


def convolve_transposed(weights: Arrays, name: str, x: np.ndarray) -> np.ndarray:
  """Transposed convolution, 4x4, stride 2, padding 1: (N, C, H, W) to (N, O, 2H, 2W)."""
  count, _, height, width = x.shape
  spread = np.einsum('nchw,coab->abnohw', x, weights[f'{name}.weight'], optimize=True)
  padded = np.zeros((count, spread.shape[3], 2 * height + 2, 2 * width + 2))
  for a, b in np.ndindex(4, 4):
    padded[:, :, a : a + 2 * height : 2, b : b + 2 * width : 2] += spread[a, b]
  return padded[:, :, 1:-1, 1:-1] + weights[f'{name}.bias'][:, None, None]


def embed(queries: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
  """Poses (N, 5), angles as cosine and sine, constant over the grid: (N, 7, h, w)."""
  x, y, z, pitch, yaw = queries.astype(np.float64).T
  rows = np.stack([x, y, z, np.cos(pitch), np.sin(pitch), np.cos(yaw), np.sin(yaw)], axis=1)
  return np.broadcast_to(rows[:, :, None, None], (*rows.shape, *grid))


def encode(weights: Arrays, m: int, x: np.ndarray, queries: np.ndarray) -> np.ndarray:
  """Features of single views of modality m: (N, 256, h, w) of images, else (N, 256*h*w, 1, 1)."""
  part, stride = ('img_enc', 2) if x.ndim == 4 else ('ppc_enc', 1)

  def layer(names, a, stride=1):
    branches = [convolve(weights, f'repnets.{m}.repnet.{name}', a, stride) for name in names]
    return sum(branches).clip(min=0)

  a = x.reshape(*x.shape, *(1,) * (4 - x.ndim)).astype(np.float64)
  a = layer([f'{part}.2.main', f'{part}.2.skip'], layer([f'{part}.0'], a, stride))
  a = layer([f'{part}.4'], a, stride)
  a = np.concatenate([a, embed(queries, a.shape[2:])], axis=1)
  return layer(['enc.4'], layer(['enc.2'], layer(['enc.0.main', 'enc.0.skip'], a)))


def represent(weights: Arrays, batch: Arrays, split: str, grid: tuple[int, int]) -> list:
  """Per modality (S, 256, h, w): its initial representation plus the sum over the scene's views."""
  totals = []
  for m, views in enumerate(batch[f'{split}_n'].T):
    features = encode(weights, m, batch[f'{split}_x_{m}'], batch[f'{split}_q_{m}'])
    sums = np.stack([scene.sum(axis=0) for scene in np.split(features, np.cumsum(views)[:-1])])
    totals.append(sums + weights[f'repnets.{m}.init_representation'])
  return [total.reshape(len(total), -1, *grid) for total in totals]


def product_of_experts(means: np.ndarray, logvars: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
  """Mean and log-variance of a product of Gaussians over axis 1; paper section 2.5, 1e-8 theirs."""
  precisions = 1 / ((np.exp(logvars) + 1e-8) + 1e-8)
  total = precisions.sum(axis=1)
  return (means * precisions).sum(axis=1) / total, np.log(1 / total + 1e-8)


def draw(variant: str, weights: Arrays, r_ctx: list, r_tgt: list | None, eps: np.ndarray) -> Arrays:
  """The T draw steps, z from the posterior, or from the prior where `r_tgt` is None.

  `r_ctx`, `r_tgt`: (S, 256, h, w) per modality; `eps` (T, S, nz, h, w): noise. Returns `z` and, for
  side prior and (given `r_tgt`) post, `{side}_mean` and `{side}_logvar`, all shaped as `eps`, and,
  before the product, `expert_{side}_mean` and `expert_{side}_logvar` (T, S, experts, nz, h, w).
  """
  num_scenes, grid = eps.shape[1], eps.shape[-2:]
  if variant == 'baseline':
    r_ctx, r_tgt = [sum(r_ctx)], r_tgt and [sum(r_tgt)]
  experts = range(len(r_ctx))
  if variant == 'apoe':
    one_hots = np.eye(len(r_ctx))[:, None, :, None, None] * np.ones((num_scenes, 1, *grid))
    r_ctx = [np.concatenate(pair, axis=1) for pair in zip(r_ctx, one_hots, strict=True)]
  q, p = (expert_names(variant, side, len(r_ctx)) for side in 'qp')
  state_q = [_zero_state(weights, f'{q[m]}rnn', num_scenes, grid) for m in experts]
  state_p = [_zero_state(weights, f'{p[m]}rnn_p', num_scenes, grid) for m in experts]
  steps = []
  for noise in eps:
    step = _gaussian(variant, weights, 'prior', [f'{name}reparam_p' for name in p], state_p)
    if r_tgt:
      state_q = [
        _lstm(weights, f'{q[m]}rnn', [r_tgt[m], r_ctx[m], state_p[m][0]], state_q[m])
        for m in experts
      ]
      step |= _gaussian(variant, weights, 'post', [f'{name}reparam' for name in q], state_q)
    side = 'post' if r_tgt else 'prior'
    z = step[f'{side}_mean'] + np.exp(0.5 * step[f'{side}_logvar']) * noise
    state_p = [_lstm(weights, f'{p[m]}rnn_p', [z, r_ctx[m]], state_p[m]) for m in experts]
    steps.append(step | {'z': z})
  return {key: np.stack([step[key] for step in steps]) for key in steps[0]}


def render(weights: Arrays, m: int, z: np.ndarray, queries: np.ndarray) -> np.ndarray:
  """Predicted means of modality m, (N, C, H, W) or (N, D), for z (N, T, nz, h, w), poses (N, 5)."""
  name = f'convdraw.renderers.{m}.'
  count, num_steps, nz, *grid = z.shape
  inputs = [z.reshape(count, num_steps * nz, *grid), embed(queries, grid)]
  state, mean = _zero_state(weights, f'{name}rnn_p', count, grid), 0.0
  for _ in range(num_steps):
    state = _lstm(weights, f'{name}rnn_p', inputs, state)
    mean = mean + _decode(weights, f'{name}decoder.', state[0])
  return mean


def generate(variant: str, weights: Arrays, batch: Arrays, eps: np.ndarray) -> Arrays:
  """What the prior, given noise, imagines at `gen_q_m`: means `gen_m`, `gen_z` (S, T, nz, h, w)."""
  r_ctx = represent(weights, batch, 'ctx', eps.shape[-2:])
  z = draw(variant, weights, r_ctx, None, eps)['z'].swapaxes(0, 1)
  means = {f'gen_{m}': render(weights, m, z, batch[f'gen_q_{m}']) for m in range(len(r_ctx))}
  return means | {'gen_z': z}


def forward(variant: str, weights: Arrays, batch: Arrays, eps: np.ndarray) -> Arrays:
  """The training loss of a batch, all that enters it, and the predictive log densities.

  `eps` (T, S, nz, h, w) is the posterior's noise; zeros give the mean at every step. In nats:
  `mod_likelihoods` (M,), 0.5 SSE + 0.5 log 2 pi once per modality, nan without targets;
  `likelihood`, its sum; `kl_step_scene` (T, S); `kl`, its sum; `loss`, likelihood + KL;
  `loss_per_scene` (S,), where 0.5 log 2 pi counts per view; `predict_logprob_{scale}` (S,), log
  p(x | z) + log p(z) - log q(z) with every constant, std 1 for pixels in [0, 1] (unit) or [0, 255]
  (uint8), gray their largest channel. Also `recon_m`, the means packed as `tgt_x_m`; `z` (S, T, nz,
  h, w); and the rest that `draw` returns, the experts per step as `expert_..._step{t}`.
  """
  r_ctx, r_tgt = (represent(weights, batch, split, eps.shape[-2:]) for split in ('ctx', 'tgt'))
  latent = draw(variant, weights, r_ctx, r_tgt, eps)
  q, p = ((latent[f'{side}_mean'], latent[f'{side}_logvar']) for side in ('post', 'prior'))
  ratio = (np.exp(q[1]) + (q[0] - p[0]) ** 2) / np.exp(p[1])
  kl = 0.5 * (p[1] - q[1] + ratio - 1).sum(axis=(2, 3, 4))  # (T, S)

  z, views, modalities = latent['z'].swapaxes(0, 1), batch['tgt_n'].T, range(len(r_tgt))
  senses = [batch[f'tgt_x_{m}'].astype(np.float64) for m in modalities]
  means = [render(weights, m, z.repeat(views[m], axis=0), batch[f'tgt_q_{m}']) for m in modalities]
  sse = np.stack([_sum_per_scene((senses[m] - means[m]) ** 2, views[m]) for m in modalities])
  mod_likelihoods = np.where(views.any(axis=1), 0.5 * (sse.sum(axis=1) + LOG_2PI), np.nan)
  likelihood = np.nansum(mod_likelihoods)
  result = {
    'likelihood': likelihood,
    'mod_likelihoods': mod_likelihoods,
    'kl': kl.sum(),
    'kl_step_scene': kl,
    'loss': likelihood + kl.sum(),
    'loss_per_scene': kl.sum(axis=0) + 0.5 * (sse + LOG_2PI * views).sum(axis=0),
  }
  for gray, (unit, peak) in itertools.product(('', 'gray_'), (('unit', 1), ('uint8', 255))):
    log_prob = (_log_density(latent['z'], *p) - _log_density(latent['z'], *q)).sum((0, 2, 3, 4))
    for m in modalities:
      x, mean = senses[m], means[m]
      if x.ndim == 4:
        x, mean = (peak * (image.max(axis=1) if gray else image) for image in (x, mean))
      log_prob += _sum_per_scene(_log_density(x, mean, 0), views[m])
    result[f'predict_logprob_{gray}{unit}'] = log_prob
  for key, value in latent.items():
    steps = {f'{key}_step{t}': step for t, step in enumerate(value)}
    result |= steps if key.startswith('expert_') else {key: value}
  return result | {'z': z} | {f'recon_{m}': means[m] for m in modalities}


def _gaussian(variant, weights, side, heads, states):
  means, logvars = (
    np.stack(
      [
        convolve(weights, f'{head}.{output}', hidden)
        for head, (hidden, _) in zip(heads, states, strict=True)
      ],
      axis=1,
    )
    for output in ('mean_fn', 'logvar_fn')
  )
  single = variant == 'baseline'
  mean, logvar = (means[:, 0], logvars[:, 0]) if single else product_of_experts(means, logvars)
  return {
    f'{side}_mean': mean,
    f'{side}_logvar': logvar,
    f'expert_{side}_mean': means,
    f'expert_{side}_logvar': logvars,
  }


def _decode(weights, name, hidden):
  if f'{name}decode.weight' in weights:
    a = convolve(weights, f'{name}decode', hidden).clip(min=0)
    a = convolve_transposed(weights, f'{name}convt', a).clip(min=0)
    return convolve_transposed(weights, f'{name}convt2', a)
  a = hidden.reshape(len(hidden), math.prod(hidden.shape[1:]), 1, 1)  # No -1: N may be zero.
  for layer in ('fc1', 'fc2'):
    a = convolve(weights, f'{name}{layer}', a).clip(min=0)
  return convolve(weights, f'{name}fc3', a)[:, :, 0, 0]


def _lstm(weights, name, inputs, state):
  hidden, cell = state
  gates = convolve(weights, f'{name}.gates', np.concatenate([*inputs, hidden], axis=1))
  *logits, candidate = np.split(gates, 4, axis=1)
  enter, forget, leave = (0.5 + 0.5 * np.tanh(0.5 * x) for x in logits)  # Stable sigmoid.
  cell = forget * cell + enter * np.tanh(candidate)
  return leave * np.tanh(cell), cell


def _zero_state(weights, name, count, grid):
  return np.zeros((2, count, weights[f'{name}.gates.bias'].size // 4, *grid))


def _log_density(x, mean, logvar):
  return -0.5 * (LOG_2PI + logvar + (x - mean) ** 2 / np.exp(logvar))


def _sum_per_scene(values, views):
  return np.array([scene.sum() for scene in np.split(values, np.cumsum(views)[:-1])])
