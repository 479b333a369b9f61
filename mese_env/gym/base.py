"""What every environment does: draw an object for each episode, check actions, and show itself."""

import abc
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

import gymnasium
import numpy as np
from PIL import Image

from mese_env import fields, machine, panel, picture, poses, sensors
from mese_env.errors import UserError, did_you_mean
from mese_env.gym.window import Window
from mese_env.objects import OBJECT_TYPES, Object
from mese_env.scene import SEEDS, SceneConfig
from mese_env.world import World

Observation = dict[str, np.ndarray]
Spaces = dict[str, gymnasium.Space]
Step = tuple[Observation, float, bool, bool, dict[str, Any]]

PANE = 256  # pixels per side of each of the squares that a rendered frame is made of

_TURN = np.float32(2 * np.pi)  # a whole turn, radians
_ROUNDING = 1e-6  # by which an action may be past its end
_ENDS = np.array([sensors.RANGES[sensors.kind_of(n)] for n in sensors.SENSOR_NAMES], np.float32).T
_RENDER_MODES = ('rgb_array', 'human')


class Number(NamedTuple):
  """One number of an action: what it says when it is -1 and when it is 1; in between, in between.

  Attributes:
    name: of what it says.
    low: what -1 says.
    high: what 1 says.
    unit: of both.
  """

  name: str
  low: float
  high: float
  unit: str


def query_space(reach: float) -> gymnasium.spaces.Box:
  """Of a query, x y z pitch yaw: metres within `reach` of the origin on each axis, and radians."""
  low = np.array([-reach, -reach, -reach, 0, 0], np.float32)
  return gymnasium.spaces.Box(low, np.array([reach, reach, reach, _TURN, _TURN], np.float32))


def haptic_space() -> gymnasium.spaces.Box:
  """Of a reading (132,): what `sensors.RANGES` says of each kind."""
  return gymnasium.spaces.Box(*_ENDS)


