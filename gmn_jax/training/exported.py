"""A trained model in a folder of its own, as the hub of Hugging Face holds models.

`model.safetensors` has the parameters, `metrics.json` what was measured, `config.json` all else:
config, ranges and data of the run, and size and SHA-256 of the two and of itself. They are compared
before anything is made of what was read. `README.md`, the card, is for people, who may change it.
Nothing here needs orbax, which alone takes longer to load than a small model.

Parameters may be stored as float16, in half the space. Each is then rounded by at most 5e-4 of
itself, or by 3e-8 if it is below 6e-5. What reads them makes them float32 again.
"""

import hashlib
import json
import pathlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
import safetensors
import safetensors.numpy

from gmn_jax.config import make_model
from gmn_jax.model import parameter_shapes
from gmn_jax.training import checksum
from gmn_jax.training.card import LICENSE, write_card
from gmn_jax.training.description import describe, read_config, read_ranges, written_by
from gmn_jax.training.run import Run
from mese_env.errors import UserError, first_line

CONFIG, WEIGHTS, METRICS, CARD = 'config.json', 'model.safetensors', 'metrics.json', 'README.md'
FILES = (CARD, WEIGHTS, METRICS, CONFIG)
# By the number of a format, how it stores parameters; what older versions cannot read gets another
# number, which they refuse.
_FORMATS = {1: np.dtype(np.float32), 2: np.dtype(np.float16)}
_OWN = 'sha256'  # of config.json without it
_AGAIN = 'export the model, or fetch it, again.'


class Exported(NamedTuple):
  """What the folder of a model holds.

  Attributes:
    run: the model.
    metrics: what was measured of it, as JSON.
  """

  run: Run
  metrics: Mapping[str, Any]


def is_exported(folder: pathlib.Path) -> bool:
  """Whether a folder holds an exported model, whole or damaged, and no run."""
  held = any((folder / name).is_file() for name in (CONFIG, WEIGHTS))
  return held and not (folder / 'checkpoints').exists()


def save_model(
  run: Run,
  folder: str | pathlib.Path,
  metrics: Mapping[str, Any] | None = None,
  name: str = '',
  license: str = LICENSE,
  float16: bool = False,
) -> None:
  """Writes a model, and nothing that training needs, to a new folder.

  Args:
    run: the model.
    folder: not there yet, or empty; `read_model` and `load_run` read the same model from it, but
      for what `float16` rounds.
    metrics: what was measured of it, as JSON.
    name: under which `gmn_jax.load` will find it, for the card; the folder's if not given.
    license: of the model, as the hub abbreviates it.
    float16: stores the parameters in half the space, each rounded by at most 5e-4 of itself.

  Raises:
    UserError: the folder is taken, or cannot be written; or float16 cannot hold a parameter.
  """
  folder = pathlib.Path(folder)
  metrics = dict(metrics or {})
  contents = {
    WEIGHTS: safetensors.numpy.save(_stored(run.params, float16), {'format': 'np'}),
    METRICS: _as_json(metrics),
  }
  description = {
    'format': 2 if float16 else 1,
    'step': run.step,
    **describe(run.config, run.ranges, run.identity),
    'files': {name: _fingerprint(content) for name, content in contents.items()},
  }
  card = write_card(run, metrics, name or folder.absolute().name, license, float16)
  contents[CARD] = card.encode()
  # The last one: without it the folder is known to be incomplete.
  contents[CONFIG] = _as_json({**description, _OWN: checksum.of_json(description)})
  _write(folder, contents)


def read_model(folder: str | pathlib.Path) -> Exported:
  """What `save_model` wrote, the parameters as float32 on the default device.

  Raises:
    UserError: a file is damaged, missing, or cannot be read; or a newer version wrote it.
  """
  folder = pathlib.Path(folder)
  stored = _described(folder)
  content = {name: _checked(folder, name, stored) for name in (WEIGHTS, METRICS)}
  config = read_config(stored, folder)
  model = make_model(config)
  dtype = _FORMATS[stored['format']]
  params = _parameters(folder, content[WEIGHTS], dtype, parameter_shapes(model))
  run = Run(config, model, params, read_ranges(stored), stored['step'], stored['identity'])
  return Exported(run, json.loads(content[METRICS]))


