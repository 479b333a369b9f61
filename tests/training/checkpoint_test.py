"""A checkpoint that another version wrote, and one of a model alone."""

import pathlib
import shutil

import chex
import numpy as np
import pytest

from experiments import export
from gmn_jax.training.checkpoint import load_run
from mese_env import __version__
from mese_env.errors import UserError
from tests import tiny_checkpoint, tiny_run

pytestmark = pytest.mark.long


def _as_another_version(workdir, change):
  tiny_checkpoint.rewrite(workdir, lambda description: change(description['config']))


def test_an_exported_model_is_the_run_s_without_what_training_needs(tmp_path):
  run, workdir, copy = tiny_run.random_run(), tmp_path / 'run', tmp_path / 'copy'
  tiny_checkpoint.save(run, workdir)
  export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])
  exported = load_run(copy)
  chex.assert_trees_all_equal(exported.params, run.params)
  chex.assert_trees_all_close(exported.ranges, run.ranges, rtol=0, atol=0)
  assert exported.step == 3 and exported.config == run.config
  assert list(workdir.rglob('training')) and not list(copy.rglob('training'))
  with pytest.raises(UserError, match='copy is taken already; give a new or an empty folder'):
    export.main(['export.py', f'--workdir={workdir}', f'--to={copy}'])
  with pytest.raises(UserError, match='holds one model, .* leave --best out'):
    load_run(copy, best=True)
  with pytest.raises(UserError, match='holds an exported model, .* give another --workdir'):
    tiny_checkpoint.save(run, copy)
  assert not list(copy.rglob('checkpoints'))


def test_a_run_whose_config_lacks_what_the_model_needs_is_refused_by_name_of_field(tmp_path):
  tiny_checkpoint.save(tiny_run.random_run(), tmp_path)
  _as_another_version(tmp_path, lambda fields: fields.pop('latent'))
  with pytest.raises(UserError, match=r"no 'latent'; use it with .* another --workdir") as refused:
    load_run(tmp_path)
  assert str(tmp_path) in str(refused.value) and '\n' not in str(refused.value)


def test_a_run_of_a_version_with_fewer_fields_loads_as_the_authors_recipe_has_them(tmp_path):
  run = tiny_run.random_run(withheld=0.25)
  tiny_checkpoint.save(run, tmp_path)
  of_later = ('few_steps', 'withheld', 'pooling', 'informed')
  _as_another_version(tmp_path, lambda fields: [fields.pop(name) for name in of_later])
  assert load_run(tmp_path).config == run.config.replace(few_steps=0, withheld=0.0)


def _load(config, workdir):
  del config
  load_run(workdir)


@pytest.mark.parametrize('use', [_load, tiny_checkpoint.restore], ids=['load', 'resume'])
@pytest.mark.parametrize(
  ('change', 'named'),
  [
    (lambda fields: fields.update(temperature=2.0), "a field 'temperature' that is unknown here"),
    (lambda fields: fields.pop('latent'), "no 'latent'"),
    (lambda fields: fields.update(width=-3), 'not valid here .width is -3; it must be .*'),
    (lambda fields: fields.update(variant='moe'), "not valid here .variant is 'moe'.*"),
  ],
)
def test_a_run_of_another_version_is_refused_with_what_differs_and_who_wrote_it(
  tmp_path, use, change, named
):
  run = tiny_run.random_run()
  tiny_checkpoint.save(run, tmp_path)

  def by_another(description):
    change(description['config'])
    description['versions']['gmn_jax'] = '7.0'

  tiny_checkpoint.rewrite(tmp_path, by_another)
  with pytest.raises(UserError, match=rf'{named}; use it with that version') as refused:
    use(run.config, tmp_path)
  assert 'gmn_jax 7.0, orbax' in str(refused.value)
  assert f'this is gmn_jax {__version__}' in str(refused.value)
  assert 'move' not in str(refused.value) and 'delete' not in str(refused.value)


_DATA = {'scenes of train': 5, 'ranges': [[0.5, 1.0]], 'generator version': '1.0'}


@pytest.mark.parametrize(
  ('now', 'named'),
  [
    (_DATA | {'scenes of train': 6}, r'scenes of train=5 \(now 6\)'),
    (_DATA | {'ranges': [[0.5, 2.0]]}, r'ranges=\[\[0.5, 1.0\]\] \(now \[\[0.5, 2.0\]\]\)'),
    ({'scenes of train': 5, 'ranges': [[0.5, 1.0]]}, r"version='1.0' \(now unknown\)"),
    (_DATA | {'seed': 3}, r'seed=unknown \(now 3\)'),
    ({}, 'generator version=.*, ranges=.*, scenes of train=.*'),
  ],
)
def test_other_data_under_a_run_are_refused_by_name_and_accepted_deliberately(tmp_path, now, named):
  run = tiny_run.random_run()
  tiny_checkpoint.save(run, tmp_path, identity=_DATA)
  with pytest.raises(UserError, match=f'{named}.* --accept_data to go on'):
    tiny_checkpoint.restore(run.config, tmp_path, now)
  state = tiny_checkpoint.restore(run.config, tmp_path, now, accept_data=True)
  chex.assert_trees_all_equal(state.params, run.params)
  # What was accepted is what the run has from then on.
  tiny_checkpoint.save(run, tmp_path, steps=(4,), identity=now)
  tiny_checkpoint.restore(run.config, tmp_path, now)


def test_where_data_are_may_change_and_what_they_are_may_not(tmp_path):
  run = tiny_run.random_run(dataset='./robot')
  tiny_checkpoint.save(run, tmp_path, identity=_DATA)
  elsewhere = run.config.replace(dataset='/home/me/robot/', data_dir='/data')
  state = tiny_checkpoint.restore(elsewhere, tmp_path, {**_DATA, 'ranges': ((0.5, 1.0),)})
  chex.assert_trees_all_equal(state.params, run.params)
  tiny_checkpoint.make_old(tmp_path)
  with pytest.raises(UserError, match=r"another run, with dataset='./robot'"):
    tiny_checkpoint.restore(elsewhere, tmp_path, _DATA)
  # Of the data of an old run no more is known than by which ranges they were scaled.
  tiny_checkpoint.restore(run.config, tmp_path, _DATA)
  haptic = run.ranges['haptic']
  for other in (haptic._replace(low=haptic.low - 1), haptic._replace(least_span=np.float32(0))):
    with pytest.raises(UserError, match='other ranges of haptic, .* --accept_data to go on'):
      tiny_checkpoint.restore(run.config, tmp_path, _DATA, ranges={'haptic': other})
    tiny_checkpoint.restore(run.config, tmp_path, _DATA, True, {'haptic': other})


def test_the_model_that_comes_along_is_checked(tmp_path, capsys):
  trained = pathlib.Path(__file__).parents[2] / 'experiments' / 'trained' / 'apoe-small'
  assert load_run(trained).step == 7200
  assert not capsys.readouterr().err
  copy = tmp_path / 'copy'
  shutil.copytree(trained, copy)
  largest = max(copy.rglob('*'), key=lambda path: path.stat().st_size)
  with largest.open('r+b') as file:
    file.seek(1_000_000)
    byte = file.read(1)[0]
    file.seek(1_000_000)
    file.write(bytes([byte ^ 1]))
  with pytest.raises(UserError, match=f'{largest.name} is not as it was written.* fetch it, again'):
    load_run(copy)
