"""What a visitor did is a state: it can be undone, and an address and lines of Python say it."""

import random

import numpy as np
import pytest

from experiments.explorer.address import decode, encode
from experiments.explorer.code_lines import code_lines
from experiments.explorer.scene import drawn_at, eye_at
from experiments.explorer.state import CUBES, MOST_GIVEN, OBJECTS, SAMPLES, SEEDS, State
from experiments.explorer.ways import GRASP, LOOK, WAYS, Angles, Given
from mese_env.errors import UserError

MODELS = ('apoe-small', 'runs/a run')


def _random_state(seed: int) -> State:
  rng = random.Random(seed)

  def angles() -> Angles:
    return Angles(rng.randint(-90, 90), rng.randrange(360))

  given = tuple(Given(rng.choice(WAYS), angles()) for _ in range(rng.randint(0, MOST_GIVEN)))
  return State(
    rng.choice(MODELS[:1]),
    rng.randrange(OBJECTS),
    rng.choice(CUBES),
    given,
    angles(),
    rng.choice(SAMPLES),
    rng.randrange(SEEDS),
    rng.random() < 0.5,
    rng.random() < 0.5,
  )


@pytest.mark.parametrize('seed', range(20))
def test_an_address_gives_the_state_back_and_keeps_what_is_the_browsers(seed):
  state = _random_state(seed)
  text = encode(state)
  assert not set(text) & set(' "<>#')
  assert decode(text, MODELS) == decode(f'?{text}&darkMode=1', MODELS) == state


def test_an_address_that_says_nothing_is_of_the_first_model():
  assert decode('', MODELS) == State(MODELS[0])


@pytest.mark.parametrize(
  ('text', 'named'),
  [
    ('model=apoe-smal', "did you mean 'apoe-small'"),
    ('object=1000', 'object=1000'),
    ('object=-1', 'object=-1'),
    ('cubes=8', 'cubes=8'),
    ('samples=1000000', 'samples=1000000'),
    ('seed=x', 'seed=x'),
    ('eye=30', 'eye=30'),
    ('given=l30:40,x30:40', 'given=l30:40,x30:40'),
    ('given=' + ','.join(['l0:0'] * (MOST_GIVEN + 1)), f'at most {MOST_GIVEN}'),
    ('blindfold=yes', 'blindfold=yes'),
    ('truth=<script>', 'truth=<script>'),
  ],
)
def test_what_an_address_cannot_mean_is_one_sentence(text, named):
  with pytest.raises(UserError) as refused:
    decode(text, MODELS)
  assert named in str(refused.value) and str(refused.value).count('.') <= 2


def test_what_is_given_is_undone_in_order_and_looks_do_not_count_behind_a_blindfold():
  look, grasp = Given(LOOK, Angles(0, 1)), Given(GRASP, Angles(2, 3))
  state = State('x').give(look).give(grasp)
  assert state.undo() == State('x').give(look) and state.undo().undo() == State('x')
  blind = state.replace(blindfold=True)
  assert blind.counted == (grasp,) and blind.replace(blindfold=False) == state
  for refused in (lambda: blind.give(look), State('x').undo):
    with pytest.raises(UserError):
      refused()
  full = state.replace(given=(look,) * MOST_GIVEN)
  with pytest.raises(UserError, match='undo some'):
    full.give(grasp)
  assert state.take(state.object, state.cubes) == state
  assert state.take(state.object + 1, state.cubes).given == ()


@pytest.mark.parametrize(
  'angles', [Angles(0, 0), Angles(-30, 40), Angles(89, 359), Angles(12, 180)]
)
def test_an_eye_that_is_dragged_nowhere_stays_and_a_hand_comes_from_its_side(angles):
  position, _ = drawn_at(angles)
  assert eye_at(position) == eye_at(3 * position) == angles
  assert eye_at(np.zeros(3)) is None
  wrist = GRASP.pose(angles.towards(GRASP)).position
  if abs(angles.pitch) < 60:
    assert wrist[:2] @ position[:2] > 0.9 * np.linalg.norm(wrist[:2]) * np.linalg.norm(position[:2])


@pytest.mark.parametrize('seed', range(4))
def test_the_lines_of_python_say_what_counts(seed):
  state = _random_state(seed)
  told = code_lines(state)
  compile(told, 'lines', 'exec')
  assert len(told.splitlines()) <= 10
  assert all(str(tuple(one.angles)) in told for one in state.counted)
  assert ('belief.look' in told) == any(one.way == LOOK for one in state.counted)