class MeseEnv(gymnasium.Env, abc.ABC):
  """An environment with one object to an episode.

  The paragraphs with a heading, of this class and of those derived from it, are what
  `python -m mese_env pages` writes of each id.

  Start:
    with an object that the seed draws, or with `reset(options={'object': given_object(...)})`.
    Nothing has been sensed: the observation is zeros.
  Reward:
    always 0. What is worth sensing is for a wrapper, or the tasks, to say.
  Info:
    of `reset`: the object's `positions`, `colours`, `walk_id`, `cells_id` and `shape_id`.
  Versions:
    v0: the first.

  Args:
    num_parts: cubes of an object.
    image_size: pixels per side of a look.
    objects: 'all', or by cell set 'seen' or 'held_out' (`shapes.held_out_cells_ids`).
    hand: 'primitive', 'mesh' or 'fidelity'.
    object_type: one of `objects.OBJECT_TYPES`.
    render_mode: 'rgb_array', or 'human' where there is a display.

  Raises:
    UserError: an argument is unknown, or not one of what may be given.
  """

  metadata = {  # noqa: RUF012 - Gymnasium's interface
    'render_modes': list(_RENDER_MODES if machine.has_display() else _RENDER_MODES[:1]),
    'render_fps': 4,
  }
  reset_options = ('object',)
  observation_space: gymnasium.spaces.Dict
  action_type: type[np.floating] = np.float32

  def __init__(
    self,
    num_parts: int = 5,
    image_size: int = 64,
    objects: str = 'all',
    hand: str = SceneConfig().hand,
    object_type: str = SceneConfig().object_type,
    render_mode: str | None = None,
    **unknown: Any,
  ):
    refuse_unknown(unknown, MeseEnv)
    self.config = SceneConfig(
      num_parts, image_size, objects=objects, hand=hand, object_type=object_type
    )
    if render_mode not in (None, *self.metadata['render_modes']):
      raise UserError(_no_such_mode(render_mode))
    self.render_mode = render_mode
    self.observation_space = gymnasium.spaces.Dict(self._spaces())
    self.action_shape = (len(self.action_numbers()),)
    self.action_space = gymnasium.spaces.Box(-1, 1, self.action_shape, self.action_type)
    self._world: World | None = None
    self._window: Window | None = None

  @property
  def world(self) -> World:
    """The object of this episode, and the hand.

    Raises:
      UserError: no episode has begun.
    """
    if self._world is None:
      raise UserError('no episode has begun; call reset() before step().')
    return self._world

  def reset(
    self, *, seed: int | None = None, options: dict[str, Any] | None = None
  ) -> tuple[Observation, dict[str, Any]]:
    """Begins an episode with another object, of which nothing is sensed yet: all zeros.

    Args:
      seed: of this and all later episodes.
      options: 'object', which a generator draws otherwise.

    Returns:
      the observation, and the object as `info`: positions, colours, walk_id, cells_id, shape_id.

    Raises:
      UserError: an option is unknown, or is no object, or the seed is no whole number.
    """
    # Gymnasium takes no whole numbers of NumPy's.
    super().reset(seed=None if seed is None else int(fields.check('seed', seed, int, SEEDS)))
    options = options or {}
    for name in options:
      if name not in self.reset_options:
        raise UserError(
          f'reset has no option {name!r}: {did_you_mean(str(name), self.reset_options)}'
        )
    thing = options.get('object', None)
    if thing is None:
      sample = OBJECT_TYPES[self.config.object_type].sample
      generator = self.np_random
      thing = sample(self.config.num_parts, self.config.objects, generator, generator)
    if not isinstance(thing, Object):
      raise UserError(f'object is {fields.shown(thing)}; give one from mese_env.given_object.')
    self._world = World(thing, self.config.hand, self.config.image_size)
    observation = self._begin(options)
    self._show()
    info = {'positions': thing.positions, 'colours': thing.colours, **thing.ids._asdict()}
    return observation, info

  def render(self) -> np.ndarray | None:
    """Draws squares side by side, as its class says; in the mode 'human' shows them, and is None.

    Raises:
      UserError: no episode has begun.
    """
    if self.render_mode == 'rgb_array':
      return self._frame()
    self._show()
    return None

  def close(self) -> None:
    """Closes the window, if there is one; may be called again."""
    if self._window is not None:
      self._window.close()
      self._window = None

  @abc.abstractmethod
  def action_numbers(self) -> tuple[Number, ...]:
    """What each number of an action says."""

  @abc.abstractmethod
  def _spaces(self) -> Spaces:
    """What is observed."""

  @abc.abstractmethod
  def _begin(self, options: dict[str, Any]) -> Observation:
    """The first observation of an episode whose world is there."""

  @abc.abstractmethod
  def _panes(self) -> list[np.ndarray]:
    """The squares of a frame."""

  def _frame(self) -> np.ndarray:
    return np.concatenate(self._panes(), axis=1)

  def _show(self) -> None:
    if self.render_mode != 'human':
      return
    if self._window is None:
      self._window = Window(type(self).__name__)
    self._window.show(self._frame())

  def _checked(self, action: Any) -> np.ndarray:
    """An action as float64, within its ends.

    Raises:
      UserError: it is of another shape, or a number is not one from -1 to 1.
    """
    shape = self.action_shape
    try:
      # Nothing is lost unseen, as the imaginary part of a number would be.
      numbers = np.asarray(action).astype(np.float64, casting='same_kind')
    except (TypeError, ValueError) as error:
      raise UserError(f'the action is {fields.shown(action)}; give {shape} numbers.') from error
    if numbers.shape != shape:
      raise UserError(f'the action is of shape {numbers.shape}; give one of {shape}.')
    wrong = np.flatnonzero(~(np.abs(numbers) <= 1 + _ROUNDING))  # also NaN
    if len(wrong):
      raise UserError(
        f'action[{wrong[0]}] is {numbers[wrong[0]]:g}; give numbers from -1 to 1, or wrap the '
        'environment in gymnasium.wrappers.ClipAction.'
      )
    return np.clip(numbers, -1, 1)

  def _nothing(self) -> Observation:
    spaces = self.observation_space.spaces
    return {name: np.zeros(space.shape or (), space.dtype) for name, space in spaces.items()}


def refuse_unknown(settings: Mapping[str, Any], *classes: type) -> None:
  """Refuses settings that the constructor of none of the classes names.

  Raises:
    UserError: names the near one.
  """
  parameters = [p for of in classes for p in inspect.signature(of).parameters.values()]
  known = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
  for name in settings:
    if name not in known:
      raise UserError(f"there is no setting '{name}'; {did_you_mean(name, known)}")


def readable(reading: np.ndarray) -> np.ndarray:
  """A reading cut to the range that is observed, zero where it is no number; float32."""
  return np.clip(np.nan_to_num(reading.astype(np.float32), nan=0.0), *_ENDS)


def hand_pane(world: World, camera: poses.Pose | None = None) -> np.ndarray:
  """The object and the hand, from a camera or from the one that sees most."""
  if camera is None:
    camera = picture.best_camera(world.model, world.data)
  return world.picture(camera, PANE)


def look_pane(image: np.ndarray) -> np.ndarray:
  """A look, enlarged."""
  return np.asarray(Image.fromarray(image).resize((PANE, PANE), Image.Resampling.NEAREST))


def readings_pane(reading: np.ndarray) -> np.ndarray:
  """The 132 readings as bars."""
  return panel.draw(reading, PANE, PANE)


def _no_such_mode(render_mode: str) -> str:
  if render_mode == 'human':
    return "render_mode is 'human', and there is no display; use 'rgb_array'."
  return f'render_mode is {render_mode!r}; {did_you_mean(str(render_mode), _RENDER_MODES)}'
