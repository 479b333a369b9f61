"""What a model believes of one scene: it is looked at, touched, and asked.

Dims: K samples, Q queries, S side of an image, D sensors of a grasp.
"""

import dataclasses
import itertools
import operator
import types
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from gmn_jax.inference import Seen, active
from gmn_jax.models import asking
from gmn_jax.models.views import Asked, asked_of, embed, read_poses, read_view, write_views
from gmn_jax.senses import HAPTIC, IMAGE
from gmn_jax.training.run import Run
from mese_env.errors import UserError, did_you_mean

_MOST = 2**31  # JAX computes with 32 bits
# Of the poses that are weighed if none are given, radians.
_PITCHES, _YAWS = np.linspace(-1.2, 1.2, 5), np.arange(8) * np.pi / 4


@dataclasses.dataclass(frozen=True, eq=False)
class Belief:
  """What a model believes of a scene, given the views so far; it never changes.

  `look`, `touch` and `add` return another belief, which knows one view more. The order of views
  does not matter, and their number is not limited: a belief keeps the sum of what they are encoded
  to. Everything is compiled at its first use, once for each number of samples.

  Poses are (x, y, z, pitch, yaw), metres and radians, (5,), as scenes store them. Pixels are whole
  numbers in [0, 255] or floats in [0, 1]. Samples of one seed are of the same K scenes, whatever is
  asked of them.

  Attributes:
    views: how many views of each sense or modality were added, by its name.
  """

  _run: Run
  _seen: Seen
  views: Mapping[str, int] = dataclasses.field(default_factory=lambda: types.MappingProxyType({}))

  def look(self, image: ArrayLike, camera: ArrayLike) -> 'Belief':
    """The belief that knows a look more.

    Args:
      image: (S, S, 3), of any size: it is resized as in training.
      camera: its pose.

    Raises:
      UserError: image or pose are of another shape or unit, or the model does not look.
    """
    return self.add(IMAGE.name, image, camera)

  def touch(self, reading: ArrayLike, wrist: ArrayLike) -> 'Belief':
    """The belief that knows a grasp more.

    Args:
      reading: (D,), in the unit of the training data: the model has their ranges, and scales it.
      wrist: its pose.

    Raises:
      UserError: reading or pose are of another shape or unit, or the model does not touch.
    """
    return self.add(HAPTIC.name, reading, wrist)

  def add(self, name: str, view: ArrayLike, pose: ArrayLike) -> 'Belief':
    """The belief that knows a view more, of any sense.

    Args:
      name: of a sense, or of one of its modalities, of which alone the view then tells.
      view: one whole view of the sense.
      pose: from where.

    Raises:
      UserError: the model has no such sense, or view or pose are of another shape or unit.
    """
    asked, run = self._asked(name), self._run
    given_M = np.isin(np.arange(len(run.model.modalities)), asked.modalities)
    views = read_view(run, asked, view, pose)
    seen = asking.add(run.model, run.params, self._seen, views, given_M)
    counts = {**self.views, name: self.views.get(name, 0) + 1}
    return Belief(run, seen, types.MappingProxyType(counts))

  def imagine(self, camera: ArrayLike, samples: int = 8, seed: int = 0) -> np.ndarray:
    """Images of K scenes that the belief allows; their mean is the best guess.

    Args:
      camera: a pose (5,), or several (Q, 5).
      samples: K.
      seed: decides the samples.

    Returns:
      (K, S, S, 3) of one pose, (K, Q, S, S, 3) of several; means of pixels, about in [0, 1].

    Raises:
      UserError: a pose is of another shape or unit, or the model does not look.
    """
    return self.predict(IMAGE.name, camera, samples, seed)

  def feel(self, wrist: ArrayLike, samples: int = 8, seed: int = 0) -> np.ndarray:
    """As `imagine`, what a grasp at a wrist's pose would feel: (K, D) or (K, Q, D), in the unit of
    the training data; NaN for sensors that the model does not take.
    """
    return self.predict(HAPTIC.name, wrist, samples, seed)

  def predict(self, name: str, pose: ArrayLike, samples: int = 8, seed: int = 0) -> np.ndarray:
    """As `imagine`, of any sense or modality, in the unit in which `add` takes its views.

    Raises:
      UserError: the model has no such sense, or a pose is of another shape or unit.
    """
    asked, query_Q7 = self._asked(name), embed(read_poses(pose))
    parts = self._rendered(asked, query_Q7, samples, seed)
    views = write_views(self._run, asked, parts)
    return views[:, 0] if np.ndim(pose) == 1 else views

  def uncertainty(self, samples: int = 8, seed: int = 0) -> float:
    """The differential entropy of the latents given the views, nats.

    Of T draw steps it is the mean over K samples of sum_t H(z_t | z_<t, views), each a Gaussian's
    own. Only differences have a meaning, between beliefs of one model that have seen the same
    modalities: there the lower one is surer. A product of experts without an anchor, as the model
    that comes along is, counts what it believes before any view once for each expert. With
    `absent='mask'` these are those of the modalities seen, or where nothing is seen, all: so one
    more modality lowers the entropy even if it tells nothing, and the first one may raise it.

    Args:
      samples: K.
      seed: decides the samples.

    Raises:
      UserError: `samples` is no whole number above 0.
    """
    return asking.entropy(self._sampled(samples, seed))

  def precision_share(self) -> dict[str, float]:
    """By the name of each modality seen, its expert's part of the belief's precision; together 1.

    Experts multiply, so that their precisions add up. The part is averaged over all latents, along
    the path without noise. An anchor, or experts of what was not seen where they multiply too, say
    what is believed before any view: their part is under 'prior'. Without an anchor an expert's
    precision contains some of the prior's, and a part is no measure of what its views alone tell.

    Raises:
      UserError: the model is none that multiplies an expert for each modality.
    """
    model, draw = self._run.model, asking.mean_path(self._run.model, self._run.params, self._seen)
    shares = asking.precision_shares(model, self._seen, draw)
    if shares is None:
      raise UserError(
        f"'{model.variant.name}' with pooling '{model.pooling.name}' multiplies no expert for each "
        'modality, so that none has a share; ask a product of apoe or poe.'
      )
    seen_M = np.asarray(self._seen.any_NM[0])
    parts = {
      m.name: float(share)
      for m, share, seen in zip(model.modalities, shares, seen_M, strict=True)
      if seen
    }
    prior = float(shares[~seen_M].sum())
    if model.pooling.anchored:
      prior = 1 - sum(parts.values())
    return parts | ({'prior': prior} if prior > 0 else {})

  def information(
    self, name: str, poses: ArrayLike, samples: int = 16, seed: int = 0
  ) -> np.ndarray:
    """How much views from some poses are expected to tell, nats, (Q,): `inference.information`, the
    noise being that of the model's likelihood.

    Args:
      name: of the sense or modality.
      poses: (Q, 5).
      samples: K, at least 2.
      seed: decides the samples.

    Raises:
      UserError: the model has no such sense, a pose is of another shape or unit, or there are too
        few samples.
    """
    return self._information({name: read_poses(poses)}, samples, seed)[0]

  def next_look(
    self, cameras: ArrayLike | None = None, samples: int = 16, seed: int = 0
  ) -> np.ndarray:
    """Of some cameras the one from which a look is expected to tell most, (5,).

    That is where the samples disagree most (`information`). Cameras that were looked through are
    not left out.

    Args:
      cameras: their poses, (Q, 5). If not given, 40 around the object, as the simulated
        environment has them: one metre away, looking at it.
      samples: K, at least 2.
      seed: decides the samples.

    Raises:
      UserError: as `information`.
    """
    return self._next(IMAGE.name, cameras, samples, seed)

  def next_grasp(
    self, wrists: ArrayLike | None = None, samples: int = 16, seed: int = 0
  ) -> np.ndarray:
    """As `next_look`, the wrist's pose from which a grasp is expected to tell most, (5,).

    Args:
      wrists: their poses, (Q, 5). If not given, 40 around the object, whose palm meets it.
      samples: K, at least 2.
      seed: decides the samples.

    Raises:
      UserError: as `information`.
    """
    return self._next(HAPTIC.name, wrists, samples, seed)

  def next_view(
    self, prices: Mapping[str, float], samples: int = 16, seed: int = 0
  ) -> tuple[str, np.ndarray]:
    """The sense that is expected to tell most for its price, and from which pose (5,).

    Args:
      prices: of one view of each sense that may be used, by its name, in any unit; of 40 poses
        around the object, as in `next_look` and `next_grasp`.
      samples: K, at least 2.
      seed: decides the samples.

    Raises:
      UserError: as `information`, or a price is not above 0, or of no sense that is simulated.
    """
    known = [sense.name for sense in (IMAGE, HAPTIC)]
    for name in prices:
      if name not in known:
        raise UserError(f"a price is given for '{name}'; {did_you_mean(name, known)}")
    if not prices:
      raise UserError(f'no price is given; give one for each sense to use, of {", ".join(known)}.')
    candidates = {name: _around(name) for name in prices}
    told = self._information(candidates, samples, seed)
    kind, place = active.best(told, list(prices.values()))
    name = list(prices)[kind]
    return name, candidates[name][place]

  def __repr__(self) -> str:
    views = ', '.join(f'{name}: {count}' for name, count in self.views.items())
    return f'Belief({views or "nothing seen"})'

  def _asked(self, name: str) -> Asked:
    return asked_of(self._run.model.modalities, name)

  def _next(self, name: str, poses: ArrayLike | None, samples: int, seed: int) -> np.ndarray:
    candidates = _around(name) if poses is None else read_poses(poses)
    return candidates[self.information(name, candidates, samples, seed).argmax()]

  def _information(
    self, poses: Mapping[str, np.ndarray], samples: int, seed: int
  ) -> list[np.ndarray]:
    samples, seed = _whole('samples', samples, 2), _whole('seed', seed, 0)
    kinds = tuple(self._asked(name).modalities for name in poses)
    queries = [embed(of_kind) for of_kind in poses.values()]
    return asking.information(self._run, self._seen, kinds, queries, samples, seed)

  def _sampled(self, samples: int, seed: int) -> asking.Draw:
    samples, seed = _whole('samples', samples, 1), _whole('seed', seed, 0)
    return asking.sample(self._run.model, self._run.params, self._seen, samples, seed)

  def _rendered(
    self, asked: Asked, query_Q7: np.ndarray, samples: int, seed: int
  ) -> list[np.ndarray]:
    z = self._sampled(samples, seed).z
    return asking.render(self._run.model, self._run.params, z, asked.modalities, query_Q7)


def nothing_seen(run: Run) -> Belief:
  """What a model believes of any scene."""
  return Belief(run, asking.nothing(run.model))


def _whole(name: str, value: Any, least: int) -> int:
  try:
    number = operator.index(value)
  except TypeError:
    number = -1
  if not least <= number < _MOST:
    raise UserError(f'{name} is {value!r}; give a whole number of at least {least}.')
  return number


def _around(name: str) -> np.ndarray:
  """Poses of a sense all around the object, (40, 5)."""
  # Of the environment, which the model itself does without.
  from mese_env import poses

  place = {IMAGE.name: poses.camera_pose, HAPTIC.name: poses.wrist_pose}[name]
  return np.stack([poses.query(place(p, y)) for p, y in itertools.product(_PITCHES, _YAWS)])
