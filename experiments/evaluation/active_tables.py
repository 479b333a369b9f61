"""Tables of policies that choose where to sense."""

from collections.abc import Mapping, Sequence

from experiments.evaluation import results
from experiments.evaluation.active_records import Explored, Gain


def tables_of(found: Explored, units: Mapping[str, str]) -> list[results.Table]:
  """Errors, how far they are below those of random views, and the time of a decision.

  Args:
    found: what was measured.
    units: by the name of a sense, of its error.
  """
  policies = list(dict.fromkeys(r.policy for r in found.errors))
  most, tables = max(r.views for r in found.errors), []
  for senses, of in dict.fromkeys((r.senses, r.of) for r in found.errors):
    rows = [
      [
        policy,
        *(results.with_error(r.error, r.error_error, 5) for r in found.select(senses, of, policy)),
      ]
      for policy in policies
    ]
    heads = ['policy', *(f'after {n}' for n in range(most + 1))]
    title = f'{of}: {units[of]}, sensing {senses}'
    tables.append(results.Table(title, heads, rows))
  heads = ['sensing', 'error of', 'policy', *(f'after {n}' for n in range(2, most + 1))]
  rows = [
    [
      senses,
      of,
      policy,
      *(f'{100 * g.below:.1f} [{100 * g.low:.1f}, {100 * g.high:.1f}]' for g in gains),
    ]
    for (senses, of, policy), gains in _grouped(found.gains).items()
  ]
  title = 'How far below random views, % of their error [95 % interval over scenes, paired]'
  tables.append(results.Table(title, heads, rows))
  rows = [
    [senses, *(f'{found.milliseconds[senses][policy]:.1f}' for policy in policies)]
    for senses in found.milliseconds
  ]
  title = 'Time of a decision, milliseconds (median)'
  tables.append(results.Table(title, ['sensing', *policies], rows))
  return tables


def _grouped(gains: Sequence[Gain]) -> dict[tuple[str, str, str], list[Gain]]:
  """By what may be sensed, what is measured and the policy."""
  grouped: dict[tuple[str, str, str], list[Gain]] = {}
  for gain in gains:
    grouped.setdefault((gain.senses, gain.of, gain.policy), []).append(gain)
  return grouped