def _described(folder: pathlib.Path) -> dict[str, Any]:
  text = _read(folder, CONFIG)
  try:
    stored = json.loads(text)
    whole = stored.pop(_OWN) == checksum.of_json(stored)
  except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
    raise _damaged(folder, f'{CONFIG} is not what was written') from error
  if not whole:
    raise _damaged(folder, f'{CONFIG} is not what was written')
  if stored['format'] not in _FORMATS:
    raise UserError(
      f'the model in {folder} is of format {stored["format"]}, written by {written_by(stored)}; '
      f'this version reads formats {" and ".join(map(str, _FORMATS))}: install that one.'
    )
  return stored


def _checked(folder: pathlib.Path, name: str, stored: Mapping[str, Any]) -> bytes:
  """A file's content, which is what `config.json` says that it is."""
  content, expected = _read(folder, name), stored['files'][name]
  if len(content) != expected['bytes']:
    raise _damaged(folder, f'{name} has {len(content):,} of {expected["bytes"]:,} bytes')
  if _fingerprint(content) != expected:
    raise _damaged(folder, f'{name} is not what was written')
  return content


def _stored(params: Any, float16: bool) -> dict[str, np.ndarray]:
  """The parameters by their names, as they are stored."""
  named = _named(jax.device_get(params))
  if not float16:
    return named
  # What is too large becomes infinite, and is refused by its name.
  with np.errstate(over='ignore'):
    halves = {name: leaf.astype(np.float16) for name, leaf in named.items()}
  for name, leaf in named.items():
    if (beyond := leaf[np.isinf(halves[name]) & np.isfinite(leaf)]).size:
      raise UserError(
        f"the parameter '{name}' contains {beyond[0]:.3g}, but float16 ends at "
        f'{np.finfo(np.float16).max:,.0f}; leave float16 out.'
      )
  return halves


def _parameters(folder: pathlib.Path, content: bytes, dtype: np.dtype, like: Any) -> Any:
  """The tree of parameters, of the shapes that the model asks for, of which `dtype` is stored."""
  try:
    found = safetensors.numpy.load(content)
  except safetensors.SafetensorError as error:
    raise _damaged(folder, f'{WEIGHTS}: {first_line(error)}') from error
  if beyond := sorted(set(found) - set(_named(like))):
    raise _damaged(
      folder, f"{WEIGHTS} has a parameter '{beyond[0]}' that {CONFIG} does not ask for"
    )
  for name, leaf in _named(like).items():
    if name not in found or (found[name].shape, found[name].dtype) != (leaf.shape, dtype):
      raise _damaged(folder, f"{WEIGHTS} has not the parameter '{name}' that {CONFIG} asks for")
  device = jax.devices()[0]
  return jax.tree_util.tree_map_with_path(
    lambda path, leaf: jax.device_put(found[_name(path)].astype(leaf.dtype), device), like
  )


def _named(tree: Any) -> dict[str, Any]:
  return {_name(path): leaf for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}


def _name(path: tuple[Any, ...]) -> str:
  return jax.tree_util.keystr(path, simple=True, separator='/')


def _as_json(record: Any) -> bytes:
  return (json.dumps(record, indent=1) + '\n').encode()


def _fingerprint(content: bytes) -> dict[str, Any]:
  return {'bytes': len(content), 'sha256': hashlib.sha256(content).hexdigest()}


def _write(folder: pathlib.Path, contents: Mapping[str, bytes]) -> None:
  """Writes all files of a new folder; leaves nothing of them behind where one fails."""
  written: list[pathlib.Path] = []
  made = False
  try:
    made = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()):
      raise FileExistsError
    for name, content in contents.items():
      with (folder / name).open('xb') as file:
        written.append(folder / name)
        file.write(content)
  except BaseException as error:
    for path in written:
      path.unlink(missing_ok=True)
    if made and folder.is_dir() and not any(folder.iterdir()):
      folder.rmdir()
    if isinstance(error, FileExistsError):
      raise UserError(f'{folder} is taken already; give a new or an empty folder.') from error
    if isinstance(error, OSError):
      raise UserError(
        f'cannot write to {folder} ({error.strerror}); give another folder.'
      ) from error
    raise


def _read(folder: pathlib.Path, name: str) -> bytes:
  try:
    return (folder / name).read_bytes()
  except (FileNotFoundError, NotADirectoryError) as error:
    raise _damaged(folder, f'it has no {name}') from error
  except OSError as error:
    raise UserError(
      f'{folder / name} cannot be read ({error.strerror}); see to that, or {_AGAIN}'
    ) from error


def _damaged(folder: pathlib.Path, reason: str) -> UserError:
  return UserError(f'the model in {folder} is damaged ({reason}); {_AGAIN}')
