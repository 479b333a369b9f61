"""A window that shows one frame after another, with what Python itself brings."""

from typing import Any

import numpy as np
from PIL import Image

from mese_env.errors import UserError

_REMEDY = (
  "install Python's tkinter (the Debian package python3-tk) and set DISPLAY, or use "
  "render_mode='rgb_array'."
)


class Window:
  """A window with a picture in it.

  Args:
    title: of the window.

  Raises:
    UserError: it cannot be opened.
  """

  def __init__(self, title: str):
    try:
      import tkinter
    except ImportError as error:
      raise UserError(f'no window can be opened ({error}); {_REMEDY}') from error
    try:
      self._root: Any = tkinter.Tk()
    except tkinter.TclError as error:
      raise UserError(f'no window can be opened ({error}); {_REMEDY}') from error
    self._root.title(title)
    self._label: Any = tkinter.Label(self._root)
    self._label.pack()
    self._shown: Any = None

  def show(self, frame: np.ndarray) -> None:
    """Shows a frame, uint8 (rows, columns, 3), until the next one."""
    from PIL import ImageTk

    # Tk forgets a picture that nothing else refers to.
    self._shown = ImageTk.PhotoImage(Image.fromarray(frame), master=self._root)
    self._label.configure(image=self._shown)
    self._root.update()

  def close(self) -> None:
    """Closes the window."""
    self._root.destroy()
