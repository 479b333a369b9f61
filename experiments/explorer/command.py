"""`gmn explore`: serves the page, or writes the film."""

import argparse
import pathlib
from typing import TYPE_CHECKING

from experiments.explorer import server
from experiments.explorer.address import decode, encode
from experiments.explorer.state import State
from mese_env.errors import UserError
from mese_env.folders import require_writable

# It loads JAX, and the page is to be there before.
if TYPE_CHECKING:
  from experiments.explorer.studio import Studio


def carry_out(options: argparse.Namespace) -> None:
  """Serves until a signal comes; or writes one file.

  Args:
    options: of the command line.

  Raises:
    UserError: there is no such model or it is damaged, the address is not understood, the port is
      taken, viser is missing, or the file cannot be written.
  """
  names = options.models or [options.default]
  if options.record is not None:
    _record(options.record, decode(options.at, names), names)
    return
  state = decode(options.at, names)
  server.require_free(options.host, options.port)
  shown = f'[{options.host}]' if ':' in options.host else options.host
  with server.serve(options.host, options.port, names) as ready:
    page = f'http://{shown}:{options.port}/' + (f'?{encode(state)}' if options.at else '')
    print(f'{page} shows the page; Ctrl-C ends it.', flush=True)
    studio = _open(names)
    # What a visitor is about to ask for is compiled before the first one comes.
    studio.warm_up()
    ready(studio)
    print('ready.', flush=True)
    server.wait()


def _record(path: pathlib.Path, state: State, names: list[str]) -> None:
  if not path.parent.is_dir():
    raise UserError(f'--record is {path}, but there is no folder {path.parent}; make it first.')
  require_writable(path.parent, 'name a file in a folder that can be written.')
  studio = _open(names)
  # JAX and the simulator are slow to load.
  from experiments.explorer.record import record

  frames = record(studio, state, path)
  print(f'{path} has {frames} frames, {path.stat().st_size / 1e6:.1f} MB.')


def _open(names: list[str]) -> 'Studio':
  import gmn_jax
  from experiments.compiled import keep_compiled
  from experiments.explorer.studio import Studio

  keep_compiled()
  return Studio({name: gmn_jax.load(name) for name in names})
