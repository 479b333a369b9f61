"""Recordings of the authors' implementation: the weights, inputs and noise of one, and the model
they belong to.

A recording is an npz file that says what was run (`meta`, `dims`, `param_names`, `param_shapes`,
`ctx_n`, `tgt_n`) and what came out. Weights, and inputs and noise where the file does not hold
them, follow from seeded rules.
"""

import json
import math
import os
import pathlib
import zipfile
import zlib
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from gmn_jax import authors
from gmn_jax.model import APOE, BASELINE, GMN, POE, Episodes, Noise
from gmn_jax.senses import HAPTIC, IMAGE, Modality, Views, embed_query
from mese_env.errors import UserError

_VARIANTS = {
  'apoe': APOE, 'conv-apoe': APOE, 'poe': POE, 'poe-multimodal-cgqn': POE,
  'baseline': BASELINE, 'multimodal-cgqn': BASELINE,
}  # fmt: skip
_SENSES = {sense.name: sense for sense in (IMAGE, HAPTIC)}


class Golden(NamedTuple):
  """One recording, ready to be compared with.

  Attributes:
    model: the network that was run.
    params: its weights, float64.
    views: its inputs, padded to one number of views, float64.
    episodes: which of them were context and target (S = 1).
    queries: what `generate` was asked, (B, 1, 7) per modality.
    noise: of z, zeros for a run without noise.
    generate_noise: the same for `generate`.
    recorded: the outputs, by the file's own names.
    names: the authors' names of the parameters, in the order of the recorded gradients.
  """

  model: GMN
  params: Mapping
  views: Views
  episodes: Episodes
  queries: tuple[np.ndarray, ...]
  noise: Noise
  generate_noise: Noise
  recorded: Mapping[str, np.ndarray]
  names: list[str]


def read_golden(path: os.PathLike | str) -> Golden:
  """Reads a recording and rebuilds what it was made from.

  Raises:
    UserError: the file is missing, is no recording, or its weights do not have the recorded sums.
  """
  path = pathlib.Path(path)
  if not path.is_file():
    raise UserError(f'there is no recording {path}; give the path of an existing .npz file.')
  try:
    with np.load(path) as stored:
      recorded = dict(stored)
  except (ValueError, EOFError, TypeError, zipfile.BadZipFile) as error:
    raise UserError(
      f"{path} is not a readable .npz file; give a recording of the authors' implementation."
    ) from error
  missing = [
    key
    for key in ('meta', 'dims', 'param_names', 'param_shapes', 'ctx_n', 'tgt_n')
    if key not in recorded
  ]
  if missing:
    raise UserError(
      f"{path} lacks {', '.join(missing)}; give a recording of the authors' implementation."
    )
  meta = json.loads(str(recorded['meta']))
  if meta['variant'] not in _VARIANTS:
    raise UserError(
      f"{path} is a recording of '{meta['variant']}'; there are {', '.join(_VARIANTS)}."
    )
  names = [str(name) for name in recorded['param_names']]
  shapes = [tuple(json.loads(str(shape))) for shape in recorded['param_shapes']]
  dims = json.loads(str(recorded['dims']))
  state_dict = {
    name: authors_weight(name, shape) for name, shape in zip(names, shapes, strict=True)
  }
  sums = np.array([state_dict[name].sum() for name in names])
  if 'param_sum' in recorded and not np.allclose(sums, recorded['param_sum'], rtol=1e-9, atol=1e-9):
    raise UserError(
      f'the weights rebuilt for {path} do not have the recorded sums; '
      'the file does not follow the rule.'
    )
  width = shapes[names.index('convdraw.renderers.0.rnn_p.gates.bias')][0] // 4
  model = GMN(
    modalities=tuple(_modality(i, *dim) for i, dim in enumerate(dims)),
    variant=_VARIANTS[meta['variant']],
    width=width,
    steps=meta['num_steps'],
    latent=meta['nz'],
  )
  if 'ctx_x_0' not in recorded:
    recorded = _sample_inputs(model, recorded) | recorded
  views, episodes = _pad(model, recorded)
  noisy = meta['mode'] == 'eps'
  return Golden(
    model=model,
    params=authors.from_authors(model, state_dict),
    views=views,
    episodes=episodes,
    queries=tuple(
      np.asarray(embed_query(recorded[f'gen_q_{m}'][:, None].astype(np.float64)))
      for m in range(len(dims))
    ),
    noise=Noise(_noise(model, recorded, 'eps', 2000) * noisy),
    generate_noise=Noise(_noise(model, recorded, 'eps_gen', 3000) * noisy),
    recorded=recorded,
    names=names,
  )


