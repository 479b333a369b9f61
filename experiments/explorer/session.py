"""One visitor: changes of a state, one after another, and what the page shows of it.

Changes come faster than they can be drawn, as from a dragged eye: all that wait are made, and the
last state alone is drawn.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Protocol

from experiments.explorer.state import State
from experiments.explorer.studio import Answer, Glance, Studio
from experiments.explorer.ways import GRASP, LOOK
from mese_env.errors import UserError, first_line

Change = Callable[[State], State]

_REST = 0.25  # seconds without a change after which a page that has only a glance gets the rest
_PACE = 1.5  # seconds between the steps of auto-play
_PARTING = 1.0  # seconds that the end waits for a drawing
_PLAYED = 8  # looks and grasps after which auto-play ends


class Page(Protocol):
  """What shows a state; `browser.BrowserPage` does it in a browser."""

  def glance(self, state: State, glance: Glance) -> None:
    """Shows what is seen from the eye, and nothing else anew."""

  def show(self, state: State, answer: Answer) -> None:
    """Shows all of a state."""

  def say(self, sentence: str) -> None:
    """Shows a sentence."""

  def played(self) -> None:
    """Shows that auto-play has ended."""


class Session:
  """A visitor's state, which a thread of its own changes and draws until it is closed.

  Args:
    studio: that answers.
    page: that shows.
    state: the first one.
  """

  def __init__(self, studio: Studio, page: Page, state: State):
    self.state = state
    self._studio, self._page = studio, page
    self._changes: queue.Queue[Change | None] = queue.Queue()
    self._shown: State | None = None
    self._drawn: State | None = None  # the last one that was shown whole
    self._plays = False
    self._thread = threading.Thread(target=self._work, daemon=True)
    self._thread.start()

  def do(self, change: Change) -> None:
    """Has the state changed and drawn soon; a `UserError` of the change is said on the page."""
    self._changes.put(change)

  def play(self, plays: bool) -> None:
    """Begins or ends auto-play, which gives in turn the best next look and the best next grasp."""
    self._plays = plays
    self._changes.put(lambda state: state)

  def close(self) -> None:
    """Ends the thread, which may still draw what it is at."""
    self._changes.put(None)
    self._thread.join(timeout=_PARTING)

  def _work(self) -> None:
    self._draw()
    while True:
      changes = self._wait()
      if None in changes:
        return
      for change in changes:
        self._change(change)
      self._draw(whole=not changes)

  def _wait(self) -> list[Change | None]:
    """All changes that wait; none where it is time to draw the rest of the page."""
    stale = self._drawn != self.state
    timeout = _REST if stale else _PACE if self._plays else None
    try:
      changes = [self._changes.get(timeout=timeout)]
    except queue.Empty:
      return [] if stale else [self._step]
    while not self._changes.empty():
      changes.append(self._changes.get())
    return changes

  def _change(self, change: Change | None) -> None:
    assert change is not None
    former = self.state
    try:
      self.state = change(former)
      # What cannot be sensed is refused before it is part of the state.
      self._studio.belief(self.state)
    except Exception as error:
      self.state = former
      self._explain(error)

  def _draw(self, whole: bool = False) -> None:
    if self.state == self._drawn == self._shown:
      return
    self._shown = self.state
    try:
      only_eye = self._drawn is not None and self.state.replace(eye=self._drawn.eye) == self._drawn
      if only_eye and not whole:
        self._page.glance(self.state, self._studio.glance(self.state))
        return
      self._page.show(self.state, self._studio.answer(self.state))
    except Exception as error:
      self._explain(error)
    self._drawn = self.state

  def _step(self, state: State) -> State:
    """A step of auto-play."""
    if len(state.given) >= _PLAYED:
      self._plays = False
      self._page.played()
      return state
    looks = sum(one.way == LOOK for one in state.given)
    blind = state.blindfold or 2 * looks > len(state.given)
    given = self._studio.best(state, GRASP if blind else LOOK)
    return state.give(given)

  def _explain(self, error: Exception) -> None:
    """Says what went wrong; what no visitor can put right is logged besides."""
    if isinstance(error, UserError):
      self._page.say(str(error))
      return
    logging.getLogger(__name__).error('a page could not be drawn', exc_info=error)
    self._page.say(f'the explorer failed ({first_line(error)}); its terminal says where.')
