"""A stopped run goes on as if it had never stopped, and what cannot go on is refused."""

import json
import shutil
import signal

import jax
import numpy as np
import pytest

from gmn_jax.training.checkpoint import load_run
from gmn_jax.training.interruption import Interrupted
from gmn_jax.training.train import train
from mese_env.errors import UserError
from tests.tiny_run import random_dataset, tiny_config

pytestmark = pytest.mark.long

_TIMINGS = ('scenes_per_second', 'gflop_per_second', 'input_wait', 'memory_bytes')


def _records(workdir):
  records = [json.loads(line) for line in (workdir / 'metrics.jsonl').read_text().splitlines()]
  return [{k: v for k, v in record.items() if k not in _TIMINGS} for record in records]


def _assert_equal(one, other):
  def numbers(leaf):
    is_key = jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)

  for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
    np.testing.assert_array_equal(numbers(a), numbers(b))


@pytest.fixture(scope='module', autouse=True)
def unmeasured():
  """Spares each run the seconds in which it counts how much it has to compute."""
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr('gmn_jax.training.train.step_flops', lambda *step, platform: 1e9)
    yield


@pytest.fixture(scope='module')
def straight(tmp_path_factory):
  """A run of six steps that nothing stopped: its state and its folder."""
  workdir = tmp_path_factory.mktemp('straight')
  return train(tiny_config(), random_dataset(), workdir), workdir


def test_a_run_in_two_parts_equals_one_bit_for_bit(straight, tmp_path):
  state, workdir = straight
  train(tiny_config(steps=3), random_dataset(), tmp_path)
  resumed = train(tiny_config(), random_dataset(), tmp_path)
  _assert_equal(state, resumed)
  # The first part also validated at its own last step, which is one of those of the whole run.
  assert _records(tmp_path) == _records(workdir)
  # The third step is the second time that an epoch of five scenes ends in the middle of a batch.
  assert int(resumed.step) == 6


def test_a_run_short_of_memory_goes_on_in_parts_to_rounding(straight, tmp_path):
  _, workdir = straight
  train(tiny_config(steps=3), random_dataset(), tmp_path)
  train(tiny_config(accumulate=2), random_dataset(), tmp_path)
  for one, other in zip(_records(tmp_path), _records(workdir), strict=True):
    assert one['elbo'] == pytest.approx(other['elbo'], rel=1e-4)


def test_the_run_can_be_used_without_dataset_or_config(straight):
  state, workdir = straight
  run = load_run(workdir)
  assert run.step == 6
  assert run.config == tiny_config()
  _assert_equal(state.params, run.params)
  np.testing.assert_array_equal(run.ranges['haptic'].low, random_dataset().ranges['haptic'].low)
  assert (workdir / 'samples' / '00000006.png').stat().st_size > 0


def test_another_run_in_the_same_folder_is_refused_by_name_of_field(straight):
  _, workdir = straight
  changed = (
    r"with beta=1\.0 \(now 2\.0\), pooling='product' \(now 'anchored'\), variant='apoe' \(now"
  )
  with pytest.raises(UserError, match=changed):
    train(
      tiny_config(beta=2.0, pooling='anchored', variant='poe', steps=9), random_dataset(), workdir
    )


class _Interrupting(list):
  """Scenes, the reading of the eighth of which brings a SIGTERM."""

  reads = 0

  def __getitem__(self, position):
    self.reads += 1
    if self.reads == 8:
      signal.raise_signal(signal.SIGTERM)
    return super().__getitem__(position)


def test_sigterm_saves_and_the_run_goes_on_bit_for_bit(straight, tmp_path):
  state, _ = straight
  dataset = random_dataset()
  dataset.splits['train'] = _Interrupting(dataset.splits['train'])
  handler = signal.getsignal(signal.SIGTERM)
  with pytest.raises(Interrupted, match='SIGTERM after step') as interrupted:
    train(tiny_config(), dataset, tmp_path)
  assert interrupted.value.exit_code == 143
  assert signal.getsignal(signal.SIGTERM) is handler
  assert f'after step {load_run(tmp_path).step}:' in str(interrupted.value)
  _assert_equal(state, train(tiny_config(), random_dataset(), tmp_path))


def test_a_number_that_is_not_finite_stops_the_run_and_names_step_and_scenes(tmp_path):
  dataset = random_dataset()
  dataset.splits['train'][3]['haptics'][0, 0] = np.nan
  with pytest.raises(UserError, match=r'loss became nan in step [1-3], on .*scenes .*3') as refused:
    train(tiny_config(checkpoint_every=1), dataset, tmp_path)
  run = load_run(tmp_path)
  assert f'step {run.step + 1},' in str(refused.value)
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.params))


