"""A page per id, made of the code: its class's docstring, its spaces, and its example as it runs.

A docstring's first paragraphs open the page. Its indented paragraphs under a heading (`Start`,
`End`, `Reward`, ...) say what no space does; a class that has none speaks as the one it is derived
from. So another environment needs no page to be written.
"""

import contextlib
import inspect
import io
import pathlib
import re
import textwrap
from collections.abc import Iterator

import gymnasium
import numpy as np

from mese_env import GENERATOR_VERSION, film, folders, grasp, image_files, sensors, shapes
from mese_env.gym import IDS
from mese_env.gym.base import MeseEnv
from mese_env.gym.hand_env import HandEnv
from mese_env.gym.tasks import Naming
from mese_env.objects import SHEPARD_METZLER

_STEPS, _EVERY = 6, 4  # steps of random actions in a film; of the hand's, one frame in so many
_FRAME_MS, _LAST_MS = 700, 1400
_TOLD = ('Start', 'End', 'Reward', 'Info')
_WHAT = {
  'image': (('red, green, blue; rows from the top', None, ''),),
  'camera': (('x, y, z of the camera', 3, 'm'), ('its pitch and yaw', 2, 'rad')),
  'wrist': (('x, y, z of the wrist', 3, 'm'), ('its pitch and yaw', 2, 'rad')),
  'haptics': tuple(
    (f'`{kind}`', len(sensors.channels(kind=kind)), unit) for kind, unit in sensors.UNITS.items()
  ),
}


def write(folder: pathlib.Path) -> list[pathlib.Path]:
  """Writes the page of every id, and a film of each way to sense.

  Args:
    folder: is made where it is not there; files of the same names are replaced.

  Returns:
    what was written.

  Raises:
    UserError: the folder cannot be written; MuJoCo is missing.
  """
  folders.require_writable(folder, 'give another --out.')
  folder.mkdir(parents=True, exist_ok=True)
  written = []
  for name in IDS:
    written.append(folder / file_of(name))
    written[-1].write_text(page(name), encoding='utf-8')
    env = _made(name, render_mode='rgb_array')
    path = folder / film_of(env)
    if path not in written:
      image_files.write_gif(list(_frames(env)), path, _FRAME_MS, _LAST_MS)
      written.append(path)
  return written


def file_of(name: str) -> str:
  """The file of an id's page."""
  return f'{name.partition("/")[2]}.md'


def film_of(env: MeseEnv) -> str:
  """The file of the film of an environment: those that draw the same frames share one."""
  (drawing,) = [cls for cls in type(env).__mro__ if '_panes' in vars(cls)][:1]
  return f'{drawing.__name__.removesuffix("Env").lower()}.gif'


def page(name: str) -> str:
  """The page of an id, as Markdown; its example is run for what it prints.

  Raises:
    UserError: MuJoCo is missing.
  """
  env, steps = _made(name), gymnasium.spec(name).max_episode_steps
  opening, _ = _docstring(type(env))
  told = {heading: _told(type(env), heading) for heading in (*_TOLD, 'Frame', 'Action', 'Versions')}
  after = f'after {steps} steps (`truncated`)'
  told['End'] = f'{after}, or {told["End"]}' if told['End'] else f'{after}.'
  example = _example(name)
  parts = [
    f'# {name}',
    *opening,
    f'![The frames of some steps: {told["Frame"]}]({film_of(env)})',
    '\n'.join(_item(f'**{heading}**: {told[heading]}') for heading in _TOLD),
    '## Action',
    *_action(env, told['Action']),
    '## Observation',
    _table(('key', 'type', 'what', 'range', 'unit'), _observed(env)),
    '## Example',
    f'```python\n{example}{_printed(example)}```',
    '## Arguments of `gymnasium.make`',
    _table(('name', 'default', 'what'), _arguments()),
    '## Versions',
    _item(f'{told["Versions"]} Its scenes are of generator version {GENERATOR_VERSION}.'),
    '`python -m mese_env pages` made this page of the code. [The environment](../environment.md) '
    'says\nwhat all ids share.',
  ]
  return '\n\n'.join(parts) + '\n'


def _made(name: str, render_mode: str | None = None) -> MeseEnv:
  env = gymnasium.make(name, render_mode=render_mode).unwrapped
  assert isinstance(env, MeseEnv)
  return env


def _docstring(cls: type) -> tuple[list[str], dict[str, str]]:
  """The paragraphs before the first heading, and what stands under each heading."""
  text = inspect.cleandoc(vars(cls).get('__doc__') or '')
  found = re.findall(r'^(\w+):\n((?: {2}.*(?:\n|$))+)', text, re.MULTILINE)
  opening = re.split(r'^\w+:\n {2}', text, maxsplit=1, flags=re.MULTILINE)[0]
  return opening.strip().split('\n\n'), {heading: inspect.cleandoc(told) for heading, told in found}


