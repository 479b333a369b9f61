"""A state as what follows the question mark of the page's address, and back."""

import re
import urllib.parse
from collections.abc import Callable, Collection
from typing import Any

from experiments.explorer.state import CUBES, MOST_GIVEN, OBJECTS, SAMPLES, SEEDS, State
from experiments.explorer.ways import WAYS, Angles, Given
from mese_env.errors import UserError, did_you_mean

_ANGLES = r'(-?\d{1,2}):(\d{1,3})'
_OF_LETTER = {way.letter: way for way in WAYS}
_GIVEN = re.compile(rf'([{"".join(_OF_LETTER)}]){_ANGLES}')


def encode(state: State) -> str:
  """The part of the address; what is as at first is left out."""
  first, parts = State(state.model), [f'model={state.model}']
  for key, (_, write) in _FIELDS.items():
    value = getattr(state, key)
    if value != getattr(first, key):
      parts.append(f'{key}={write(value)}')
  return '&'.join(parts)


def decode(text: str, models: Collection[str]) -> State:
  """The state that an address means.

  Args:
    text: what follows the question mark. Keys that are none of a state are the browser's.
    models: the names of those that are there; the first one if none is named.

  Raises:
    UserError: names what is not understood.
  """
  asked = dict(urllib.parse.parse_qsl(text.removeprefix('?')))
  model = asked.get('model', next(iter(models)))
  if model not in models:
    raise UserError(f"the address asks for the model '{model}'; {did_you_mean(model, models)}")
  fields = {key: read(key, asked[key]) for key, (read, _) in _FIELDS.items() if key in asked}
  return State(model, **fields)


def _number(known: Collection[int]) -> Callable[[str, str], int]:
  def read(key: str, text: str) -> int:
    if not re.fullmatch(r'\d{1,6}', text) or int(text) not in known:
      among = f'from {min(known)} to {max(known)}' if len(known) > 5 else f'of {sorted(known)}'
      raise UserError(f'the address has {key}={text[:40]}; give a whole number {among}.')
    return int(text)

  return read


def _switch(key: str, text: str) -> bool:
  if text not in ('0', '1'):
    raise UserError(f'the address has {key}={text[:40]}; give 1 or 0.')
  return text == '1'


def _angles(key: str, text: str) -> Angles:
  if (match := re.fullmatch(_ANGLES, text)) is None:
    raise UserError(
      f'the address has {key}={text[:40]}; give pitch:yaw in degrees, as in {key}=-30:40.'
    )
  return Angles.nearest(int(match[1]), int(match[2]))


def _list_given(key: str, text: str) -> tuple[Given, ...]:
  parts = [_GIVEN.fullmatch(part) for part in text.split(',')] if text else []
  if None in parts or len(parts) > MOST_GIVEN:
    raise UserError(
      f'the address has {key}={text[:40]}; give at most {MOST_GIVEN} looks and grasps as '
      'letter, pitch:yaw in degrees, as in l-30:40,g10:250.'
    )
  return tuple(
    Given(_OF_LETTER[m[1]], Angles.nearest(int(m[2]), int(m[3]))) for m in parts if m is not None
  )


def _write_angles(angles: Angles) -> str:
  return f'{angles.pitch}:{angles.yaw}'


def _write_given(given: tuple[Given, ...]) -> str:
  return ','.join(one.way.letter + _write_angles(one.angles) for one in given)


# How each field of a state but the model is read and written, in the order of the address.
_FIELDS: dict[str, tuple[Callable[[str, str], Any], Callable[[Any], str]]] = {
  'object': (_number(range(OBJECTS)), str),
  'cubes': (_number(CUBES), str),
  'given': (_list_given, _write_given),
  'eye': (_angles, _write_angles),
  'samples': (_number(SAMPLES), str),
  'seed': (_number(range(SEEDS)), str),
  'blindfold': (_switch, lambda value: str(int(value))),
  'truth': (_switch, lambda value: str(int(value))),
}
KEYS = ('model', *_FIELDS)
