"""The tables of a classification, and of `classify.json` the numbers by which runs are compared."""

from collections.abc import Mapping, Sequence
from typing import Any

from experiments.evaluation import results
from experiments.evaluation.classify_records import DIRECTIONS, RANKS, Classified


def tables(found: Classified, sizes: Sequence[int]) -> list[results.Table]:
  """Accuracies by direction and rank, what the own context gives, and the scatter of estimates.

  Args:
    found: what was measured.
    sizes: of the contexts, views of each modality.
  """
  heads = ['context', *(f'{size} views' for size in sizes)]
  shown = []

  def table(title: str, records: Sequence[Any], field: str, digits: int, last: list) -> None:
    rows = [
      [
        senses,
        *(
          results.with_error(getattr(record, field), getattr(record, f'{field}_error'), digits)
          for record in records
          if record.context == senses
        ),
      ]
      for senses in dict.fromkeys(record.context for record in records)
    ]
    shown.append(results.Table(title, heads, rows + last))

  for direction in DIRECTIONS:
    records = [record for record in found.accuracy if record.argmax == direction]
    for rank in RANKS:
      chance = f'{found.chance[f"top{rank}"]:.3f}'
      last = [['chance', *[chance] * len(sizes)]]
      table(f'top-{rank} accuracy, argmax {direction}', records, f'top{rank}', 3, last)
  own = found.own_context
  table('ELBO given the own context, nats per dimension', own, 'elbo', 4, [])
  table('log-likelihood given the own context, nats per dimension', own, 'log_likelihood', 4, [])
  scatter = [
    [senses, *(f'{record.scatter:.2f}' for record in found.trust if record.context == senses)]
    for senses in dict.fromkeys(record.context for record in found.trust)
  ]
  title = 'scatter of estimates of half as many samples or chains, nats of a target'
  return [*shown, results.Table(title, heads, scatter)]


def headlines(written: Mapping[str, Any]) -> dict[str, float]:
  """The top-1 accuracies, by which runs are compared."""
  return {
    f'{r["context"]} of {r["views"]}, argmax {r["argmax"]} (top-1 accuracy)': r['top1']
    for r in written['accuracy']
  }


def told_by(context: str, written: Mapping[str, Any]) -> dict[float, float]:
  """Top-1 accuracy by how many views the contexts of these senses give."""
  return {
    record['views']: record['top1']
    for record in written['accuracy']
    if record['context'] == context and record['argmax'] == 'over contexts'
  }
