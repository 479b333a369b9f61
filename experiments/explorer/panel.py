"""The panel beside the object: what a visitor chooses, and what is told of the belief."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from experiments.explorer import pictures, touch_bars, words
from experiments.explorer.code_lines import code_lines
from experiments.explorer.state import CUBES, OBJECTS, SAMPLES, SEEDS, State
from experiments.explorer.studio import Answer, Glance

_BLANK = np.full((40, 470, 3), pictures.BACKGROUND, np.uint8)


class Panel:
  """What a browser shows beside the object.

  Args:
    gui: viser's, of the browser.
    models: their names.
  """

  def __init__(self, gui: Any, models: Sequence[str]):
    self._pair = gui.add_image(_BLANK)
    self._summary = gui.add_html('')
    self.give = gui.add_button_group('give', ('look here', 'grasp here', 'random look'))
    self.best = gui.add_button_group('best next', ('look', 'grasp'))
    self.undo = gui.add_button('undo')
    self.play = gui.add_checkbox('auto-play', False, hint='gives the best looks and grasps in turn')
    self.blindfold = gui.add_checkbox('blindfold', False, hint='looks do not count')
    self.truth = gui.add_checkbox('true cubes', False, hint='instead of what is imagined')
    tabs = gui.add_tab_group()
    with tabs.add_tab('Belief'):
      self._strip = gui.add_image(_BLANK)
    with tabs.add_tab('Touch'):
      self._bars = gui.add_image(_BLANK)
      self._bars_words = gui.add_html('')
    with tabs.add_tab('Who knows what'):
      self._shares = gui.add_html('')
    with tabs.add_tab('Python'):
      self._code = gui.add_markdown('')
    with gui.add_folder('Object and model', expand_by_default=False):
      self.object = gui.add_number('object', 0, min=0, max=OBJECTS - 1, step=1)
      self.dice = gui.add_button('another object')
      self.cubes = gui.add_dropdown('cubes', tuple(map(str, CUBES)))
      self.model = gui.add_dropdown('model', tuple(models))
      self.samples = gui.add_dropdown('samples', tuple(map(str, SAMPLES)))
      self.seed = gui.add_number('seed', 0, min=0, max=SEEDS - 1, step=1)
    with gui.add_folder('Eye', expand_by_default=False):
      self.pitch = gui.add_slider('pitch, degrees', -90, 90, 1, 0)
      self.yaw = gui.add_slider('yaw, degrees', 0, 359, 1, 0)

  def choose(self, state: State) -> None:
    """Sets what can be chosen to what a state has."""
    chosen = (
      (self.blindfold, state.blindfold),
      (self.truth, state.truth),
      (self.pitch, state.eye.pitch),
      (self.yaw, state.eye.yaw),
      (self.object, state.object),
      (self.cubes, str(state.cubes)),
      (self.model, state.model),
      (self.samples, str(state.samples)),
      (self.seed, state.seed),
    )
    for handle, value in chosen:
      if handle.value != value:
        handle.value = value

  def glance(self, glance: Glance) -> None:
    """What is seen from the eye."""
    self._pair.image = pictures.side_by_side(glance)

  def show(self, state: State, answer: Answer) -> None:
    """All that is told of a belief."""
    self.glance(answer.glance)
    self._summary.content = words.summary(state, answer)
    self._strip.image = pictures.strip(answer.around)
    self._shares.content = words.shares(answer)
    self._code.content = f'```python\n{code_lines(state)}```'
    if answer.touched is None:
      self._bars_words.content = words.boxed('This model does not touch.')
      return
    self._bars.image = touch_bars.draw(answer.touched)
    self._bars_words.content = words.boxed(touch_bars.caption(answer.touched))
