"""One browser's page: its object, panel and address, and which change each of them asks for."""

import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import numpy as np

from experiments.explorer import hull
from experiments.explorer.address import decode, encode
from experiments.explorer.link import Link
from experiments.explorer.panel import Panel
from experiments.explorer.scene import Scene, eye_at
from experiments.explorer.session import Change, Session
from experiments.explorer.state import OBJECTS, State
from experiments.explorer.studio import Answer, Glance, Studio
from experiments.explorer.ways import GRASP, LOOK, Angles, Given, Way

_SAID_FOR = 8.0  # seconds that a sentence stays


class BrowserPage:
  """What a browser shows of a state; a `session.Page`.

  Args:
    client: viser's handle of the browser.
    models: their names.
  """

  def __init__(self, client: Any, models: Sequence[str]):
    self._client, self._models = client, tuple(models)
    self._link = Link(client)
    self._panel = Panel(client.gui, models)
    self._scene = Scene(client)

  def glance(self, state: State, glance: Glance) -> None:
    """As `session.Page`."""
    # The sliders may be what moves the eye: they must not be sent back to where they were.
    self._scene.move_eye(state.eye)
    self._panel.glance(glance)

  def show(self, state: State, answer: Answer) -> None:
    """As `session.Page`."""
    with self._client.atomic():
      self._panel.choose(state)
      self._scene.move_eye(state.eye)
      self._panel.show(state, answer)
      self._scene.draw_object(state, hull.carve(answer.around, answer.field))
      self._scene.draw_given(state, answer.hands)
    self._link.write(encode(state))

  def say(self, sentence: str) -> None:
    """As `session.Page`."""
    self._client.add_notification(
      'gmn explore', sentence, auto_close_seconds=_SAID_FOR, color='yellow'
    )

  def played(self) -> None:
    """As `session.Page`."""
    self._panel.play.value = False

  def ask(self, session: Session, studio: Studio) -> None:
    """Has everything on the page change the session's state.

    Args:
      session: of this page.
      studio: which finds the best next look and grasp.
    """
    panel, scene = self._panel, self._scene

    def best(way: Way) -> Change:
      return lambda state: _with(state, studio.best(state, way))

    given = {
      'look here': lambda state: state.give(Given(LOOK, state.eye)),
      'grasp here': lambda state: state.give(Given(GRASP, state.eye.towards(GRASP))),
      'random look': lambda state: _with(state, Given(LOOK, _anywhere())),
    }
    bests = {way.name: best(way) for way in (LOOK, GRASP)}
    panel.give.on_click(lambda _: session.do(given[panel.give.value]))
    panel.best.on_click(lambda _: session.do(bests[panel.best.value]))
    panel.undo.on_click(lambda _: session.do(State.undo))
    panel.dice.on_click(
      lambda _: session.do(lambda state: state.take(random.randrange(OBJECTS), state.cubes))
    )
    for handle, field, read in (
      (panel.blindfold, 'blindfold', bool),
      (panel.truth, 'truth', bool),
      (panel.model, 'model', str),
      (panel.samples, 'samples', int),
      (panel.seed, 'seed', int),
    ):
      _on_choice(handle, session, _setting(field, read))
    _on_choice(panel.object, session, lambda state, value: state.take(int(value), state.cubes))
    _on_choice(panel.cubes, session, lambda state, value: state.take(state.object, int(value)))
    _on_choice(
      panel.pitch, session, lambda state, value: state.replace(eye=Angles(value, state.eye.yaw))
    )
    _on_choice(
      panel.yaw, session, lambda state, value: state.replace(eye=Angles(state.eye.pitch, value))
    )
    panel.play.on_update(
      lambda event: session.play(panel.play.value) if event.client_id is not None else None
    )
    scene.ball.on_drag(_dragging(session))
    self._link.on_open(lambda text: session.do(lambda _: decode(text, self._models)))


def _dragging(session: Session) -> Callable[[Any], Coroutine]:
  """What has the eye follow the pointer, on its sphere."""

  # Viser keeps the order of what is asynchronous alone.
  async def dragged(event: Any) -> None:
    angles = eye_at(np.array(event.end_position))
    if angles is not None:
      session.do(lambda state: state.replace(eye=angles))

  return dragged


def _with(state: State, given: Given) -> State:
  """Given it, and with the eye on the side that it comes from."""
  eye = given.angles
  return state.give(given).replace(eye=Angles(eye.pitch, (eye.yaw - given.way.turn) % 360))


def _setting(field: str, read: Callable[[Any], Any]) -> Callable[[State, Any], State]:
  return lambda state, value: state.replace(**{field: read(value)})


def _anywhere() -> Angles:
  return Angles(random.randint(-80, 80), random.randrange(360))


def _on_choice(handle: Any, session: Session, change: Callable[[State, Any], State]) -> None:
  """Has a choice of the visitor, and not the page's own, change the state."""

  def chosen(event: Any) -> None:
    if event.client_id is not None:
      value = handle.value
      session.do(lambda state: change(state, value))

  handle.on_update(chosen)
