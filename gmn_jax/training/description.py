"""What a checkpoint says of its run: config, ranges, what the data are, and who wrote it."""

import dataclasses
import importlib.metadata
import json
import pathlib
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from gmn_jax.config import Config, ModelConfig, differences, preset
from gmn_jax.config.config import BEFORE
from gmn_jax.senses import HAPTIC, Range, Ranges
from mese_env import __version__
from mese_env.errors import UserError

_SHOWN = 60  # characters of a value


def describe(config: Config, ranges: Ranges, identity: Mapping[str, Any]) -> dict[str, Any]:
  """The description of a run, as JSON; `identity` is the dataset's."""
  return {
    'config': config.to_dict(),
    'ranges': {
      name: {end: np.asarray(numbers).tolist() for end, numbers in span._asdict().items()}
      for name, span in ranges.items()
    },
    'identity': dict(identity),
    # Asked for without orbax itself, which takes longer to load than a model that it did not write.
    'versions': {'gmn_jax': __version__, 'orbax': importlib.metadata.version('orbax-checkpoint')},
  }


def read_ranges(stored: Mapping[str, Any]) -> Ranges:
  """The ranges that a checkpoint holds; older ones hold that of haptics alone, in two fields."""
  if 'ranges' in stored:
    spans = stored['ranges']
  else:
    spans = {HAPTIC.name: {'low': stored['haptic_min'], 'high': stored['haptic_max']}}
  return {
    name: Range(**{end: jnp.array(numbers, jnp.float32) for end, numbers in span.items()})
    for name, span in spans.items()
  }


def read_config(stored: Mapping[str, Any], workdir: pathlib.Path) -> Config:
  """The config that a checkpoint holds, perhaps of an older version.

  Raises:
    UserError: this version does not know a field or its value, or lacks one of the model; names it,
      and the version that wrote it.
  """
  # What versions added to training is switched off in the authors' recipe, as it was before.
  known, fields = preset('full').to_dict(), BEFORE | stored['config']
  model_s = {field.name for field in dataclasses.fields(ModelConfig)}
  if unlike := sorted(model_s - set(fields)):
    difference = f"has no '{unlike[0]}'"
  elif unlike := sorted(set(fields) - set(known)):
    difference = f"has a field '{unlike[0]}' that is unknown here"
  else:
    try:
      return Config.from_flat({**known, **fields})
    except UserError as error:
      difference = f'is not valid here ({str(error).rstrip(".")})'
  raise UserError(
    f'the run in {workdir} is of another version, {written_by(stored)} (this is gmn_jax '
    f'{__version__}), whose config {difference}; use it with that version, or train it again in '
    'another --workdir.'
  )


def written_by(stored: Mapping[str, Any]) -> str:
  """The versions of the programs that wrote a checkpoint."""
  versions = stored.get('versions') or {'gmn_jax': 'of before versions were kept'}
  return ', '.join(f'{name} {version}' for name, version in versions.items())


def check_same_run(
  stored: Mapping[str, Any], config: Config, workdir: pathlib.Path, any_data: bool
) -> None:
  """Refuses to go on with a run otherwise than it began.

  Args:
    stored: what a checkpoint says.
    config: of the run that is to go on.
    workdir: of both.
    any_data: whether the dataset may be another one.

  Raises:
    UserError: names the fields of the config that differ.
  """
  before, now = read_config(stored, workdir).to_dict(), config.to_dict()
  if any_data or stored.get('identity'):
    # Where the data are may change; what they are is compared below.
    before['dataset'] = now['dataset']
  if differing := differences(before, now):
    raise UserError(
      f'{workdir} holds another run, with {", ".join(differing)}; give another --workdir or the '
      'same values.'
    )


def check_same_data(
  stored: Mapping[str, Any], identity: Mapping[str, Any], ranges: Ranges, workdir: pathlib.Path
) -> None:
  """Refuses to go on with other data. Of what an earlier version trained on, which is not known,
  the ranges are compared: by them the senses are scaled.

  Raises:
    UserError: names what differs.
  """
  before, now = stored.get('identity') or {}, json.loads(json.dumps(dict(identity)))
  if before and (
    differing := [
      f'{name}={_shown(before, name)} (now {_shown(now, name)})'
      for name in sorted({*before, *now})
      if name not in before or name not in now or before[name] != now[name]
    ]
  ):
    raise UserError(
      f'{workdir} was trained on other data, with {", ".join(differing)}; give the data it had, or '
      '--accept_data to go on with these, or another --workdir.'
    )

  if not before and (unlike := _unlike(read_ranges(stored), ranges)):
    raise UserError(
      f'{workdir} was trained with other ranges of {unlike}, by which it is scaled; give the data '
      'and the version it was trained with, or --accept_data to go on with the ranges of these, or '
      'another --workdir.'
    )


def _unlike(before: Ranges, now: Ranges) -> str:
  """The first sense whose range is another one, or empty."""
  for name in sorted({*before, *now}):
    if name not in before or name not in now:
      return name
    if not all(map(np.array_equal, before[name], now[name])):
      return name
  return ''


def _shown(values: Mapping[str, Any], name: str) -> str:
  if name not in values:
    return 'unknown'
  text = repr(values[name])
  return text if len(text) <= _SHOWN else f'{text[:_SHOWN]}...'