def test_the_best_checkpoint_is_kept_beside_the_last_ones(tmp_path):
  # What it trains on is the opposite of what it is validated on: the first validation is the best.
  dataset = random_dataset()
  for split, touch, light in (('train', 2, 255), ('val', -2, 0)):
    for scene in dataset.splits[split]:
      scene['haptics'][:], scene['images'][:] = touch, light
  config = tiny_config(quiet_start=False, validate_every=1, sample_every=99)
  train(config, dataset, tmp_path)
  elbos = {r['step']: r['elbo'] for r in _records(tmp_path) if r['split'] == 'val'}
  best = max(elbos, key=elbos.get)
  assert best < 5, 'this test needs a best step that is not among the last ones'
  kept = {int(path.name) for path in (tmp_path / 'checkpoints').iterdir() if path.name.isdigit()}
  assert kept == {best, 5, 6}
  assert (load_run(tmp_path).step, load_run(tmp_path, best=True).step) == (6, best)


def test_a_damaged_checkpoint_is_named_and_the_one_before_it_serves(straight, tmp_path):
  state, _ = straight
  train(tiny_config(steps=4), random_dataset(), tmp_path)
  damaged = tmp_path / 'checkpoints' / '4'
  for file in (damaged / 'training').rglob('*'):
    if file.is_file() and file.stat().st_size > 100:
      file.write_bytes(file.read_bytes()[:50])
  with pytest.raises(UserError, match=r'checkpoints/4 cannot be read .* to go on from step 3'):
    train(tiny_config(), random_dataset(), tmp_path)
  shutil.rmtree(damaged)
  _assert_equal(state, train(tiny_config(), random_dataset(), tmp_path))


def test_a_full_disk_is_named_and_the_run_can_go_on(straight, tmp_path):
  state, _ = straight
  picture = tmp_path / 'samples' / '00000004.png'
  picture.parent.mkdir()
  picture.symlink_to('/dev/full')  # Every write there fails for want of space.
  with pytest.raises(UserError, match=f'the disk of {tmp_path} is full'):
    train(tiny_config(sample_every=4), random_dataset(), tmp_path)
  picture.unlink()
  assert load_run(tmp_path).step == 4  # A picture comes after the checkpoint of its step.
  _assert_equal(state, train(tiny_config(), random_dataset(), tmp_path))


class _Vanishing(list):
  """Scenes of which the eighth to be read is gone."""

  reads = 0

  def __getitem__(self, position):
    self.reads += 1
    if self.reads == 8:
      raise FileNotFoundError('train.array_record')
    return super().__getitem__(position)


def test_a_dataset_that_vanishes_is_named_and_the_run_can_go_on(straight, tmp_path):
  state, _ = straight
  dataset = random_dataset()
  dataset.splits['train'] = _Vanishing(dataset.splits['train'])
  with pytest.raises(UserError, match=r'cannot be read any more \(train.array_record\)'):
    train(tiny_config(), dataset, tmp_path)
  _assert_equal(state, train(tiny_config(), random_dataset(), tmp_path))


def test_updates_that_are_not_finite_are_skipped_if_asked_and_steps_profiled(tmp_path):
  config = tiny_config(
    skip_nonfinite=2, steps=13, validate_every=13, sample_every=13, profile_steps=2
  )
  dataset = random_dataset()
  dataset.splits['train'][3]['haptics'][0, 0] = np.nan
  train(config, dataset, tmp_path)

  records = {r['step']: r for r in _records(tmp_path) if r['split'] == 'train'}
  finite = [np.isfinite(records[step]['gradient_norm']) for step in range(1, 14)]
  skipped = [records[step]['skipped'] for step in range(1, 14)]
  assert skipped == list(np.cumsum(np.logical_not(finite)))
  # Each of five epochs of five scenes holds the scene once.
  assert 4 <= skipped[-1] <= 6
  assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(load_run(tmp_path).params))
  assert list((tmp_path / 'profile').rglob('*.xplane.pb'))

  for scene in dataset.splits['train']:
    scene['haptics'][0, 0] = np.nan
  with pytest.raises(UserError, match='became nan in step'):
    train(config.replace(steps=20), dataset, tmp_path)
  after = [r for r in _records(tmp_path) if r['split'] == 'train' and r['step'] > 13]
  in_a_row = [record['skipped_in_a_row'] for record in after]
  assert in_a_row[-1] == 2 and max(in_a_row) == 2
