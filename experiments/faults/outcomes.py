"""What was promised of each fault and what happened, as a table."""

from collections.abc import Sequence
from typing import NamedTuple

_HEAD = ('fault', 'promised', 'what happened', 'lost')


class Outcome(NamedTuple):
  """Of one kind of fault.

  Attributes:
    fault: what was broken, and how often.
    promised: what must happen.
    happened: what did.
    lost: steps or scenes, in words.
    kept: whether the promise was kept.
  """

  fault: str
  promised: str
  happened: str
  lost: str
  kept: bool


def markdown(outcomes: Sequence[Outcome]) -> str:
  """The table, and the count of promises broken as its last line."""
  rows = [
    (o.fault, o.promised, o.happened if o.kept else f'**broken:** {o.happened}', o.lost)
    for o in outcomes
  ]
  lines = [f'| {" | ".join(row)} |' for row in (_HEAD, ('---',) * len(_HEAD), *rows)]
  broken = sum(not outcome.kept for outcome in outcomes)
  return '\n'.join([*lines, '', f'Neither recovered nor refused with a clear message: {broken}'])
