"""What was promised of each fault and what happened, as a table."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

_HEAD = ('fault', 'promised', 'what happened', 'lost')


class Outcome(NamedTuple):
  """Of one kind of fault.

  Attributes:
    fault: what was broken, and how often.
    promised: what must happen.
    happened: what did.
    lost: steps or scenes, in words.
    held: whether what happened is what was promised.
    steps: how many steps, scenes or chunks were lost at most.
    at_most: how many may be.
  """

  fault: str
  promised: str
  happened: str
  lost: str
  held: bool
  steps: int = 0
  at_most: int = 0

  @property
  def kept(self) -> bool:
    """Whether the promise was kept, of what may be lost too."""
    return self.held and self.steps <= self.at_most


def carried_out(name: str, fault: Callable[[], Iterable[Outcome]]) -> Iterator[Outcome]:
  """The outcomes of a fault; a test that fails itself, or finds nothing, is a promise broken."""
  tested = False
  try:
    for outcome in fault():
      tested = True
      yield outcome
  except Exception as error:  # Whatever it is, nothing is known of the promise.
    reason = (str(error).strip() or 'no reason given').splitlines()[-1][:200]
    yield _not_tested(name, f'{type(error).__name__}: {reason}')
    return
  if not tested:
    yield _not_tested(name, 'it has no outcome')


def _not_tested(name: str, reason: str) -> Outcome:
  return Outcome(name, 'the test runs to its end', f'the test failed: {reason}', 'unknown', False)


def markdown(outcomes: Sequence[Outcome]) -> str:
  """The table, and the count of promises broken as its last line."""
  rows = [(o.fault, o.promised, _happened(o), o.lost) for o in outcomes]
  lines = [f'| {" | ".join(map(_cell, row))} |' for row in (_HEAD, ('---',) * len(_HEAD), *rows)]
  broken = sum(not outcome.kept for outcome in outcomes)
  return '\n'.join([*lines, '', f'Neither recovered nor refused with a clear message: {broken}'])


def _happened(outcome: Outcome) -> str:
  more = '' if outcome.steps <= outcome.at_most else f'; more lost than {outcome.at_most}'
  return f'{"" if outcome.kept else "**broken:** "}{outcome.happened}{more}'


def _cell(text: str) -> str:
  return ' '.join(text.replace('|', '/').split())
