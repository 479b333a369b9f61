"""The files of a checkpoint as they were written: their SHA-256, in a file that `sha256sum --check`
reads too.

It is written into a checkpoint before that appears under its name, and compared before anything
else opens the files: to read damaged ones can end the interpreter.
"""

import hashlib
import pathlib
from collections.abc import Collection

FILE_NAME = 'SHA256SUMS'
_OWN = b'# '  # Begins the last line, a comment to `sha256sum`: the hash of those before it.


def write_manifest(folder: pathlib.Path) -> None:
  """Writes down the files in the folders of `folder`.

  Raises:
    OSError: a file cannot be read, or the manifest not be written.
  """
  files = sorted(path for path in folder.glob('*/**/*') if path.is_file())
  lines = [f'{_sha256(path)}  {path.relative_to(folder).as_posix()}\n' for path in files]
  body = ''.join(lines).encode()
  (folder / FILE_NAME).write_bytes(body + _OWN + hashlib.sha256(body).hexdigest().encode() + b'\n')


def has_manifest(folder: pathlib.Path) -> bool:
  """Whether the files of a checkpoint were written down."""
  return (folder / FILE_NAME).exists()


def changed_file(folder: pathlib.Path, items: Collection[str]) -> pathlib.Path | None:
  """A file of some items of a checkpoint that is not as it was written, or is not there.

  None where all are, or where nothing was written down.

  Raises:
    OSError: a file is there, but cannot be read.
  """
  if not has_manifest(folder):
    return None
  body, _, own = (folder / FILE_NAME).read_bytes().rpartition(_OWN)
  if own != hashlib.sha256(body).hexdigest().encode() + b'\n':
    return folder / FILE_NAME
  for line in body.decode().splitlines():
    expected, name = line.split('  ', 1)
    path = folder / name
    if name.split('/')[0] in items and (not path.is_file() or _sha256(path) != expected):
      return path
  return None


def _sha256(path: pathlib.Path) -> str:
  with path.open('rb') as file:
    return hashlib.file_digest(file, 'sha256').hexdigest()
