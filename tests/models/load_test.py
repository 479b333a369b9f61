"""A trained model in two lines: what comes along, what lies in a folder, and what is not there."""

import json
import os
import pathlib
import re
import subprocess
import sys

import chex
import numpy as np
import pytest
import safetensors.numpy

import gmn_jax
from experiments import export, main
from gmn_jax import models
from gmn_jax.checkpoint import load_run
from gmn_jax.models import find
from gmn_jax.training import card, exported
from mese_env import SceneConfig, generate_scene
from mese_env.errors import UserError
from tests import tiny_checkpoint, tiny_run

ROOT = pathlib.Path(__file__).parents[2]
TRAINED = ROOT / 'experiments' / 'trained' / 'apoe-small'
PACKAGE = pathlib.Path(models.__file__).parent
# What a user's first lines cost, and load.
FIRST_LINES = """
import sys, time
import gmn_jax
assert 'jax' not in sys.modules
import jax
jax.devices()
began = time.process_time()
model = gmn_jax.load('apoe-small')
took = time.process_time() - began
heavy = ('orbax', 'tensorflow', 'tensorflow_datasets', 'grain', 'mujoco', 'matplotlib')
assert not [name for name in heavy if name in sys.modules]
print(model, took)
"""


@pytest.mark.long
def test_the_model_that_comes_along_is_the_trained_run_bit_for_bit():
  loaded, run = gmn_jax.load('apoe-small').run, load_run(TRAINED)
  chex.assert_trees_all_equal_dtypes(loaded.params, run.params)
  chex.assert_trees_all_equal((loaded.params, loaded.ranges), (run.params, run.ranges))
  assert loaded[:2] == run[:2] and loaded[4:] == run[4:]


@pytest.mark.long
def test_the_first_lines_load_little_and_say_nothing():
  done = subprocess.run(
    [sys.executable, '-c', FIRST_LINES],
    cwd=ROOT,
    env={name: value for name, value in os.environ.items() if name != 'PYTHONWARNINGS'},
    stdout=subprocess.PIPE,
    stderr=subprocess.STDOUT,
    text=True,
  )
  (said,) = done.stdout.splitlines()
  model, _, seconds = said.rpartition(' ')
  assert model == 'Model(apoe, m2 (rgb, haptic), small, step 7,200)'
  # Of CPU time, whatever else runs; 0.75 were measured, on two cores of an AMD EPYC.
  assert float(seconds) < 2


def _rows(page):
  return [line for line in page.splitlines() if line.startswith('| ')]


@pytest.mark.parametrize('name', find.bundled())
def test_what_comes_along_is_small_and_says_what_was_measured_of_it(name):
  folder, model = PACKAGE / name, gmn_jax.load(name)
  assert {path.name for path in folder.iterdir()} == {*exported.FILES}
  assert sum(path.stat().st_size for path in folder.iterdir()) < 6e6
  assert model.metrics['validation']['step'] == model.run.step
  # What `trained_test` measures anew.
  assert 'generate' in model.metrics['evaluations']
  page = (folder / exported.CARD).read_text()
  weights = safetensors.numpy.load_file(folder / exported.WEIGHTS).values()
  halves = {leaf.dtype for leaf in weights} == {np.dtype(np.float16)}
  written = card.write_card(model.run, model.metrics, name, float16=halves)
  assert f'gmn_jax.load({name!r})' in page
  assert {*_rows(written)} <= {*_rows(page)}
  # A reader of the pages finds it, and its size.
  (row,) = (row for row in _rows((ROOT / 'docs' / 'models.md').read_text()) if f'/{name}/' in row)
  (stored,) = re.findall(r', (float\d+, [\d.]+ MB)', page)
  assert row.startswith(f"| `'{name}'` |") and f'| {stored} |' in row
  assert f'/{name}/{exported.CARD}' in (ROOT / 'docs' / 'cards' / f'{name}.md').read_text()


@pytest.mark.long
@pytest.mark.parametrize('name', find.bundled())
def test_what_comes_along_imagines_what_every_sense_would_find(name):
  belief, scene = gmn_jax.load(name).belief(), generate_scene(SceneConfig(image_size=64), 7, 0)
  belief = belief.look(scene['images'][0], scene['cameras'][0])
  belief = belief.touch(scene['haptics'][0], scene['hands'][0])
  images = belief.imagine(scene['cameras'], samples=2)
  assert np.isfinite(images).all()
  # As bright as what is there, which is dark for the most part: .035 instead of .045 by apoe-small.
  assert images.mean() == pytest.approx(scene['images'].mean() / 255, rel=0.5)
  assert np.isfinite(belief.feel(scene['hands'], samples=2)).all()


@pytest.mark.parametrize(
  ('name', 'said'),
  [
    ('apoe-smal', "no model 'apoe-smal' and no such folder; did you mean 'apoe-small'"),
    ('something', f'use one of {", ".join(find.bundled())}'),
    ('./nowhere', 'no such folder'),
    ('/no/such/folder', 'no such folder'),
    ('', 'the model is empty'),
    ('gs://bucket/model', 'only folders of this machine'),
  ],
)
def test_what_is_not_there_is_one_sentence(name, said):
  with pytest.raises(UserError, match=said) as refused:
    gmn_jax.load(name)
  assert '\n' not in str(refused.value)


