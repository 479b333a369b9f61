"""How far estimates of densities are to be trusted, in sentences."""

from collections.abc import Sequence

from experiments.evaluation.density_records import Densities
from experiments.evaluation.estimators import Estimator
from experiments.evaluation.results import counted


def estimator_notes(found: Densities, estimator: Estimator) -> list[str]:
  """Scatter, effective number, acceptance, and the gap between the bounds of imagined views."""
  effective = _range([record.effective_samples for record in found.density], 1)
  what = 'samples' if estimator.annealing is None else 'chains'
  notes = [
    f'Of the {counted(estimator.count, what)} {effective} carry the estimate (the mean effective '
    'number of each target and context): the nearer to 1, the further it may be below the density.'
  ]
  if estimator.count > 1:
    scatter = _range([record.scatter for record in found.density], 2)
    notes.append(
      f'Scatter: estimates of half as many {what} have a standard deviation of {scatter} nats of a '
      'whole target.'
    )
  accepted = [r.acceptance for r in found.density if r.acceptance is not None]
  if accepted:
    notes.append(f'Of the transitions a share of {_range(accepted, 2)} is accepted.')
  if found.bounds:
    gaps = [record.gap for record in found.bounds]
    error = max(record.gap_error for record in found.bounds)
    notes.append(
      'Of views that the model imagines, with noise of the std, the density is known from both '
      f'sides: the bounds are {_range(gaps, 2)} nats of a whole target apart, with standard errors '
      f'of at most {error:.2f}.'
    )
  return notes


def _range(values: Sequence[float], digits: int) -> str:
  low, high = min(values), max(values)
  return f'{low:.{digits}f} to {high:.{digits}f}'
