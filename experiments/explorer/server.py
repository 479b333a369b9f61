"""The server: a port, a page a browser, and an end that leaves nothing behind."""

import concurrent.futures
import contextlib
import io
import socket
import threading
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from mese_env.errors import UserError, first_line

# They load JAX, and the page is to be there before.
if TYPE_CHECKING:
  from experiments.explorer.session import Session
  from experiments.explorer.studio import Studio

VIEWED_FROM = (0.4, -0.72, 0.4)  # metres
FIELD = 0.9  # radians, of the first view


def import_viser() -> ModuleType:
  """The library of the page.

  Raises:
    UserError: it is not installed.
  """
  try:
    import viser
  except ImportError as error:
    raise UserError(
      f"the page needs viser ({error}); install it with pip install 'gmn-jax[explore]', or use "
      '--record, which needs no page.'
    ) from error
  return viser


def require_free(host: str, port: int) -> None:
  """Refuses a port that another program listens at: viser would take the next one unasked.

  Raises:
    UserError: the port is taken or not allowed, or the host is no address of this machine.
  """
  family = socket.AF_INET6 if ':' in host else socket.AF_INET
  with socket.socket(family) as trial:
    trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
      trial.bind((host, port))
    except (OSError, OverflowError) as error:
      another = port + 1 if 1024 <= port < 65535 else 8080
      raise UserError(
        f'port {port} of {host} cannot be used ({first_line(error)}); give another one, as in '
        f'--port={another}.'
      ) from error


@contextlib.contextmanager
def serve(host: str, port: int, models: list[str]) -> Iterator['Callable[[Studio], None]']:
  """Serves pages while the context lasts; they wait until they are given the studio.

  Args:
    host: address to listen at.
    port: free.
    models: the names of those that a visitor may choose.

  Yields:
    What is to be called with the studio once it is ready.
  """
  viser = import_viser()
  ready: concurrent.futures.Future[Studio | None] = concurrent.futures.Future()
  sessions: dict[int, Session] = {}
  # What is drawn for a visitor who has just left is lost, as it should be.
  warnings.filterwarnings('ignore', 'Queued a .* on a closed connection')
  # It says by itself, to the terminal, where it listens and when it stops.
  with contextlib.redirect_stdout(io.StringIO()):
    server = viser.ViserServer(host=host, port=port, verbose=False)
  server.gui.configure_theme(
    dark_mode=True, control_width='large', show_logo=False, show_share_button=False
  )
  server.initial_camera.position, server.initial_camera.look_at = VIEWED_FROM, (0, 0, 0)
  server.initial_camera.fov = FIELD

  def visit(client: Any) -> None:
    waits = client.add_notification('gmn explore', 'The model is being loaded.', loading=True)
    studio = ready.result()
    if studio is None:
      return
    from experiments.explorer.browser import BrowserPage
    from experiments.explorer.session import Session

    page = BrowserPage(client, models)
    session = Session(studio, page, studio.first())
    sessions[client.client_id] = session
    page.ask(session, studio)
    waits.remove()
    if client.client_id not in server.get_clients():
      leave(client)

  def leave(client: Any) -> None:
    if session := sessions.pop(client.client_id, None):
      session.close()

  server.on_client_connect(visit)
  server.on_client_disconnect(leave)
  try:
    yield ready.set_result
  finally:
    # Threads that wait for the studio would keep the process from ending.
    if not ready.done():
      ready.set_result(None)
    for session in list(sessions.values()):
      session.close()
    with contextlib.redirect_stdout(io.StringIO()):
      server.stop()


def wait() -> None:
  """Waits until a signal ends the command."""
  threading.Event().wait()
