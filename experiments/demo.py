"""The demo behind `make demo`: builds the tiny dataset, trains on it, and shows what the model
imagines.

It writes `runs/demo/demo.png` and `runs/demo/demo.json`, prints a table, and exits with 1 when the
model has not learned what the demo is to show.
"""

import argparse
import json
import pathlib
import sys
import time

if __name__ == '__main__':
  # Where a script is run, Python looks in its folder, not in the one that holds `experiments`.
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
  from experiments.commands import DEMO

  DEMO.run('python experiments/demo.py', sys.argv[1:])

import numpy as np

from experiments.evaluation import baselines, contexts, unseen
from experiments.evaluation.imagining import (
  Imagination,
  another_scenes,
  only,
  squared_errors,
)
from experiments.evaluation.scenes import first_scenes, stack_scenes
from experiments.figures import generate as pictures
from experiments.processes import Processes
from gmn_jax.senses import HAPTIC, IMAGE, cut_scenes
from gmn_jax.training.checkpoint import Run, load_run
from mese_env.errors import UserError
from mese_env.folders import require_writable
from tfds_mese.dataset import Dataset
from tfds_mese.reading import open_dataset

WORKDIR = pathlib.Path('runs/demo')
LOOKS, GRASPS, CAMERAS = 7, 15, 8  # given, given, and held out: a scene's 15 looks and grasps
SCENES = 100  # of the test split, for the numbers
OBJECTS, SAMPLES = 3, 3  # in the picture: test scenes 0, 1, 2
AVERAGED = 8  # samples of the scene whose mean is the prediction that is measured
# How many looks and grasps are given, by their name in the table.
CONTEXTS = {
  'own looks and grasps': (LOOKS, GRASPS),
  'own looks': (LOOKS, 0),
  'own grasps': (0, GRASPS),
  'nothing': (0, 0),
}
DRAWN = ('own looks and grasps', 'own looks', 'own grasps')  # panels of the picture
# What the demo has to show, as bounds on ratios of image errors.
BOUNDS = (
  ('own looks', 'nothing', 0.7),
  ('own looks', "another scene's looks", 0.7),
  ('own grasps', "another scene's grasps", 1.0),
)


def main(options: argparse.Namespace | None = None) -> int:
  """Runs the demo, which has no options; returns the exit code.

  Raises:
    UserError: the folder of the demo cannot be written, or the dataset is not the whole one.
  """
  del options
  began = time.time()
  require_writable(WORKDIR, 'run the demo in a folder that can be.')
  command = [sys.executable, str(pathlib.Path(__file__).with_name('main.py'))]
  config = pathlib.Path(__file__).parent / 'configs' / 'apoe.py'
  # In four parts a step took a fifth less time on one core; on two it was not compared. The rate
  # is the better one for apoe, though not for all variants (docs/results/runs.md, "Rates").
  fields = [f'--config={config}', '--config.accumulate=4', '--config.learning_rate=1.6e-2']
  arguments = [*command, *fields, f'--workdir={WORKDIR}', '--build']
  print(
    'The demo makes a dataset, trains a model on it and draws what it imagines: 8 to 35 minutes '
    'on two cores. It can be stopped; the same command goes on.',
    flush=True,
  )
  with Processes() as processes:
    code = processes.run(arguments)
  if code:
    return code
  run = load_run(WORKDIR)
  dataset = open_dataset(run.config.dataset, run.config.data_dir or None)
  picture = WORKDIR / 'demo.png'
  print(f'imagining {SCENES} unseen objects, which compiles for some seconds more', flush=True)
  errors = evaluate(run, dataset, picture)
  (WORKDIR / 'demo.json').write_text(json.dumps({'step': run.step, 'image_mse': errors}, indent=2))
  print(f'\nImage MSE at {CAMERAS} held-out cameras of {SCENES} unseen objects, pixels in [0, 1]:')
  for given, error in errors.items():
    print(f'  {given:36s} {error:.5f}')
  missed = [bound for bound in BOUNDS if errors[bound[0]] >= bound[2] * errors[bound[1]]]
  for given, other, bound in BOUNDS:
    verdict = 'MISSED' if (given, other, bound) in missed else 'ok'
    print(f'  {given} / {other}: {errors[given] / errors[other]:.3f}, below {bound}: {verdict}')
  print(f'The demo took {(time.time() - began) / 60:.1f} minutes. Its picture: {picture}')
  return int(bool(missed))


def evaluate(run: Run, dataset: Dataset, picture: pathlib.Path) -> dict[str, float]:
  """Imagines the looks held out from each context, and draws the first objects.

  Args:
    run: the trained run.
    dataset: whose test scenes are imagined.
    picture: is written: per object and context the looks given, the truth, and samples.

  Returns:
    By what is given, the mean squared error of the images; the prediction is the mean over
    `AVERAGED` samples. Beside it that of two predictors without a model.

  Raises:
    UserError: there are too few test scenes.
  """
  if len(dataset.splits['test']) < SCENES:
    raise UserError(
      f'the demo needs {SCENES} scenes and there are {len(dataset.splits["test"])}; '
      'build the dataset without a limit.'
    )
  modalities = run.model.modalities
  scenes = first_scenes(dataset, 'test', SCENES)
  held_out = [unseen.keep_last(scene, {IMAGE: CAMERAS, HAPTIC: 1}) for scene in scenes]
  given, truth = (
    cut_scenes(modalities, stack_scenes(raw, modalities), run.ranges) for raw in (scenes, held_out)
  )
  truth = only(contexts.parse_target([IMAGE.name], modalities), truth)
  counts = {
    name: contexts.parse_context([f'{IMAGE}:{looks}', f'{HAPTIC}:{grasps}'], modalities, GRASPS)
    for name, (looks, grasps) in CONTEXTS.items()
  }
  imagination = Imagination(run, truth.queries, AVERAGED, seed=0, drawn=OBJECTS)
  imagined = {name: imagination(given, counts_M) for name, counts_M in counts.items()}
  others = another_scenes(given)
  baseline = baselines.predict(run, dataset.splits['train'], truth.queries)
  predicted = {
    **{name: imagined[name].mean for name in DRAWN},
    "another scene's looks": imagination(others, counts['own looks']).mean,
    "another scene's grasps": imagination(others, counts['own grasps']).mean,
    'nothing': imagined['nothing'].mean,
    'no model: the mean training image': baseline.mean,
    'no model: the nearest training view': baseline.nearest,
  }
  panels = {
    'given {} looks and {} grasps'.format(*CONTEXTS[name]): (
      counts[name],
      [sample[:SAMPLES] for sample in imagined[name].drawn],
    )
    for name in DRAWN
  }
  title = (
    f'Objects never trained on (test scenes 0, 1, 2), imagined at {CAMERAS} held-out cameras '
    f"by the '{run.config.preset}' model after {run.step:,} steps"
  )
  figure = pictures.draw_contexts(modalities, given, truth.senses, panels, title)
  figure.savefig(picture, dpi=110)
  return {
    name: float(np.mean(squared_errors(modalities, prediction, truth.senses)[IMAGE.name]))
    for name, prediction in predicted.items()
  }