def authors_weight(name: str, shape: tuple[int, ...]) -> np.ndarray:
  """The recordings' weight of that name: normal numbers seeded by the name, float32 values held in
  float64.
  """
  weight = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
  if len(shape) == 1 or name.endswith(('init_representation', 'init_query')):
    weight *= 0.1
  elif name.endswith(('decoder.convt.weight', 'decoder.convt2.weight')):
    weight /= math.sqrt(shape[0] * math.prod(shape[2:]))
  else:
    weight /= math.sqrt(math.prod(shape[1:]))
  return weight.astype(np.float32).astype(np.float64)


def seeded_noise(model: GMN, seed: int, episodes: int) -> np.ndarray:
  """The recordings' noise, (N, T, h, w, Z), drawn steps and channels first."""
  _, steps, h, w, channels = model.latents_shape(episodes)
  drawn = np.random.default_rng(seed).standard_normal((steps, episodes, channels, h, w))
  return drawn.transpose(1, 0, 3, 4, 2)


def _modality(
  index: int, channels: int, height: int, width: int, _query: int, kind: str
) -> Modality:
  shape = (height, width, channels) if _SENSES[kind] is IMAGE else (channels,)
  return Modality(f'{kind}{index}', _SENSES[kind], cut=_as_recorded, shape=shape)


def _as_recorded(sense):
  # A recording holds senses that are already cut.
  return sense


def _sample_inputs(model: GMN, recorded: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
  rng = np.random.default_rng(1000 + len(model.modalities))

  def sample_queries(count: int) -> np.ndarray:
    return np.concatenate(
      [2 * rng.random((count, 3)) - 1, (2 * rng.random((count, 2)) - 1) * np.pi], axis=1
    )

  inputs = {}
  for split in ('ctx', 'tgt'):
    for m, modality in enumerate(model.modalities):
      count = int(recorded[f'{split}_n'][:, m].sum())
      if modality.sense is IMAGE:
        height, width, channels = modality.shape
        inputs[f'{split}_x_{m}'] = rng.random((count, channels, height, width))
      else:
        inputs[f'{split}_x_{m}'] = 2 * rng.random((count, modality.size)) - 1
      inputs[f'{split}_q_{m}'] = sample_queries(count)
  for m in range(len(model.modalities)):
    inputs[f'gen_q_{m}'] = sample_queries(len(recorded['ctx_n']))
  return {name: array.astype(np.float32) for name, array in inputs.items()}


def _noise(model: GMN, recorded: Mapping[str, np.ndarray], name: str, seed: int) -> np.ndarray:
  if name in recorded:
    return recorded[name].astype(np.float64).transpose(1, 0, 3, 4, 2)
  return seeded_noise(model, seed + len(model.modalities), len(recorded['ctx_n']))


def _pad(model: GMN, recorded: Mapping[str, np.ndarray]) -> tuple[Views, Episodes]:
  """Scene by scene, first its context views, then its targets, then padding."""
  counts = recorded['ctx_n'] + recorded['tgt_n']
  scenes, views = len(counts), int(counts.max())
  masks = np.zeros((2, 1, scenes, len(model.modalities), views), bool)
  senses, queries = [], []
  for m, modality in enumerate(model.modalities):
    sense, query = np.zeros((scenes, views, *modality.shape)), np.zeros((scenes, views, 5))
    for scene in range(scenes):
      start = 0
      for mask, split in zip(masks, ('ctx', 'tgt'), strict=True):
        first = recorded[f'{split}_n'][:scene, m].sum()
        count = recorded[f'{split}_n'][scene, m]
        rows, places = slice(first, first + count), slice(start, start + count)
        x = recorded[f'{split}_x_{m}'][rows]
        sense[scene, places] = x.transpose(0, 2, 3, 1) if modality.sense is IMAGE else x
        query[scene, places] = recorded[f'{split}_q_{m}'][rows]
        mask[0, scene, m, places] = True
        start += count
    senses.append(sense)
    queries.append(np.asarray(embed_query(query)))
  # NumPy keeps them in float64, whatever JAX is set to when a recording is read.
  return Views(tuple(senses), tuple(queries)), Episodes(*masks)  # pyright: ignore[reportArgumentType]
