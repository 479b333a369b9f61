"""A visitor's changes are made in order, drawn when all are made, and refused in a sentence."""

import threading

import numpy as np
import pytest

import gmn_jax
from experiments.explorer import hands, hull, pictures, things, touch_bars, words
from experiments.explorer.code_lines import code_lines
from experiments.explorer.session import Session
from experiments.explorer.ways import GRASP, LOOK, Angles, Given
from mese_env.errors import UserError
from mese_env.hand import HAND_GROUP
from tests import explorer_studio

LOOKED, GRASPED = Given(LOOK, Angles(-20, 30)), Given(GRASP, Angles(-20, 300))


@pytest.fixture(scope='module')
def studio():
  return explorer_studio.studio()


class Page:
  """Keeps what it is shown, and says when it has been shown a state."""

  def __init__(self):
    self.shown, self.said, self.ended = [], [], threading.Event()
    self._changed = threading.Condition()

  def _tell(self, kept, what):
    with self._changed:
      kept.append(what)
      self._changed.notify_all()

  def glance(self, state, glance):
    self._tell(self.shown, (state, glance))

  def show(self, state, answer):
    self._tell(self.shown, (state, answer))

  def say(self, sentence):
    self._tell(self.said, sentence)

  def played(self):
    self.ended.set()

  def wait(self, kept, condition):
    with self._changed:
      assert self._changed.wait_for(lambda: kept and condition(kept[-1]), 60)


@pytest.fixture
def visit(studio):
  page = Page()
  session = Session(studio, page, studio.first())
  page.wait(page.shown, lambda last: True)
  yield page, session
  session.close()


def _give(given):
  return lambda state: state.give(given)


@pytest.mark.long
def test_changes_are_made_in_order_and_only_the_last_state_must_be_drawn(visit, studio):
  page, session = visit
  for yaw in range(100):
    session.do(lambda state, yaw=yaw: state.replace(eye=Angles(0, yaw)))
  session.do(_give(LOOKED))
  wanted = studio.first().replace(eye=Angles(0, 99)).give(LOOKED)
  page.wait(page.shown, lambda last: last[0] == wanted and hasattr(last[1], 'rank'))
  assert len(page.shown) < 60 and not page.said


@pytest.mark.long
def test_what_is_refused_is_said_and_nothing_else_changes(visit, studio):
  page, session = visit

  def broken(state):
    raise ValueError('a fault')

  session.do(lambda state: state.undo())
  page.wait(page.said, lambda said: 'nothing is given' in said)
  session.do(broken)
  page.wait(page.said, lambda said: 'a fault' in said and 'Traceback' not in said)
  session.do(lambda state: state.replace(model='another'))
  page.wait(page.said, lambda said: 'failed' in said)
  assert session.state == studio.first()


@pytest.mark.long
def test_auto_play_gives_looks_and_grasps_and_ends(visit, monkeypatch):
  page, session = visit
  monkeypatch.setattr('experiments.explorer.session._PACE', 0.01)
  session.play(True)
  assert page.ended.wait(100)
  kinds = [one.way for one in session.state.given]
  assert kinds.count(LOOK) == kinds.count(GRASP) == 4 and len(set(session.state.given)) == 8


@pytest.mark.long
def test_the_lines_of_python_imagine_the_same_bit_for_bit(studio, monkeypatch):
  state = studio.first().give(LOOKED).give(GRASPED).replace(object=3, seed=5, samples=4)
  monkeypatch.setattr(gmn_jax, 'load', studio.models.get, raising=False)
  made = {}
  exec(code_lines(state), made)
  np.testing.assert_array_equal(made['image'], studio.glance(state).imagined.mean(axis=0))


@pytest.mark.long
@pytest.mark.parametrize(
  'fields',
  [
    pytest.param({}, id='m2'),
    # Eight programs are compiled: 10 s.
    pytest.param({'modalities': 'm8', 'image_size': 16}, id='m8', marks=pytest.mark.slow),
  ],
)
def test_all_of_an_answer_is_drawn_whatever_the_modalities(fields):
  studio = explorer_studio.studio(**fields)
  state = studio.first().give(LOOKED).give(GRASPED)
  answer = studio.answer(state)
  assert 1 <= answer.rank <= things.RANKED and len(answer.hands) == 1
  for picture in (
    pictures.side_by_side(answer.glance),
    pictures.strip(answer.around),
    touch_bars.draw(answer.touched),
  ):
    assert picture.dtype == np.uint8 and picture.std() > 0
  assert '1 look, 1 grasp' in words.summary(state, answer)
  assert all(name in words.shares(answer) for name in answer.shares)


def test_the_hull_of_what_all_samples_see_is_the_object():
  number, cubes = 4, 5
  around = np.stack([things.look(number, cubes, angles) for angles in things.AROUND])
  found = hull.carve(np.stack([around, around]) / 255)
  thing = things.world(number, cubes).thing
  nearest = np.abs(found.points[:, None] - thing.positions).max(axis=2).min(axis=1)
  solid = found.opacities > 0.9
  assert nearest[solid].max() < 0.04 and np.mean(nearest[solid] < 0.0175) > 0.7
  # Every cube's middle is inside, and of samples of which half see nothing, half agree.
  middles = np.abs(found.points[solid][:, None] - thing.positions).max(axis=2).min(axis=0)
  assert middles.max() < hull.SPACING
  half = hull.carve(np.stack([around, 0 * around]) / 255)
  np.testing.assert_allclose(half.opacities.max(), 0.5)
  assert not len(hull.carve(np.zeros((2, len(around), 8, 8, 3))).points)


def test_the_hand_is_closed_around_the_object_and_its_faces_look_outwards():
  mesh = hands.closed_hand(3, 5, GRASPED.angles)
  world = things.world(3, 5)
  assert world.data.ncon > 0
  links = np.flatnonzero(world.model.geom_group == HAND_GROUP)
  centres = world.data.geom_xpos[links]
  assert np.abs(mesh.vertices.mean(axis=0) - centres.mean(axis=0)).max() < 0.1
  first, second, third = (mesh.vertices[mesh.faces[:, i]] for i in range(3))
  # The volume within, by the divergence theorem, is positive.
  assert np.sum(np.cross(first, second) * third) / 6 > 1e-5


def test_a_grasp_that_presses_too_hard_is_a_sentence(monkeypatch, studio):
  world = things.world(0, 5)
  monkeypatch.setattr(
    type(world), 'grasp', lambda self, wrist: type('Touch', (), {'rejected': True})
  )
  with pytest.raises(UserError, match='presses harder than 150 N'):
    studio.belief(studio.first().give(Given(GRASP, Angles(1, 1))))
