"""What models make of a state: beliefs, images, readings, and how far they are from the truth.

Dims: K samples, Q cameras, S side of an image, D sensors.
"""

import contextlib
import functools
import threading
from collections.abc import Mapping
from typing import NamedTuple

import jax
import numpy as np

from experiments.explorer import hands, things
from experiments.explorer.state import State
from experiments.explorer.ways import GRASP, LOOK, WAYS, Given, Way
from gmn_jax.models import Belief, Model
from gmn_jax.senses import HAPTIC, ImageCut
from gmn_jax.senses.image import centre
from mese_env.errors import UserError

_KEPT = 512  # beliefs, each of the size of a few images
_resized = jax.jit(centre, static_argnums=(1, 2))


class Glance(NamedTuple):
  """What is seen from the eye.

  Attributes:
    imagined: (K, S, S, 3), about in [0, 1]; NaN where the model does not look.
    truth: uint8 (S, S, 3), the same field of view in the simulator's size.
  """

  imagined: np.ndarray
  truth: np.ndarray


class Touched(NamedTuple):
  """What a hand at the eye would feel.

  Attributes:
    imagined: (K, D), in the unit of the sensors.
    felt: (D,) of the simulator; None where the hand would press too hard.
    low: (D,), of each sensor in training.
    high: (D,), the same.
  """

  imagined: np.ndarray
  felt: np.ndarray | None
  low: np.ndarray
  high: np.ndarray


class Answer(NamedTuple):
  """All that the page shows of a belief.

  Attributes:
    glance: from the eye.
    around: (K, Q, S, S, 3), imagined from `things.AROUND`.
    field: the part of the cameras' field of view that these show.
    touched: by a hand at the eye; None where the model does not touch.
    shares: of the belief's precision, by modality, 0 of those not given; or the sentence that
      says why there are none.
    uncertainty: nats.
    error: mean squared error of the mean image over the cameras of `things.STRIP`.
    blind_error: the same where nothing is given.
    hands: as each grasp that was given closed.
    rank: the place of the true object among `things.RANKED`, by that error; 1 is the best.
  """

  glance: Glance
  around: np.ndarray
  field: float
  touched: Touched | None
  shares: dict[str, float] | str
  uncertainty: float
  error: float
  blind_error: float
  hands: list[hands.Mesh]
  rank: int


class Studio:
  """Models that are asked by any number of visitors, one at a time.

  Args:
    models: by their names; at least one.
  """

  def __init__(self, models: Mapping[str, Model]):
    self.models = dict(models)
    # The simulator computes in place, and two threads on two cores are no faster than one.
    self._lock = threading.RLock()
    self._belief = functools.lru_cache(maxsize=_KEPT)(self._make_belief)
    self._blind_error = functools.lru_cache(maxsize=_KEPT)(self._measure_blind_error)

  def first(self) -> State:
    """The state of a page that asks for nothing."""
    return State(next(iter(self.models)))

  def warm_up(self) -> None:
    """Compiles what the first visitor asks for, with every model."""
    for model in self.models:
      state = State(model)
      for way in WAYS:
        # A model may lack a sense.
        with contextlib.suppress(UserError):
          state = state.give(self.best(state, way))
      self.answer(state)

  def belief(self, state: State) -> Belief:
    """What the model believes in a state.

    Raises:
      UserError: a grasp that was given is too forceful, or the model lacks the sense.
    """
    with self._lock:
      return self._belief(state.model, state.object, state.cubes, state.counted)

  def glance(self, state: State) -> Glance:
    """What is seen from the eye; errors as of `belief`."""
    with self._lock:
      imagined = self.belief(state).imagine(LOOK.query(state.eye), state.samples, state.seed)
      truth = things.look(state.object, state.cubes, state.eye)
      margin = round(len(truth) * (1 - self._cut(state).field) / 2)
      return Glance(imagined, truth[margin : len(truth) - margin, margin : len(truth) - margin])

  def answer(self, state: State) -> Answer:
    """All that the page shows; errors as of `belief`."""
    with self._lock:
      belief = self.belief(state)
      around = self._around(belief, state)
      errors = [self._error(state, around, strip) for strip in things.ranked(state)]
      return Answer(
        self.glance(state),
        around,
        self._cut(state).field,
        self._touched(belief, state),
        _shares(belief, self.models[state.model]),
        belief.uncertainty(state.samples, state.seed),
        errors[0],
        self._blind_error(state.replace(given=(), eye=self.first().eye, truth=False)),
        [
          hands.closed_hand(state.object, state.cubes, one.angles)
          for one in state.counted
          if one.way == GRASP
        ],
        1 + sum(error < errors[0] for error in errors),
      )

  def best(self, state: State, way: Way) -> Given:
    """Of the poses around the object the one that is expected to tell most, not yet given.

    Raises:
      UserError: the model lacks the sense, or all poses are given.
    """
    with self._lock:
      left = [angles for angles in things.CANDIDATES if Given(way, angles) not in state.counted]
      queries = np.stack([way.query(angles) for angles in things.CANDIDATES])
      scores = self.belief(state).information(way.sense, queries, 16, state.seed)
      told = dict(zip(things.CANDIDATES, scores, strict=True))
      for angles in sorted(left, key=lambda one: -told[one]):
        given = Given(way, angles)
        if self._possible(state, given):
          return given
    raise UserError(f'every {way.name} of the candidates is given; choose one of your own.')

  def _possible(self, state: State, given: Given) -> bool:
    try:
      things.sensed(state, given)
    except UserError:
      return False
    return True

  def _make_belief(self, model: str, number: int, cubes: int, counted: tuple[Given, ...]) -> Belief:
    if not counted:
      return self.models[model].belief()
    *before, last = counted
    # The one before is most often known: what is given grows by one at a time.
    belief = self._belief(model, number, cubes, tuple(before))
    view = things.sensed(State(model, number, cubes), last)
    return belief.add(last.way.sense, view, last.way.query(last.angles))

  def _around(self, belief: Belief, state: State) -> np.ndarray:
    queries = np.stack([LOOK.query(angles) for angles in things.AROUND])
    return belief.imagine(queries, state.samples, state.seed)

  def _error(self, state: State, around: np.ndarray, strip: np.ndarray) -> float:
    cut = self._cut(state)
    truth = np.asarray(_resized(np.float32(strip) / 255, cut.canvas, cut.field))
    return float(np.nanmean((around[:, : len(strip)].mean(axis=0) - truth) ** 2))

  def _cut(self, state: State) -> ImageCut:
    modalities = self.models[state.model].run.model.modalities
    return next(m.cut for m in modalities if isinstance(m.cut, ImageCut))

  def _measure_blind_error(self, state: State) -> float:
    around = self._around(self.belief(state), state)
    return self._error(state, around, things.strip(state.object, state.cubes))

  def _touched(self, belief: Belief, state: State) -> Touched | None:
    run = self.models[state.model].run
    if all(m.sense != HAPTIC for m in run.model.modalities):
      return None
    angles = state.eye.towards(GRASP)
    try:
      felt = things.grasp(state.object, state.cubes, angles)
    except UserError:
      felt = None
    imagined = belief.feel(GRASP.query(angles), state.samples, state.seed)
    span = HAPTIC.range_in(run.ranges)
    low = np.asarray(span.low)
    return Touched(imagined, felt, low, low + 2 * np.asarray(span.half_span))


def _shares(belief: Belief, model: Model) -> dict[str, float] | str:
  try:
    found = belief.precision_share()
  except UserError as error:
    return str(error)
  # All modalities, in one order, so that each keeps its colour.
  return {m.name: 0.0 for m in model.run.model.modalities} | found
