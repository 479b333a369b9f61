"""Missing modalities: curves as they were written, and a bound that counts what was asked for."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from experiments.evaluation.learning_curves import read_curves
from experiments.evaluation.missing_elbo import elbo_per_number, sample_episodes_of
from experiments.modes import missing
from gmn_jax.config import make_model
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError
from tests import tiny, tiny_run


def make_run(**fields) -> Run:
  config = tiny_run.tiny_config(**fields)
  model = make_model(config)
  params = jax.tree.map(jnp.float32, tiny.draw_params(model))
  return Run(config, model, params, tiny_run.RANGES, 0)


def write_metrics(folder):
  folder.mkdir(exist_ok=True)
  lines = [{'step': i, 'split': 'train', 'elbo': float(i)} for i in range(1, 51)]
  lines.append({'step': 50, 'split': 'val', 'elbo': -3.0, 'elbo_error': 0.5})
  (folder / 'metrics.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))


def test_curves_are_what_the_run_wrote_training_averaged_over_lines(tmp_path):
  write_metrics(tmp_path)
  curves = read_curves(tmp_path)
  assert curves['val'] == {'step': [50], 'elbo': [-3.0], 'elbo_error': [0.5]}
  np.testing.assert_allclose(curves['train']['elbo'], np.arange(1, 51).reshape(25, 2).mean(axis=1))
  with pytest.raises(UserError, match='there is no .*nowhere/metrics.jsonl'):
    read_curves(tmp_path / 'nowhere')


def test_contexts_are_of_so_many_modalities_and_what_is_asked_for_is_always_the_same():
  for size in (1, 2, 3):
    context, target = sample_episodes_of(jax.random.key(size), size, 200, 3, 6, asked=2)
    gives_BM = np.asarray(context).any(axis=-1)[0]
    assert (gives_BM.sum(axis=1) == size).all()
    np.testing.assert_allclose(gives_BM.mean(axis=0), size / 3, atol=0.12)
    assert np.asarray(target)[..., 4:].all() and not np.asarray(target)[..., :4].any()
    assert not (context & target).any()
    assert set(np.asarray(context).sum(axis=-1)[0][gives_BM]) == {1, 2, 3, 4}


@pytest.mark.long
def test_the_bound_is_per_number_and_below_its_maximum():
  run = make_run()
  batch = tiny_run.random_batch(4)

  compute = jax.jit(
    lambda params, scenes: elbo_per_number(
      run.model, params, scenes, run.ranges, jax.random.key(0), 1, std=30.0, asked=3
    )
  )
  values = np.asarray(compute(run.params, batch))
  # With so wide a likelihood only its constant is left, -log(std sqrt(2 pi)) per number.
  highest = -np.log(30 * np.sqrt(2 * np.pi))
  assert values.shape == (4,)
  assert np.all(values < highest)
  np.testing.assert_allclose(values, highest, atol=0.2)


@pytest.mark.long
def test_runs_are_overlaid_and_those_of_other_modalities_refused(tmp_path, monkeypatch):
  runs = {'one': make_run(), 'two': make_run(variant='baseline'), 'five': make_run(modalities='m5')}
  for name in runs:
    write_metrics(tmp_path / name)
  monkeypatch.setattr(missing, 'load_run', lambda folder, best: runs[folder.name])
  dataset = tiny_run.random_dataset()

  def evaluate(*others: str) -> None:
    options = missing.Options(
      runs=[str(tmp_path / name) for name in others], scenes=2, draws=1, asked=2
    )
    missing.MODE.evaluate(runs['one'], {'tiny': dataset}, tmp_path / 'one', options)

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
  of_one, of_two = found['two']['by_size'].values()
  mean, _ = found['two']['above_one']['2']
  assert mean == pytest.approx(of_two[0] - of_one[0], abs=1e-5)
  assert (tmp_path / 'one' / 'missing.png').stat().st_size > 10_000
