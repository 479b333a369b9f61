"""Missing modalities: curves as they were written, and a bound that counts what was asked for."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.modes import missing
from gmn_jax.checkpoint import Run
from gmn_jax.config import make_model
from mese_env.errors import UserError
from tests import tiny, tiny_run


def make_run(**fields) -> Run:
  config = tiny_run.tiny_config(**fields)
  model = make_model(config)
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  return Run(config, model, params, tiny_run.HAPTIC_RANGE, 0)


def write_metrics(folder):
  folder.mkdir(exist_ok=True)
  lines = [{'step': i, 'split': 'train', 'elbo': float(i)} for i in range(1, 51)]
  lines.append({'step': 50, 'split': 'val', 'elbo': -3.0, 'elbo_error': 0.5})
  (folder / 'metrics.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))


def test_curves_are_what_the_run_wrote_training_averaged_over_lines(tmp_path):
  write_metrics(tmp_path)
  curves = missing.learning_curves(tmp_path)
  assert curves['val'] == {'step': [50], 'elbo': [-3.0], 'elbo_error': [0.5]}
  np.testing.assert_allclose(curves['train']['elbo'], np.arange(1, 51).reshape(25, 2).mean(axis=1))
  with pytest.raises(UserError, match='there is no .*nowhere/metrics.jsonl'):
    missing.learning_curves(tmp_path / 'nowhere')


@pytest.mark.parametrize('strict', [False, True])
def test_the_bound_is_divided_by_the_numbers_asked_for(strict):
  run = make_run()
  bound, per_number = tiny.jit(
    lambda params, scenes: missing.bound_per_number(
      run.model, params, scenes, run.haptic_range, jax.random.key(0), 1, std=0.3, strict=strict
    )
  )(run.params, tiny_run.random_batch(8))
  rgb, haptic = (m.size for m in run.model.modalities)
  every = range(tiny_run.VIEWS + 1)
  if strict:  # One modality alone is asked for.
    possible = {n * size for n in every for size in (rgb, haptic)}
  else:  # And all of the one that gives nothing.
    possible = {n * rgb + 4 * haptic for n in every} | {4 * rgb + n * haptic for n in every}
  numbers = np.round(np.asarray(bound / per_number)).astype(int)
  assert set(numbers) <= possible - {0}
  assert len(set(numbers)) > 1
  # Where every pixel were right, log p would be its maximum, -log(std sqrt(2 pi)) per number.
  assert np.all(np.asarray(per_number) < -np.log(0.3 * np.sqrt(2 * np.pi)))


def test_runs_are_overlaid_and_those_of_other_modalities_refused(tmp_path, monkeypatch):
  runs = {'one': make_run(), 'two': make_run(variant='baseline'), 'five': make_run(modalities='m5')}
  for name in runs:
    write_metrics(tmp_path / name)
  monkeypatch.setattr(missing, 'load_run', lambda folder, best: runs[folder.name])
  dataset = tiny_run.random_dataset()

  def evaluate(*others: str) -> None:
    options = missing.Options(runs=[str(tmp_path / name) for name in others], scenes=2, draws=1)
    missing.evaluate(runs['one'], dataset, tmp_path / 'one', options)

  with pytest.raises(UserError, match='five has the modalities m5 .* and one m2'):
    evaluate('five')
  with pytest.raises(UserError, match='given twice'):
    evaluate('one')
  assert not (tmp_path / 'one' / 'missing.json').exists()
  evaluate('two')
  found = json.loads((tmp_path / 'one' / 'missing.json').read_text())['results']
  assert list(found) == ['one', 'two']
  assert set(found['two']['by_size']) == {'1', '2'}
  assert found['one']['by_size'] != found['two']['by_size']
  assert (tmp_path / 'one' / 'missing.png').stat().st_size > 10_000
