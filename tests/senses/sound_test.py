"""A third sense, declared in this file alone: the sound of a tap on the object. Beside images and
grasps it is trained, its density measured, and imagined, and nothing in the packages knows of it.
"""

import json

import numpy as np
import pytest

from experiments import modes
from gmn_jax.config import preset
from gmn_jax.senses import Modality, Sense, VectorCut
from gmn_jax.senses.sets import MODALITY_SETS, modality_set
from gmn_jax.senses.vector import VectorEncoder, VectorRenderer
from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.train import train
from mese_env import poses, shapes
from tfds_mese.dataset import Dataset

pytestmark = pytest.mark.long

SAMPLES, VIEWS, SIZE, BLOCKS = 64, 4, 8, 4
SOUND = Sense(
  name='sound',
  views='sounds',
  field='sounds',
  pose_field='taps',
  encoder=VectorEncoder,
  renderer=VectorRenderer,
  unit='pressure, scaled to [-1, 1]',
)
HELD_OUT = {'held_out': 2, 'estimator': 'iwae', 'samples': 2}
SETTINGS = {
  'density': {'scenes': 2, 'images': (0,), 'grasps': (0, 1), 'others': (0, 2)} | HELD_OUT,
  'classify': {'ways': 2, 'draws': 2, 'views': (1,), 'together': 2} | HELD_OUT,
  'generate': {
    'scenes': 2,
    'context': ('sound:2',),
    'target': ('image', 'haptic', 'sound'),
    'growing': (0, 1),
    'samples': 2,
    'cameras': 2,
    'grasps': 2,
    'objects': 1,
  },
}


def sound_of(positions, tap):
  """An impact at `tap`: every block rings with a pitch by its distance, and dies away."""
  time = np.arange(SAMPLES) / SAMPLES
  distance = np.linalg.norm(positions - tap, axis=1)[:, None]
  return (np.exp(-4 * time) * np.sin(10 * distance * time)).sum(axis=0)


def make_scene(index):
  """Blocks, seen as a colour by how far they reach, felt as their positions, and heard."""
  rng = np.random.default_rng(index)
  positions = shapes.centred_positions(shapes.sample_walk(BLOCKS, rng))
  cameras, hands, taps = (
    np.stack([poses.query(poses.camera_pose(*poses.sample_angles(rng))) for _ in range(VIEWS)])
    for _ in range(3)
  )
  reach = np.uint8(255 * np.clip(np.abs(cameras[:, :3] @ positions.T).max(axis=1) * 20, 0, 1))
  felt = np.tile(positions.ravel(), 11) + 0.1 * np.repeat(hands[:, :3], 44, axis=1)
  return {
    'images': np.broadcast_to(reach[:, None, None, None], (VIEWS, SIZE, SIZE, 3)),
    'cameras': cameras,
    'haptics': np.float32(felt),
    'hands': hands,
    'sounds': np.float32([sound_of(positions, tap[:3]) for tap in taps]),
    'taps': taps,
    'index': np.int64(index),
  }


@pytest.fixture
def sounds(monkeypatch):
  """A dataset with the third sense, and the set of modalities that hears it."""

  def m2_and_sound(image_size, haptic_channels):
    heard = Modality('sound', SOUND, VectorCut(tuple(range(SAMPLES))), (SAMPLES,))
    return (*modality_set('m2', image_size, haptic_channels), heard)

  monkeypatch.setitem(MODALITY_SETS, 'm2-sound', m2_and_sound)
  splits = {
    split: [make_scene(1000 * i + j) for j in range(8)]
    for i, split in enumerate(('train', 'val', 'test'))
  }

  def span(field):
    values = np.concatenate([scene[field] for scene in splits['train']])
    return values.min(axis=0), values.max(axis=0)

  return Dataset(splits, {'haptic': span('haptics'), 'sound': span('sounds')}, {})


def test_a_sense_of_ones_own_is_trained_measured_and_imagined(sounds, tmp_path):
  config = preset('small', modalities='m2-sound', image_size=SIZE, width=2, batch_size=8, steps=20)
  config = config.replace(optimizer='adam', learning_rate=1e-2, warmup_steps=0, few_steps=0)
  train(config.replace(log_every=1, validate_every=20, sample_every=99), sounds, tmp_path)
  lines = (tmp_path / 'metrics.jsonl').read_text().splitlines()
  error = [json.loads(line).get('squared_error/sound') for line in lines]
  assert np.mean(error[-5:]) < np.mean(error[:5])
  run = load_run(tmp_path)
  assert list(run.ranges) == ['haptic', 'sound']
  found = {}
  for mode, options in SETTINGS.items():
    asked = modes.load(mode).options(**options)
    modes.load(mode).evaluate(run, {'sounds': sounds}, tmp_path, asked)
    found[mode] = json.loads((tmp_path / f'{mode}.json').read_text())['results']
  heard = [r for r in found['density']['density'] if r['target'] == 'sound' and r['sounds'] == 2]
  assert len(heard) == 2 and all(np.isfinite(r['log_likelihood']) for r in heard)
  assert list(found['generate']['squared_error']['the context']) == ['image', 'haptic', 'sound']
  assert (tmp_path / 'generate-sound.png').exists()
