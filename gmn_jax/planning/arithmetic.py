"""What follows from a compiled step in memory, time and money: plain arithmetic."""

from typing import NamedTuple

_HOUR = 3600.0


class Memory(NamedTuple):
  """Bytes of one device while it computes a step.

  Attributes:
    arguments: parameters, optimiser state and scenes.
    outputs: what the step returns in memory of its own, which is not that of its arguments.
    temporaries: everything in between, at the fullest moment.
    code: of the program.
  """

  arguments: int
  outputs: int
  temporaries: int
  code: int

  @property
  def total(self) -> int:
    """All together."""
    return sum(self)


class Schedule(NamedTuple):
  """What a number of steps takes.

  Attributes:
    scenes_per_s: of all devices together.
    hours: of all steps.
    cost: of the chips for so long, in the unit of the price; None: no price was given.
  """

  scenes_per_s: float
  hours: float
  cost: float | None


def schedule(
  step_s: float, batch_size: int, steps: int, chips: int, price: float | None
) -> Schedule:
  """Spreads steps of `step_s` seconds over time and money.

  Args:
    step_s: seconds of a step.
    batch_size: scenes of a step, of all devices.
    steps: how many.
    chips: that work on each.
    price: of a chip for an hour; None: unknown.
  """
  hours = steps * step_s / _HOUR
  return Schedule(batch_size / step_s, hours, None if price is None else price * chips * hours)


def steps_of_as_many_scenes(steps: int, config_batch: int, batch: int) -> int:
  """How many steps of `batch` scenes show as many as `steps` of `config_batch`, rounded up."""
  return -(-steps * config_batch // batch)
