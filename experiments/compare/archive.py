"""The numbers of all runs of a folder, as one small file that is kept where the runs are not.

python -m experiments.compare.archive unpack FOLDER [--to=OTHER]
python -m experiments.compare.archive pack FOLDER

FOLDER holds folders of comparisons, and they folders of runs. FOLDER/runs.tar.xz has of both what
`compare.py` and the tables read: every .json, .jsonl and .txt file. `pack` keeps what the file had
already. The same numbers make the same bytes.
"""

import argparse
import contextlib
import io
import lzma
import os
import pathlib
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Sequence

from mese_env import folders
from mese_env.command import Command, Group
from mese_env.command_line import Parser
from mese_env.errors import UserError, explain_full_disk, explain_unwritable

NAME = 'runs.tar.xz'
_SUFFIXES = {'.json', '.jsonl', '.txt'}
_BEGUN = 'metrics.jsonl'  # in the folder of a run from its first steps on
_REMEDY = 'make room or give another folder.'


def pack(folder: pathlib.Path) -> list[str]:
  """Writes the archive of a folder.

  Args:
    folder: of comparisons.

  Returns:
    The names of the files in it, relative to the folder.

  Raises:
    UserError: there is nothing to pack, or no room for it.
  """
  files = sorted(
    path.relative_to(folder).as_posix()
    for depth in ('*/*', '*/*/*')
    for path in folder.glob(depth)
    if path.suffix in _SUFFIXES and path.is_file()
  )
  if not files:
    raise UserError(f'there are no runs in {folder}; give the folder of some comparisons.')
  archive = io.BytesIO()
  best = 9 | lzma.PRESET_EXTREME
  with tarfile.open(fileobj=archive, mode='w:xz', preset=best, format=tarfile.USTAR_FORMAT) as tar:
    for name in files:
      content = (folder / name).read_bytes()
      # Nobody's, and of no time.
      member = tarfile.TarInfo(name)
      member.size = len(content)
      tar.addfile(member, io.BytesIO(content))
  with _writing(folder) as unfinished:
    (unfinished / NAME).write_bytes(archive.getvalue())
    os.replace(unfinished / NAME, folder / NAME)
  return files


def unpack(archive: pathlib.Path, folder: pathlib.Path) -> tuple[list[str], list[str]]:
  """Adds to a folder what it lacks of an archive.

  No file is overwritten. A run that has been begun anew in the folder, whose metrics are not the
  archive's, gets nothing, lest it be taken for done.

  Args:
    archive: what `pack` wrote.
    folder: of comparisons; made if it is missing.

  Returns:
    The files that were added, and the runs that were left as they are.

  Raises:
    UserError: there is no such archive, or no room for what it holds.
  """
  if not archive.is_file():
    raise UserError(f'there is no {archive}; give a folder that has one, such as docs/results.')
  added, left = [], []
  with _writing(folder) as unfinished:
    try:
      with tarfile.open(archive, 'r:xz') as tar:
        _extract(tar, unfinished)
    except (tarfile.TarError, lzma.LZMAError, EOFError) as error:
      raise UserError(f'{archive} is damaged ({error}); get it again by git checkout.') from error
    for run in sorted({path.parent for path in unfinished.rglob('*') if path.is_file()}):
      name = run.relative_to(unfinished)
      if _differ(run / _BEGUN, folder / name / _BEGUN):
        left.append(name.as_posix())
        continue
      (folder / name).mkdir(parents=True, exist_ok=True)
      for file in sorted(path for path in run.iterdir() if path.is_file()):
        if not (folder / name / file.name).exists():
          os.replace(file, folder / name / file.name)
          added.append((name / file.name).as_posix())
  return added, left


def _extract(tar: tarfile.TarFile, folder: pathlib.Path) -> None:
  # `extractall` has its filters from 3.11.4 on, and Debian 12 comes with 3.11.2.
  for member in tar:
    path = folder / member.name
    content = tar.extractfile(member)
    if content is None or not path.resolve().is_relative_to(folder.resolve()):
      raise tarfile.ReadError(f'it holds {member.name}, which is no file of a run')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.read())


def _differ(one: pathlib.Path, other: pathlib.Path) -> bool:
  return one.exists() and other.exists() and one.read_bytes() != other.read_bytes()


@contextlib.contextmanager
def _writing(folder: pathlib.Path) -> Iterator[pathlib.Path]:
  """A folder on the same disk, from which what is complete is moved to its place."""
  with explain_full_disk(folder, _REMEDY), explain_unwritable(folder, _REMEDY):
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder, prefix='.unfinished-') as unfinished:
      yield pathlib.Path(unfinished)


def main(argv: list[str]) -> None:
  """Packs or unpacks as the command line `argv[1:]` says.

  Raises:
    UserError: there is nothing to do it with.
  """
  ARCHIVE.carry_out(argv[0], argv[1:])


def carry_out_pack(options: argparse.Namespace) -> None:
  """Packs what is in a folder and in its archive."""
  archive = options.folder / NAME
  if archive.exists():
    _unpack_into(archive, options.folder)
  files = pack(options.folder)
  print(f'{archive}: {len(files)} files, {archive.stat().st_size / 1e6:.1f} MB')


def carry_out_unpack(options: argparse.Namespace) -> None:
  """Unpacks the archive of a folder."""
  _unpack_into(options.folder / NAME, options.to or options.folder)


def _unpack_into(archive: pathlib.Path, folder: pathlib.Path) -> None:
  added, left = unpack(archive, folder)
  print(f'{archive}: {len(added)} files unpacked')
  for run in left:
    print(f'{folder / run} is left as it is: it was begun anew.')


def _parser(program: str, _: Sequence[str]) -> Parser:
  doc = (__doc__ or '').split('\n\n')
  parser = Parser(program, f'{doc[0]}\n\n{doc[2]}', 'docs/results', 'FOLDER [OPTIONS]')
  what = 'of comparisons, such as docs/results'
  parser.add_argument('folder', type=folders.argument('FOLDER'), metavar='FOLDER', help=what)
  return parser


def _unpack_parser(program: str, arguments: Sequence[str]) -> Parser:
  parser = _parser(program, arguments)
  parser.option('to', folders.argument('--to'), None, 'where to unpack, if not there')
  return parser


_HERE = 'experiments.compare.archive'
ARCHIVE = Group(
  'The numbers of all runs of a folder, as one small file.',
  {
    'pack': Command('Writes the archive of a folder.', _parser, f'{_HERE}:carry_out_pack'),
    'unpack': Command(
      'Adds to a folder what it lacks of its archive.', _unpack_parser, f'{_HERE}:carry_out_unpack'
    ),
  },
  'unpack docs/results',
)

if __name__ == '__main__':
  ARCHIVE.run(f'python -m {_HERE}', sys.argv[1:])
