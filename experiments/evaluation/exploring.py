"""One object, sensed view by view where a policy says, and what the model then knows of it.

Dims: N candidates, W views held out, S senses, K samples, M modalities.
"""

import dataclasses
import functools
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.evaluation import measures, unseen
from experiments.evaluation.scenes import stack_scenes
from gmn_jax import inference
from gmn_jax.inference import Seen, active
from gmn_jax.model import GMN, apply
from gmn_jax.senses import Modality, Sense, Views, cut_scenes, senses_of
from gmn_jax.training.checkpoint import Run
from mese_env import poses

Array = jax.Array
# Keeps the candidates' cameras apart from whatever else is drawn of a scene.
_CAMERAS = 0x6C6F6F6B


class Bench(NamedTuple):
  """An object that is explored.

  Attributes:
    candidates: the views that may be asked for, (1, N, ...) per modality.
    encoded: the same as the model encodes them, (N, h, w, R) per modality.
    axes: of each sense, from the origin to where each candidate is sensed, (N, 3), of length 1.
    held_out: the views by which the model is measured, (1, W, ...) per modality.
    others: what other objects are sensed as at the poses of these, (O, W, ...) per modality.
  """

  candidates: Views
  encoded: tuple[np.ndarray, ...]
  axes: Mapping[Sense, np.ndarray]
  held_out: Views
  others: tuple[np.ndarray, ...] = ()


@dataclasses.dataclass(frozen=True)
class Explorer:
  """A trained model, and how it is asked.

  Attributes:
    run: the model.
    senses: those of which there are views.
    std: per modality the noise of what is sensed, as `active.Choice` has it.
    samples: K.
  """

  run: Run
  senses: tuple[Sense, ...]
  std: tuple[Array, ...]
  samples: int

  def kind(self, sense: Sense) -> active.Kind:
    """Which modalities a view of a sense is of."""
    return tuple(i for i, m in enumerate(self.run.model.modalities) if m.sense == sense)

  def nothing(self) -> Seen:
    """What no view tells."""
    shape = (1, *self.run.model.grid, 4 * self.run.model.width)
    parts = len(self.run.model.modalities)
    return Seen((np.zeros(shape, np.float32),) * parts, np.zeros((1, parts), bool))

  def after(self, bench: Bench, seen: Seen, sense: Sense, places: Any) -> Seen:
    """What is known with one candidate more: a set for each of the places."""
    kind, places = self.kind(sense), np.atleast_1d(places)
    sums = [
      total + (bench.encoded[m][places] if m in kind else np.zeros((len(places), 1, 1, 1)))
      for m, total in enumerate(seen.sums)
    ]
    is_sensed = np.isin(np.arange(len(sums)), kind)
    any_NM = np.repeat(np.asarray(seen.any_NM) | is_sensed, len(places), axis=0)
    return Seen(tuple(np.float32(s) for s in sums), any_NM)

  def errors(self, bench: Bench, seen: Seen, key: Array | None) -> np.ndarray:
    """Mean squared error of the views held out, for each set seen, (sets, S): of the mean over K
    samples, or of the path without noise where no key is given.
    """
    samples, temperature = (1, 0.0) if key is None else (self.samples, 1.0)
    key = jax.random.key(0) if key is None else key
    of = (self.run.model, self.senses, samples, self.run.params)
    return np.asarray(_errors(*of, seen, bench.held_out, key, temperature)[0])

  def measured(self, bench: Bench, seen: Seen, key: Array) -> np.ndarray:
    """What `measures.measures_of` lists, of one set seen."""
    of = (self.run.model, self.senses, self.samples, self.run.params)
    errors, means = _errors(*of, seen, bench.held_out, key, 1.0)
    modalities = self.run.model.modalities
    predicted = tuple(np.asarray(mean) for mean in means)
    return np.concatenate(
      [
        np.asarray(errors)[0],
        measures.further(self.senses, modalities, predicted, bench.held_out.senses, bench.others),
      ]
    )


class Moment(NamedTuple):
  """What a policy decides upon.

  Attributes:
    explorer: the model.
    bench: the object.
    senses: those that it may use.
    seen: what is known.
    taken: of each of these senses, which candidates were sensed already, (N,).
    rng: of policies that draw.
    key: of what is imagined.
  """

  explorer: Explorer
  bench: Bench
  senses: tuple[Sense, ...]
  seen: Seen
  taken: tuple[np.ndarray, ...]
  rng: np.random.Generator
  key: Array


# What each candidate of each of the senses is worth, (N,), all in one unit.
Gains = Callable[[Moment], Sequence[np.ndarray]]


class Course(NamedTuple):
  """What came of it.

  Attributes:
    errors: what `measures.measures_of` lists, after no view and after each, (steps + 1, X).
    chosen: by step, the place of the sense chosen among those of the explorer, (steps,).
    milliseconds: that each decision took but the first, which is drawn, (steps - 1,).
  """

  errors: np.ndarray
  chosen: np.ndarray
  milliseconds: np.ndarray


