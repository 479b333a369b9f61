"""The cache of what JAX compiled, in which a damaged entry is found before it is loaded.

JAX loads what is in its cache as it is, and a flipped bit there ends the process. Here every entry
has its checksum in its name. A process works in a folder of its own: it gets the entries that are
whole, and gives what it compiles to the others once it is complete.

The code is of a processor: what one with other features compiled is in another folder.
"""

import atexit
import contextlib
import hashlib
import importlib.metadata
import os
import pathlib
import platform
import shutil
import sys
import tempfile
import time

import jax

from mese_env.folders import home_folder

_VARIABLE = 'JAX_COMPILATION_CACHE_DIR'  # JAX reads it by itself
_CACHE = pathlib.PurePath('.cache', 'gmn_jax')
_SUFFIX = '-cache'  # of JAX's entries
_DIGITS = 32  # of a checksum
_MOST_BYTES, _MOST_ENTRIES = 2**30, 4_000  # in all, which every start reads
_IN_USE = 'process-'
_ABANDONED = 7 * 24 * 3600  # seconds after which a process is taken for gone
_COMPILED = '/jax/core/compile/backend_compile_duration'
_CPU_INFO = pathlib.Path('/proc/cpuinfo')


def keep_compiled() -> None:
  """Has JAX keep what it compiles in ~/.cache/gmn_jax, unless JAX_COMPILATION_CACHE_DIR names a
  folder of the user's own. Where nothing can be kept, that is said, and all is compiled.
  """
  if _VARIABLE in os.environ:
    return
  home = home_folder()
  if home is None:
    _say('there is no home folder to keep it in; set HOME')
    return
  folder = home / _CACHE / f'xla-{processor()}'
  try:
    Store(folder).use()
  except OSError as error:
    _say(f'{folder} cannot be written ({error.strerror})')


def processor() -> str:
  """A word for all that decides whether compiled code runs here."""
  features = [platform.machine(), platform.processor(), sys.platform, _release()]
  with contextlib.suppress(OSError):
    # Those of x86 and of ARM; each core has the same.
    lines = _CPU_INFO.read_text().splitlines()
    named = [line.partition(':')[2] for line in lines if line.startswith(('flags', 'Features'))]
    features += sorted(' '.join(named[:1]).split())
  return hashlib.sha256(' '.join(features).encode()).hexdigest()[:12]


def _release() -> str:
  return importlib.metadata.version('jaxlib')


class Store:
  """Entries of the cache, `<key>.<checksum>`, of which all processes know that they are whole.

  Args:
    folder: of the entries; may be shared by processes and machines.
  """

  def __init__(self, folder: pathlib.Path):
    self._folder = folder
    self._given: set[str] = set()  # names of entries that are here already

  def use(self) -> pathlib.Path:
    """Has JAX work with the entries from now on, until this process ends; returns its own folder.

    Raises:
      OSError: the folder cannot be written.
    """
    own = self.open()
    jax.config.update('jax_compilation_cache_dir', str(own))
    # XLA's own caches for GPUs would be in there, and their paths part of each entry's key.
    jax.config.update('jax_persistent_cache_enable_xla_caches', 'none')
    # Of a start of seconds, half went into programs of less than a second each.
    jax.config.update('jax_persistent_cache_min_compile_time_secs', 0)

    def give(event: str, duration: float, **described: object) -> None:
      if event == _COMPILED:
        self.give(own)

    jax.monitoring.register_event_duration_secs_listener(give)
    atexit.register(shutil.rmtree, own, ignore_errors=True)
    return own

  def open(self) -> pathlib.Path:
    """A folder for this process, with all entries that are whole; what is not is removed.

    Raises:
      OSError: the folder cannot be written.
    """
    self._folder.mkdir(parents=True, exist_ok=True)
    self._sweep()
    own = pathlib.Path(tempfile.mkdtemp(dir=self._folder, prefix=_IN_USE))
    damaged = 0
    for entry in self._entries():
      # Another process may remove it meanwhile.
      with contextlib.suppress(OSError):
        content = entry.read_bytes()
        key, _, checksum = entry.name.rpartition('.')
        if checksum != _checksum(content):
          damaged += 1
          entry.unlink()
          continue
        target = own / f'{key}{_SUFFIX}'
        try:
          os.link(entry, target)
        except OSError:  # Not all disks have links.
          _appear(target, content)
        self._given.add(target.name)
    if damaged:
      print(
        f'{damaged} damaged entries of {self._folder} are removed, and compiled again.',
        file=sys.stderr,
      )
    return own

  def give(self, own: pathlib.Path) -> None:
    """Enters what this process compiled, which is complete, into the store."""
    for name in {*os.listdir(own)} - self._given:
      if not name.endswith(_SUFFIX):
        continue
      key = name.removesuffix(_SUFFIX)
      # What cannot be kept is compiled again.
      with contextlib.suppress(OSError):
        content = (own / name).read_bytes()
        # Where the disk was full and JAX wrote a part, there is no room for another copy either.
        if content:
          # Another process may have compiled it meanwhile, to other bytes.
          if not any(entry.name.startswith(f'{key}.') for entry in self._entries()):
            _appear(self._folder / f'{key}.{_checksum(content)}', content)
          self._given.add(name)

  def _entries(self) -> list[pathlib.Path]:
    with contextlib.suppress(OSError):
      return [path for path in self._folder.iterdir() if len(path.suffix) == 1 + _DIGITS]
    return []

  def _sweep(self) -> None:
    """Removes what processes left behind that were killed, and the oldest of too many entries."""
    with contextlib.suppress(OSError):
      for folder in self._folder.glob(f'{_IN_USE}*'):
        if time.time() - folder.stat().st_mtime > _ABANDONED:
          shutil.rmtree(folder, ignore_errors=True)
      room = _MOST_BYTES
      newest = sorted(self._entries(), key=lambda path: -path.stat().st_mtime)
      for place, entry in enumerate(newest):
        room -= entry.stat().st_size
        if room < 0 or place >= _MOST_ENTRIES:
          entry.unlink()


def _checksum(content: bytes) -> str:
  return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _appear(path: pathlib.Path, content: bytes) -> None:
  """Makes a file appear whole, or not at all."""
  unfinished = path.with_name(f'.{os.getpid()}.{path.name}')
  try:
    unfinished.write_bytes(content)
    os.replace(unfinished, path)
  finally:
    unfinished.unlink(missing_ok=True)


def _say(reason: str) -> None:
  print(f'what is compiled is not kept: {reason}, or {_VARIABLE}.', file=sys.stderr)
