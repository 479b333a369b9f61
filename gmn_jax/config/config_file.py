"""A config file, one's own or one of `experiments/configs`, and its fields as the command line
changes them.
"""

import inspect
import pathlib
import re
import sys
import types
from collections.abc import Sequence
from typing import Any, NamedTuple

from absl import flags
from ml_collections import ConfigDict, config_flags

from gmn_jax.config import Config
from mese_env.errors import UserError, did_you_mean

EXAMPLE = 'apoe'
# They come along with the package, as files that nothing here imports.
CONFIGS = pathlib.Path(__file__).resolve().parents[2] / 'experiments' / 'configs'
_PATTERN = CONFIGS / f'{EXAMPLE}.py'
_MODULE = 'config_file'  # the name under which the file is run
_FIELD = re.compile(r'--(?:no)?config\.([^=]+)')


class ConfigFile(NamedTuple):
  """What `--config=FILE[:PRESET]` names.

  Attributes:
    path: FILE.
    fields: what its `get_config` returns.
  """

  path: pathlib.Path
  fields: ConfigDict

  def checked(self, flat: dict[str, Any]) -> Config:
    """The config of the file's fields as they were changed.

    Raises:
      UserError: names the field; and the file, where the field is wrong there already.
    """
    try:
      return Config.from_flat(flat)
    except UserError:
      try:
        Config.from_flat(self.fields.to_dict())
      except UserError as error:
        raise UserError(f'{self.path}: {error}') from error
      raise


def changed(config: ConfigFile, changes: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
  """The fields of a config file as a command line changes them.

  Args:
    config: of the file.
    changes: arguments as `--config.FIELD=VALUE`.

  Returns:
    All fields, and those that are changed.

  Raises:
    UserError: a field is set that the file does not have, or to what it cannot be.
  """
  known = [name for name in config.fields]
  for argument in changes:
    if (field := _FIELD.match(argument)) and field[1] not in known:
      near = did_you_mean(field[1], known)
      raise UserError(f"config has no field '{field[1]}'; {near}")
  values, argv = flags.FlagValues(), ['', *changes]
  fields = config.fields
  flag = config_flags.DEFINE_config_dict('config', fields, flag_values=values, sys_argv=argv)
  try:
    values(argv)
  except flags.Error as error:
    reason = str(error).splitlines()[0].rstrip('.')
    raise UserError(f'{reason}; see --help and {_PATTERN}.') from error
  overrides = config_flags.get_override_values(values['config'])
  return {**flag.value.to_dict(), **overrides}, overrides


def names() -> list[str]:
  """Of the configs that come along."""
  return sorted(path.stem for path in CONFIGS.glob('*.py') if path.stem != '__init__')


def read(name: str) -> ConfigFile:
  """Runs the file of `--config=FILE[:PRESET]`, or the one that comes along of `--config=NAME`.

  Raises:
    UserError: there is no such file, it fails, or it returns no config; the message names the file.
  """
  text, colon, preset = name.partition(':')
  path = CONFIGS / f'{text}.py' if text in names() else pathlib.Path(text)
  if not text or not path.is_file():
    near = did_you_mean(text, names()) if text.isidentifier() else f'use --config={EXAMPLE}.'
    raise UserError(f"there is no config file '{text}'; {near}")
  get_config = getattr(_run(path), 'get_config', None)
  if not callable(get_config):
    raise UserError(f'{path} has no function get_config(); write one as in {_PATTERN}.')
  arguments = [preset] if colon else []
  try:
    inspect.signature(get_config).bind(*arguments)
  except TypeError as error:
    remedy = f"leave ':{preset}' out" if colon else f'name one, as in --config={path}:small'
    taken = 'takes no preset' if colon else 'wants a preset'
    raise UserError(f'get_config() of {path} {taken}; {remedy}.') from error
  try:
    fields = get_config(*arguments)
  except UserError:
    raise
  except (Exception, SystemExit) as error:  # It is the user's own program.
    raise UserError(_failed(path, error)) from error
  if not isinstance(fields, ConfigDict):
    returned = 'None' if fields is None else f'an object of type {type(fields).__name__}'
    raise UserError(
      f'get_config() of {path} returns {returned}; return ml_collections.ConfigDict(...), as in '
      f'{_PATTERN}.'
    )
  return ConfigFile(path, fields)


def _run(path: pathlib.Path) -> types.ModuleType:
  module = types.ModuleType(_MODULE)
  module.__file__ = str(path)
  # Where dataclasses look for the names in their fields' types.
  sys.modules[_MODULE] = module
  try:
    # Not by the import system, which takes what it compiled before for a file of the same size that
    # was changed within the second.
    exec(compile(path.read_bytes(), str(path), 'exec'), module.__dict__)
  except UserError:
    raise
  except (Exception, SystemExit) as error:
    raise UserError(_failed(path, error)) from error
  return module


def _failed(path: pathlib.Path, error: BaseException) -> str:
  """A sentence that says where in the file it went wrong."""
  lines, trace = [], error.__traceback__
  while trace is not None:
    if trace.tb_frame.f_code.co_filename == str(path):
      lines.append(trace.tb_lineno)
    trace = trace.tb_next
  line = error.lineno if isinstance(error, SyntaxError) else (lines or [None])[-1]
  where = f'line {line} of {path}' if line else str(path)
  said = (str(error).strip() or 'no reason given').splitlines()[0][:200]
  return f'{where} fails with {type(error).__name__} ({said}); mend it, or start from {_PATTERN}.'