def lay_out(
  run: Run,
  scene: Mapping[str, np.ndarray],
  candidates: int,
  held_out: int,
  seed: int,
  others: Sequence[Mapping[str, np.ndarray]] = (),
) -> Bench:
  """The candidates and the views held out of a scene.

  Where the object is known, it is sensed anew from random poses. Else the candidates are the views
  that are not held out, which are the last ones.

  Args:
    run: the model.
    scene: raw.
    candidates: N of each sense.
    held_out: W of each sense.
    seed: of the poses.
    others: scenes of other objects, raw; taken where objects are known.
  """
  modalities = run.model.modalities
  senses, raw = senses_of(modalities), dict(scene)
  if unseen.can_sense_anew(scene, senses):
    rng = np.random.default_rng([_CAMERAS, seed, int(scene['index'])])
    cameras = [poses.camera_pose(*poses.sample_angles(rng)) for _ in range(candidates)]
    raw = unseen.sense_anew(raw, cameras, candidates, seed)
  else:
    raw = _part(modalities, scene, slice(0, candidates))
  held = _part(modalities, scene, slice(-held_out, None))
  found, left = (
    cut_scenes(modalities, stack_scenes([of], modalities), run.ranges) for of in (raw, held)
  )
  encoded = _encode(run.model, run.params, found)
  at = {s: np.asarray(raw[s.pose_field], np.float64)[:, :3] for s in senses if s.field in raw}
  axes = {s: x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-9) for s, x in at.items()}
  beside: tuple[np.ndarray, ...] = ()
  if others and unseen.can_sense_anew(scene, senses):
    sensed = [unseen.sense_at(held, other) for other in others]
    cut = cut_scenes(modalities, stack_scenes(sensed, modalities), run.ranges)
    beside = tuple(np.asarray(of) for of in cut.senses)
  return Bench(found, tuple(np.asarray(e[0]) for e in encoded), axes, left, beside)


def explore(
  explorer: Explorer,
  bench: Bench,
  gains: Gains,
  prices: Mapping[Sense, float],
  steps: int,
  seeds: Sequence[int],
) -> Course:
  """Senses an object `steps` times: first at random, then where the gains for their price are
  largest; no candidate twice.

  Args:
    explorer: the model.
    bench: the object.
    gains: of a policy.
    prices: of a view of each sense that may be used.
    steps: how many views.
    seeds: of the first view and the samples, alike for all policies.
  """
  rng, senses = np.random.default_rng(seeds), tuple(prices)
  key = jax.random.key(int(rng.integers(2**31)))
  seen = explorer.nothing()
  taken = tuple(np.zeros(len(bench.axes[s]), bool) for s in senses)
  first = int(rng.integers(sum(map(len, taken))))
  key_errors, key_gains = jax.random.split(key)
  errors, chosen, milliseconds = [explorer.measured(bench, seen, key_errors)], [], []
  for step in range(steps):
    if not step:
      starts = np.cumsum([0, *map(len, taken)])
      which = int(np.searchsorted(starts, first, side='right')) - 1
      place = first - int(starts[which])
    else:
      began = time.perf_counter()
      moment = Moment(
        explorer, bench, senses, seen, taken, rng, jax.random.fold_in(key_gains, step)
      )
      worth = [np.where(t, -np.inf, g) for g, t in zip(gains(moment), taken, strict=True)]
      which, place = active.best(worth, list(prices.values()))
      milliseconds.append(1e3 * (time.perf_counter() - began))
    taken[which][place] = True
    seen = explorer.after(bench, seen, senses[which], place)
    errors.append(explorer.measured(bench, seen, key_errors))
    chosen.append(explorer.senses.index(senses[which]))
  return Course(np.stack(errors), np.array(chosen), np.array(milliseconds))


def _part(
  modalities: Sequence[Modality], scene: Mapping[str, np.ndarray], which: slice
) -> dict[str, np.ndarray]:
  """Some views of a scene, of every sense."""
  fields = [f for s in senses_of(modalities) for f in (s.field, s.pose_field, s.there_field)]
  return {field: scene[field][which] for field in fields if field in scene}


@functools.partial(jax.jit, static_argnums=0)
def _encode(model: GMN, params: Any, views: Views) -> tuple[Array, ...]:
  return apply(model, params, views, method='encode')


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def _errors(
  model: GMN,
  senses: tuple[Sense, ...],
  samples: int,
  params: Any,
  seen: Seen,
  held_out: Views,
  key: Array,
  temperature: float,
) -> tuple[Array, tuple[Array, ...]]:
  """As `Explorer.errors`, every set with the same noise; and the means, (sets, W, ...) each."""
  sets = len(seen.any_NM)
  noise = inference.noise_from(model, key, samples, temperature)
  noise = jax.tree.map(lambda x: jnp.tile(x, (sets, *[1] * (x.ndim - 1))), noise)
  many = jax.tree.map(lambda x: jnp.repeat(x, samples, axis=0), seen)
  z = inference.sample_prior_given(model, params, many, noise).z
  queries = tuple(
    jnp.broadcast_to(q, (len(z), *q.shape[1:])) if m.sense in senses else q[:, :0].repeat(len(z), 0)
    for m, q in zip(model.modalities, held_out.queries, strict=True)
  )
  means = inference.render(model, params, z, queries)
  means = tuple(mean.reshape(sets, samples, *mean.shape[1:]).mean(axis=1) for mean in means)
  errors = []
  for sense in senses:
    away = [
      (mean - truth).reshape(sets, -1)
      for m, mean, truth in zip(model.modalities, means, held_out.senses, strict=True)
      if m.sense == sense
    ]
    errors.append(jnp.square(jnp.concatenate(away, axis=1)).mean(axis=1))
  return jnp.stack(errors, axis=1), means