def _told(environment: type, heading: str) -> str:
  """What the nearest class says under a heading; nothing where none does."""
  sections = (_docstring(cls)[1] for cls in environment.__mro__)
  return next((' '.join(found[heading].split()) for found in sections if heading in found), '')


def _action(env: MeseEnv, told: str) -> Iterator[str]:
  if told:
    yield _wrapped(f'An action is {told}')
  yield f'`action`: `{gymnasium.spaces.Box(-1, 1, env.action_shape, env.action_type)}`'
  yield _table(
    ('number', 'what', 'at -1', 'at 1', 'unit'),
    [(f'{i}', n.name, _short(n.low), _short(n.high), n.unit)
     for i, n in enumerate(env.action_numbers())],
  )  # fmt: skip
  if isinstance(env, Naming):
    yield f'`prediction`: `{env.prediction_space}`, of as many logits as there are labels:'
    parts = SHEPARD_METZLER.parts
    counts = [f'{getattr(shapes.shape_counts(cubes), env.label)}' for cubes in parts]
    yield _table(('cubes', *map(str, parts)), [('labels', *counts)])


def _observed(env: MeseEnv) -> Iterator[tuple[str, ...]]:
  for key, space in env.observation_space.items():
    assert isinstance(space, gymnasium.spaces.Box)
    kind, place = f'{space.dtype} {space.shape}', 0
    for what, length, unit in _WHAT[key]:
      here = slice(place, None if length is None else place + length)
      ends = (_short(space.low[here].min()), _short(space.high[here].max()))
      shown = key if length is None else f'{key}[{place}:{here.stop}]'
      yield f'`{shown}`', kind if not place else '', what, ' to '.join(ends), unit
      place = here.stop or 0


def _example(name: str) -> str:
  return (
    'import gymnasium\n\n'
    f"env = gymnasium.make('mese_env.gym:{name}')\n"
    'observation, info = env.reset(seed=0)\n'
    'env.action_space.seed(0)\n'
    'observation, reward, *_ = env.step(env.action_space.sample())\n'
    'print({key: value.shape for key, value in observation.items()}, round(float(reward), 2))\n'
  )


def _printed(example: str) -> str:
  """What an example prints, as comments."""
  printed = io.StringIO()
  with contextlib.redirect_stdout(printed):
    exec(example, {})
  return ''.join(f'# {line}\n' for line in printed.getvalue().splitlines())


def _arguments() -> Iterator[tuple[str, ...]]:
  """Of every environment: the defaults of the constructor and what its docstring says of each."""
  defaults = inspect.signature(MeseEnv.__init__).parameters
  for line in re.sub(r'\n +', ' ', _docstring(MeseEnv)[1]['Args']).splitlines():
    name, _, what = line.partition(': ')
    yield f'`{name}`', f'`{defaults[name].default!r}`', what


def _frames(env: MeseEnv) -> Iterator[np.ndarray]:
  """Of some steps at one object: random ones, or those of a hand that closes."""
  world, wrist, _ = film.first_grasp(4, env.config.num_parts, env.config.hand)
  options = {'object': world.thing}
  if isinstance(env, HandEnv):
    where = np.array([*wrist.position, wrist.pitch, wrist.yaw])
    env.reset(options=options | {'wrist': where})
    actions = _closing(env, where)
  else:
    env.reset(options=options)
    env.action_space.seed(0)
    actions = (env.action_space.sample() for _ in range(_STEPS))
  for step, action in enumerate(actions):
    env.step(action)
    if not isinstance(env, HandEnv) or step % _EVERY == 0:
      yield np.asarray(env.render())


def _closing(env: HandEnv, where: np.ndarray) -> Iterator[np.ndarray]:
  command = np.zeros(len(sensors.ACTUATED_JOINTS))
  for _ in range(grasp.CONTROL_STEPS):
    command = grasp.closing_command(env.world.model, command)
    yield env.action_of(command, where)


def _item(text: str) -> str:
  return _wrapped(f'- {text}', '  ')


def _wrapped(text: str, indent: str = '') -> str:
  return textwrap.fill(text, 100, subsequent_indent=indent, break_on_hyphens=False)


def _short(number: float) -> str:
  return f'{number:.4g}'


def _table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]] | list[tuple[str, ...]]) -> str:
  lines = [head, tuple('---' for _ in head), *rows]
  return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
