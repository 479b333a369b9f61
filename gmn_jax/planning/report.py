"""A plan as text."""

import importlib.metadata
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gmn_jax.planning import findings
from gmn_jax.planning.arithmetic import Memory, Schedule, schedule, steps_of_as_many_scenes
from gmn_jax.planning.chips import Topology
from gmn_jax.planning.compiled import Compiled
from gmn_jax.planning.findings import Group
from gmn_jax.planning.fit import Fitted
from gmn_jax.planning.hlo import Program, read_program
from mese_env.errors import duration

_GIB, _MIB = 2**30, 2**20


class Plan(NamedTuple):
  """What a config takes on a slice.

  Attributes:
    fitted: the config, its `batch_size` that of all chips, and its step.
    topology: the slice.
    asked: the `batch_size` that the config was given with.
    price: of a chip for an hour; None: unknown.
  """

  fitted: Fitted
  topology: Topology
  asked: int
  price: float | None


def report(plan: Plan, lines: int) -> str:
  """The plan; of each list of operations the first `lines`."""
  program = read_program(plan.fitted.compiled.text)
  return '\n'.join((*_heading(plan), *_numbers(plan, program), *_operations(program, plan, lines)))


def describe_memory(memory: Memory, chip_bytes: int) -> str:
  """In GiB, beside what a chip has."""
  parts = ', '.join(f'{name} {part / _GIB:.2f}' for name, part in memory._asdict().items())
  return f'{memory.total / _GIB:.2f} of {chip_bytes / _GIB:.0f} GiB: {parts}'


def step_seconds(compiled: Compiled, program: Program, clock_hz: float) -> float | None:
  """XLA's estimate of a step: its cycles for each operation, as often as that is carried out, or
  else its own sum, which takes every loop to go round once.
  """
  if cycles := findings.estimated_cycles(program):
    return cycles / clock_hz
  return compiled.seconds


def _heading(plan: Plan) -> Iterator[str]:
  config, size = plan.fitted.config, plan.topology.size
  yield (
    f'{config.variant} {config.modalities}, {config.preset}, {config.dtype} on {plan.topology}: '
    f'{_counted(size, "chip")}, {_counted(config.batch_size // size, "scene")} on each, '
    f'{config.batch_size} a step'
  )
  versions = ', '.join(f'{name} {_version(name)}' for name in ('libtpu', 'jax'))
  yield f'All of it is estimated by compiling ({versions}); nothing has run.'
  yield ''


def _version(name: str) -> str:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return 'of unknown version'


def _numbers(plan: Plan, program: Program) -> Iterator[str]:
  config, traced, compiled, refused = plan.fitted
  chip, size = plan.topology.chip, plan.topology.size
  yield _row('memory of a chip', describe_memory(compiled.memory, chip.memory_bytes))
  if refused:
    yield _row('do not fit a chip', f'{", ".join(map(str, refused))} scenes')
  found = findings.collectives(program)
  told = '; '.join(f'{c.count} {c.kind}, {c.bytes / _MIB:,.1f} MiB' for c in found)
  yield _row('collectives of a step', told or 'none')
  flops = traced.flops / size
  by_xla = (
    f'{compiled.flops / 1e12:.3f} by XLA, each loop once' if compiled.flops else 'none by XLA'
  )
  yield _row('TFLOP of a chip and step', f'{flops / 1e12:.3f} of the model; {by_xla}')
  at_peak = flops / chip.peak_flops_per_s
  step_s = step_seconds(compiled, program, chip.clock_hz)
  if step_s is None:
    yield _row('step', f"XLA gives no estimate; at least {_ms(at_peak)} at {chip.name}'s peak")
    return
  own = f'; its own sum, each loop once, {_ms(compiled.seconds)}' if compiled.seconds else ''
  yield _row('step, as XLA estimates', f'{_ms(step_s)}, without waiting for others{own}')
  yield _row(
    'at the peak', f'{_ms(at_peak)}, {at_peak / step_s:.0%} of the estimate (bfloat16 products)'
  )
  whole = schedule(step_s, config.batch_size, config.steps, size, plan.price)
  yield _row('scenes a second', f'{whole.scenes_per_s:,.0f}')
  yield _row(f'{config.steps:,} steps', _time_and_cost(whole))
  steps = steps_of_as_many_scenes(config.steps, plan.asked, config.batch_size)
  if steps != config.steps:
    fewer = schedule(step_s, config.batch_size, steps, size, plan.price)
    scenes = f'{config.steps * plan.asked:,} scenes, as {config.steps:,} steps of {plan.asked}'
    yield _row(f'{steps:,} steps', f'{_time_and_cost(fewer)}: {scenes}')


def _operations(program: Program, plan: Plan, lines: int) -> Iterator[str]:
  clock_hz = plan.topology.chip.clock_hz
  if unknown := program.unknown_loops():
    yield ''
    yield f'{_counted(len(unknown), "loop")} of unknown length, counted as going round once'
  for title, groups in (
    ('convolutions and products', findings.products(program, clock_hz)),
    ('other fusions', findings.other_fusions(program, clock_hz)),
    ('copies and transposes', findings.layout_changes(program, clock_hz)),
    ('not fused', findings.unfused(program, clock_hz)),
    ('filled up to twice their size by tiles', findings.filled_up(program, clock_hz)),
  ):
    yield from _table(title, groups, lines)


def _table(title: str, groups: Sequence[Group], lines: int) -> Iterator[str]:
  seconds, size = sum(g.seconds for g in groups), sum(g.bytes for g in groups)
  yield ''
  yield (
    f'{title}: {sum(g.count for g in groups):,} a step, {_ms(seconds)}, {size / _MIB:,.0f} MiB '
    'written; the costliest'
  )
  for group in groups[:lines]:
    yield (
      f'  {_ms(group.seconds):>10}  {group.bytes / _MIB:9,.1f} MiB  {group.count:5,} times  '
      f'{group.shape}  {_where(group)}'
    )


def _where(group: Group) -> str:
  """The line of the source, and the part of the model."""
  parts = group.path.split('/')
  named = [part for part in parts if '.' in part or part.startswith(('experts', 'renderers'))]
  return f'{group.line or "made by XLA"}  {"/".join(named[-1:])}'.rstrip()


def _time_and_cost(taken: Schedule) -> str:
  cost = '' if taken.cost is None else f', {taken.cost:,.0f} in the unit of the price'
  return duration(3600 * taken.hours) + cost


def _counted(number: int, noun: str) -> str:
  return f'{number:,} {noun}{"" if number == 1 else "s"}'


def _ms(seconds: float) -> str:
  return f'{1e3 * seconds:,.2f} ms'


def _row(name: str, value: str) -> str:
  return f'{name:24s} {value}'