@pytest.mark.long
def test_the_ten_lines_of_the_page_print_what_it_says(capsys):
  page = (ROOT / 'docs' / 'models.md').read_text()
  lines, said = re.search(r'```python\n(.*?)```\n\nprints\n\n```\n(.*?)```', page, re.S).groups()
  exec(lines, {})
  printed, number = capsys.readouterr().out, r'-?\d+\.\d*'
  assert re.sub(number, '#', printed).split() == re.sub(number, '#', said).split()
  numbers = [list(map(float, re.findall(number, text))) for text in (printed, said)]
  assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.02)


def test_a_folder_without_a_model_says_so(tmp_path):
  with pytest.raises(UserError, match=f'there is no checkpoint in {tmp_path}'):
    gmn_jax.load(tmp_path)


def test_a_revision_is_of_the_hub_alone():
  with pytest.raises(UserError, match="revision is 'v1', but the model 'apoe-small' is not of the"):
    gmn_jax.load('apoe-small', revision='v1')


def test_a_model_is_saved_and_found_again_by_its_folder(tmp_path):
  model = models.Model(tiny_run.random_run(), {'validation': {'elbo': 1.0}})
  model.save(tmp_path / 'mine', license='mit')
  loaded = gmn_jax.load(tmp_path / 'mine')
  chex.assert_trees_all_equal(loaded.run.params, model.run.params)
  assert loaded.metrics == model.metrics
  assert 'license: mit\n' in (tmp_path / 'mine' / exported.CARD).read_text()
  with pytest.raises(UserError, match='is taken already'):
    model.save(tmp_path / 'mine')


@pytest.mark.long
def test_a_run_is_exported_with_what_was_measured_of_it(tmp_path, capsys):
  run, workdir = tiny_run.random_run(), tmp_path / 'run'
  tiny_checkpoint.save(run, workdir, steps=(2, 3), elbos=(5.0, 4.0))
  lines = [{'step': 2, 'split': 'val', 'elbo': 5.0}, {'step': 3, 'split': 'train', 'elbo': 1.0}]
  lines += [{'step': 3, 'split': 'val', 'elbo': 4.0}]
  (workdir / 'metrics.jsonl').write_text(''.join(json.dumps(line) + '\n' for line in lines))
  for mode, step in (('generate', 3), ('density', 2)):
    record = {'mode': mode, 'step': step, 'dataset': ['tiny'], 'options': {}, 'results': [step]}
    (workdir / f'{mode}.json').write_text(json.dumps(record))
  (workdir / 'other.json').write_text('[')
  for options, step, mode in ((['--best'], 2, 'density'), ([], 3, 'generate')):
    to = tmp_path / f'model-{step}'
    export.main(['export.py', f'--workdir={workdir}', f'--to={to}', *options])
    loaded = gmn_jax.load(to)
    assert loaded.run.step == step
    assert loaded.metrics == {
      'validation': {'step': step, 'elbo': 7.0 - step},
      'evaluations': {mode: {'dataset': ['tiny'], 'results': [step]}},
    }
    assert capsys.readouterr().out.startswith(f'{to}: apoe, m2, small, step {step}')
  assert gmn_jax.load(workdir).run.step == 3
  half = tmp_path / 'half'
  export.main(['export.py', f'--workdir={to}', f'--to={half}', '--float16'])
  assert gmn_jax.load(half).metrics == loaded.metrics
  sizes = [(folder / exported.WEIGHTS).stat().st_size for folder in (half, to)]
  assert sizes[0] < 0.6 * sizes[1]


@pytest.mark.parametrize('name', find.bundled())
def test_evaluations_write_beside_a_copy_of_what_comes_along(name, tmp_path):
  before = sorted(PACKAGE.rglob('*'))
  into = tmp_path / 'runs' / name
  for _ in range(2):
    assert models.run_folder(name, into) == into
    (into / 'generate.json').write_text('{}')
  copy, original = load_run(into), gmn_jax.load(name).run
  chex.assert_trees_all_equal(copy.params, original.params)
  assert copy[:2] == original[:2] and copy[4:] == original[4:]
  # What is a user's own is used where it lies.
  assert models.run_folder(into, tmp_path / 'other') == into
  with pytest.raises(UserError, match=f"something else than the model '{name}'; give another"):
    models.run_folder(name, tmp_path / 'runs')
  with pytest.raises(UserError, match='cannot write to /sys/kernel/x'):
    models.run_folder(name, '/sys/kernel/x')
  assert sorted(PACKAGE.rglob('*')) == before


@pytest.mark.parametrize('mode', ['train', 'generate'])
def test_no_command_writes_into_the_package(mode):
  folder = PACKAGE / 'apoe-small'
  with pytest.raises(UserError, match=f'--workdir is {folder}, in the installed package'):
    main.main(
      ['main.py', f'--mode={mode}', '--config=experiments/configs/apoe.py', f'--workdir={folder}']
    )
  with pytest.raises(UserError, match='in the installed package'):
    models.run_folder('apoe-small', folder)
