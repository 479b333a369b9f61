"""A trained model among the baselines: it is told each view once, and senses where most is told."""

import numpy as np
import pytest

from gmn_jax.models import policy
from mese_env import World, baselines, poses, sample_object
from mese_env.__main__ import main
from mese_env.errors import UserError

pytestmark = pytest.mark.long


@pytest.mark.parametrize(
  ('sense', 'name'), [*zip(baselines.SENSES, ('image', 'haptic'), strict=True)]
)
def test_it_senses_where_the_belief_of_all_that_was_felt_expects_most(sense, name):
  mine = policy.policy_of('apoe-small')
  belief, rng = mine.choose.nothing, np.random.default_rng(0)
  world = World(sample_object(5, np.random.default_rng(1)))
  felt = sense.feel(world, sense.pose(0.3, 1.0))
  assert felt is not None
  for object_number in range(2):
    sensed, known = [], belief
    for _ in range(3):
      state = rng.bit_generator.state
      pose = mine.choose(sensed, sense, rng)
      rng.bit_generator.state, after = state, rng.bit_generator.state
      among = baselines.candidates(sensed, sense, rng)
      assert rng.bit_generator.state == after
      if sensed:
        told = known.information(name, np.stack([poses.query(one) for one in among]))
        np.testing.assert_array_equal(poses.query(pose), poses.query(among[told.argmax()]))
      # One that was too forceful tells nothing.
      told_nothing = object_number and len(sensed) == 1
      sensed.append(baselines.Sensed(pose, None if told_nothing else felt))
      if not told_nothing:
        known = known.add(name, felt, poses.query(pose))


def test_the_command_has_a_row_of_the_model_for_each_sense(capsys):
  asked = ['--shapes', '2', '--gallery', '3', '--trials', '1', '--model', 'apoe-small']
  assert main(['baselines', *asked]) == 0
  rows = capsys.readouterr().out.splitlines()[1:]
  assert [row.split()[:2] for row in rows][2::3] == [
    ['look', 'apoe-small'],
    ['touch', 'apoe-small'],
  ]


def test_a_model_that_there_is_not_is_one_sentence():
  with pytest.raises(UserError, match="no model 'apoe-smal'"):
    main(['baselines', '--model', 'apoe-smal'])
