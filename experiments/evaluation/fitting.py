"""Options that fit the scenes there are: defaults give way, and what was asked for is refused.

Of built datasets all defaults fit. Data of one's own may have fewer scenes or views.
"""

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from experiments.evaluation.results import counted
from experiments.evaluation.scenes import Stock, survey
from gmn_jax.senses import Modality
from mese_env.errors import UserError, nearest
from tfds_mese.dataset import Dataset

Options = TypeVar('Options')


class Fitting(Generic[Options]):
  """Options on the way to fitting ones.

  Args:
    options: those given.
  """

  def __init__(self, options: Options):
    self._options = options
    self._defaults = {f.name: f.default for f in dataclasses.fields(options)}  # pyright: ignore[reportArgumentType]
    self._instead: dict[str, Any] = {}
    self._why: list[str] = []

  def is_default(self, field: str) -> bool:
    """Whether a field has its default, which may give way."""
    return getattr(self._options, field) == self._defaults[field]

  def value(self, field: str) -> Any:
    """What a field has by now."""
    return self._instead.get(field, getattr(self._options, field))

  def use(self, field: str, value: Any, why: str) -> None:
    """Gives a field a value that fits, if it has another one."""
    if value != self.value(field):
      self._instead[field] = value
      self._why.append(why)

  def done(self) -> Options:
    """The options, with those that fit in the place of defaults, which is said on stderr.

    Raises:
      UserError: what was asked for does not fit; names everything that has to change.
    """
    if not self._instead:
      return self._options
    why = '; '.join(dict.fromkeys(self._why))
    flags = ' '.join(f'--{field}={_written(value)}' for field, value in self._instead.items())
    if all(map(self.is_default, self._instead)):
      print(f'{why}: takes {flags} instead of the defaults.', file=sys.stderr)
      return dataclasses.replace(self._options, **self._instead)  # pyright: ignore[reportArgumentType, reportCallIssue]
    raise UserError(f'{why}; give {flags}')


def fit_split(fitting: Fitting, datasets: Mapping[str, Dataset], field: str = 'split') -> str:
  """A split that all datasets have: the one asked for; instead of test val, and of what is misspelt
  the nearest.
  """
  split = fitting.value(field)
  for name, dataset in datasets.items():
    if split not in dataset.splits:
      instead = 'val' if split == 'test' else nearest(split, dataset.splits)
      fitting.use(field, instead, f"{name} has no split '{split}'")
  return fitting.value(field)


def stock_of(datasets: Mapping[str, Dataset], split: str, modalities: Sequence[Modality]) -> Stock:
  """What a split of all datasets together holds; all have the senses of the first.

  Raises:
    UserError: no scene has views of all senses.
  """
  stocks = [survey(dataset, split, modalities) for dataset in datasets.values()]
  joined = stocks[0]
  for stock in stocks[1:]:
    joined = Stock(joined.senses, _joined(joined, stock))
  if not joined.scenes_with(1):
    names = ' and '.join(sense.views for sense in joined.senses)
    raise UserError(
      f"no scene of '{split}' has {names}, so that nothing can be compared; give another --split."
    )
  return joined


def fit_views(
  fitting: Fitting, stock: Stock, contexts: Sequence[str], held_out: str = 'held_out'
) -> None:
  """Makes the views given and those held out, which are others, fit in a scene.

  Args:
    fitting: of the options.
    stock: of the scenes.
    contexts: the fields that hold counts of views given.
    held_out: the field that holds how many are held out.
  """

  def most_given(only_asked: bool = False) -> int:
    fields = [f for f in contexts if not (only_asked and fitting.is_default(f))]
    return max((count for field in fields for count in fitting.value(field)), default=0)

  kept = fitting.value(held_out)
  asked = most_given(only_asked=True) + (1 if fitting.is_default(held_out) else kept)
  views = stock.views_for(asked)
  if most_given() + kept <= views:
    return
  why = f'a scene has {counted(views, "views")}'
  if fitting.is_default(held_out):
    kept = max(1, min(kept, views // 3, views - most_given(only_asked=True)))
  elif kept > views:
    kept = max(1, views // 3)
  fitting.use(held_out, kept, why)
  for field in contexts:
    counts = dict.fromkeys(min(count, views - kept) for count in fitting.value(field))
    fitting.use(field, tuple(counts), why)


def fit_count(fitting: Fitting, field: str, there: int, least: int, what: str) -> None:
  """Makes a number of scenes at most what there are.

  Raises:
    UserError: there are fewer than `least`.
  """
  if there < least:
    raise UserError(
      f'there are {there} {what}, and at least {least} are needed; add some, or '
      'give another --split.'
    )
  if fitting.value(field) > there:
    fitting.use(field, there, f'there are {there} {what}')


def fit_scenes(fitting: Fitting, field: str, stock: Stock, views: int, least: int) -> None:
  """Makes a number of scenes at most that of those with so many views of every sense.

  Raises:
    UserError: there are fewer than `least`.
  """
  words = f'scenes with {counted(views, "views")}'
  fit_count(fitting, field, stock.scenes_with(views), least, words)


def _joined(one: Stock, other: Stock) -> np.ndarray:
  if one.senses != other.senses:
    raise UserError('the datasets have views of different senses; evaluate them one by one.')
  return np.concatenate([one.counts_NS, other.counts_NS])


def _written(value: Any) -> str:
  return ','.join(map(str, value)) if isinstance(value, tuple) else str(value)
