"""Random weights and batches for `numpy_reference`, which says what they hold."""

import math
import zlib

import numpy as np

Arrays = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]
Dims = list[tuple[int, int, int, int, str]]  # Per modality: C, H, W, 7, 'image' or 'haptic'.


def names_and_shapes(variant: str, dims: Dims, num_steps: int = 12, nz: int = 3) -> Shapes:
  """PyTorch shapes of the full-size 'apoe', 'baseline' or 'poe' by name, in state_dict order."""
  grid = next((height // 4, width // 4) for _, height, width, _, kind in dims if kind == 'image')
  features, hidden, cells = 256, 64, math.prod(grid)
  one_hot, kernel = (len(dims), (1, 5, 5)) if variant == 'apoe' else (0, (5, 5))
  shapes = {}

  def add(prefix, weights):
    for name, shape in weights.items():
      shapes[f'{prefix}{name}.weight'] = shape
      shapes[f'{prefix}{name}.bias'] = (shape[1 if 'convt' in name else 0],)

  for side, head, inputs in (('q', '', 2 * features + hidden), ('p', '_p', nz + features)):
    for name in dict.fromkeys(expert_names(variant, side, len(dims))):
      add(
        name,
        {
          f'rnn{head}.gates': (4 * hidden, inputs + one_hot + hidden, *kernel),
          f'reparam{head}.mean_fn': (nz, hidden, *kernel),
          f'reparam{head}.logvar_fn': (nz, hidden, *kernel),
        },
      )
  for m, (channels, _, _, _, kind) in enumerate(dims):
    name = f'convdraw.renderers.{m}.'
    add(name, {'rnn_p.gates': (4 * hidden, num_steps * nz + 7 + hidden, 5, 5)})
    add(
      f'{name}decoder.',
      {'decode': (32, hidden, 5, 5), 'convt': (32, 64, 4, 4), 'convt2': (64, channels, 4, 4)}
      if kind == 'image'
      else {'fc1': (512, hidden * cells), 'fc2': (512, 512), 'fc3': (channels, 512)},
    )
  for m, (channels, _, _, _, kind) in enumerate(dims):
    # One tower in two sizes: k2 is the kernel of its strided convolutions, k3 of the others.
    part, wide, narrow, k2, k3, outputs = (
      ('img_enc', 256, 128, 2, 3, (features, *grid))
      if kind == 'image'
      else ('ppc_enc', 512, 256, 1, 1, (features * cells, 1, 1))
    )
    shapes[f'repnets.{m}.init_representation'] = (1, *outputs)
    shapes[f'repnets.{m}.init_query'] = (1, 7, 1, 1)  # The authors carry it and never use it.
    add(
      f'repnets.{m}.repnet.{part}.',
      {
        '0': (wide, channels, k2, k2),
        '2.main': (narrow, wide, k3, k3),
        '2.skip': (narrow, wide, 1, 1),
        '4': (wide, narrow, k2, k2),
      },
    )
    add(
      f'repnets.{m}.repnet.enc.',
      {
        '0.main': (narrow, wide + 7, k3, k3),
        '0.skip': (narrow, wide + 7, 1, 1),
        '2': (wide, narrow, k3, k3),
        '4': (outputs[0], wide, k3, k3),
      },
    )
  return shapes


def make_weights(shapes: Shapes) -> Arrays:
  """Normals over sqrt(fan-in), biases and initial states times 0.1, each seeded by its name."""
  weights = {}
  for name, shape in shapes.items():
    values = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) == 1 or name.endswith(('init_representation', 'init_query')):
      values *= 0.1
    else:
      transposed = name.endswith(('decoder.convt.weight', 'decoder.convt2.weight'))
      values /= math.sqrt(math.prod(shape[:1] + shape[2:] if transposed else shape[1:]))
    weights[name] = values.astype(np.float32).astype(np.float64)  # As recorded: float32, cast up.
  return weights


def make_batch(M: int, dims: Dims, ctx_n: list, tgt_n: list) -> Arrays:
  """A random batch, all float32, seeded by the number of modalities M; the module lists its keys.

  Images in [0, 1], haptics and positions (metres) in [-1, 1], angles (radians) in [-pi, pi].
  """
  rng = np.random.default_rng(1000 + M)

  def queries(count):
    positions = 2 * rng.random((count, 3)) - 1
    angles = (2 * rng.random((count, 2)) - 1) * np.pi
    return np.concatenate([positions, angles], axis=1).astype(np.float32)

  batch = {'ctx_n': np.asarray(ctx_n), 'tgt_n': np.asarray(tgt_n)}
  for split in ('ctx', 'tgt'):
    for m, (channels, height, width, _, kind) in enumerate(dims):
      count = batch[f'{split}_n'][:, m].sum()
      sense = (
        rng.random((count, channels, height, width))
        if kind == 'image'
        else 2 * rng.random((count, channels)) - 1
      )
      batch[f'{split}_x_{m}'] = sense.astype(np.float32)
      batch[f'{split}_q_{m}'] = queries(count)
  return batch | {f'gen_q_{m}': queries(len(ctx_n)) for m in range(M)}


def expert_names(variant: str, side: str, count: int) -> list[str]:
  """Prefixes of the tensors of each modality's expert, of the posterior 'q' or the prior 'p'."""
  expert = 's.{}' if variant == 'poe' else ''
  return [f'convdraw.rnn_{side}{expert.format(m)}.rnns.0.' for m in range(count)]
