"""The config of a run: all sections in one record, and as the flat dict that is stored."""

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any, Self

from gmn_jax.config.sections import (
  DataConfig,
  EpisodesConfig,
  ModelConfig,
  OptimiserConfig,
  RunConfig,
)
from gmn_jax.model.missing import experiment
from mese_env.errors import UserError, did_you_mean

# What versions added, with the values that say what was so before.
BEFORE = {
  'pooling': 'product',
  'informed': False,
  'renderer': 'paper',
  'rays': 0,
  'start_from': '',
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config(ModelConfig, DataConfig, EpisodesConfig, OptimiserConfig, RunConfig):
  """Everything that decides a run; every field is checked.

  It is each of its sections: what takes a section takes a config. Its fields are documented in
  `gmn_jax/config/sections.py`.

  Raises:
    UserError: a field is of another type or out of its range, or two do not fit each other.
  """

  def __post_init__(self) -> None:
    super().__post_init__()
    if self.batch_size % self.accumulate:
      raise UserError(
        f'batch_size is {self.batch_size}, which does not divide by accumulate, {self.accumulate}.'
      )
    experiment(self.modalities, self.missing, self.protocol, self.seed)

  @classmethod
  def from_flat(cls, flat: Mapping[str, Any]) -> Self:
    """The config of exactly these fields, as `to_dict` returns them.

    Raises:
      UserError: a field is unknown, missing or malformed.
    """
    flat = dict(flat)
    _refuse_unknown(flat)
    if lacking := sorted(set(_FIELDS) - set(flat)):
      raise UserError(
        f"the config has no '{lacking[0]}'; start from gmn_jax.config.preset('small'), which has "
        'every field.'
      )
    return cls(**flat)

  def replace(self, **changes: Any) -> Self:
    """A config with other values of some fields.

    Raises:
      UserError: a field is unknown or malformed.
    """
    _refuse_unknown(changes)
    return dataclasses.replace(self, **changes)

  def to_dict(self) -> dict[str, Any]:
    """The fields by name, in alphabetical order, as checkpoints hold them."""
    return {name: getattr(self, name) for name in sorted(_FIELDS)}

  def to_json(self) -> str:
    """`to_dict` as JSON."""
    return json.dumps(self.to_dict())


_FIELDS = {field.name: field for field in dataclasses.fields(Config)}


def differences(stored: Mapping[str, Any], given: Mapping[str, Any]) -> list[str]:
  """What makes the fields of two configs two different runs, as 'field=stored (now given)'.

  Empty where one continues the other. A field that this version does not know makes a difference,
  and one that the version of `stored` did not know none where it says what was so then. Nor does
  `rays` where none are followed.
  """
  stored = {name: BEFORE[name] for name in BEFORE if name in given} | dict(stored)
  if {stored.get('renderer'), given.get('renderer')} <= {'paper'}:
    stored['rays'] = given.get('rays')
  return [
    f'{name}={stored.get(name)!r} (now {given.get(name)!r})'
    for name in sorted({*stored, *given})
    if stored.get(name) != given.get(name)
    and not (name in _FIELDS and _FIELDS[name].metadata['may_change'])
  ]


def _refuse_unknown(names: Iterable[str]) -> None:
  for name in names:
    if name not in _FIELDS:
      raise UserError(f"config has no field '{name}'; {did_you_mean(name, _FIELDS)}")
