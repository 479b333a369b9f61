"""The pages of the repository, and the blocks of code in them."""

import pathlib
import re
from collections.abc import Iterator
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parents[1]
_FENCED = re.compile(
  r'(?:^<!-- (?P<mark>not run|in the test): (?P<about>[^\n]*?) -->\n+)?'
  r'^```(?P<kind>python|sh)\n(?P<code>.*?)^```',
  re.DOTALL | re.MULTILINE,
)
# Built, or copied from elsewhere, by `make docs`.
_MADE = (ROOT / 'docs' / 'build', ROOT / 'docs' / 'notebooks')


class Block(NamedTuple):
  """A fenced block of code.

  Attributes:
    kind: 'python' or 'sh'.
    code: what stands in it; of Python at the sizes of a test, where a comment of the page above the
      block says `<!-- in the test: LARGE -> SMALL -->`.
    left_out: why it cannot run here, as `<!-- not run: REASON -->` above it says; else ''.
  """

  kind: str
  code: str
  left_out: str


def pages() -> list[pathlib.Path]:
  """Those that hold code, in the order of their names."""
  found = [
    *ROOT.glob('*.md'),
    *(ROOT / 'docs').rglob('*.md'),
    *(ROOT / 'tfds_mese').glob('*.md'),
    *(ROOT / 'gmn_jax' / 'models').glob('*/*.md'),
    *(ROOT / 'experiments' / 'bench').glob('*.md'),
  ]
  kept = [page for page in found if not any(map(page.is_relative_to, _MADE))]
  return sorted(page for page in kept if any(blocks(page)))


def blocks(page: pathlib.Path) -> Iterator[Block]:
  """The blocks of a page, in its order."""
  for match in _FENCED.finditer(page.read_text()):
    code, about = match['code'], match['about']
    if match['mark'] == 'in the test':
      large, _, small = about.partition(' -> ')
      assert small and large in code, f'{page}: {large!r} is not in the block below it'
      code = code.replace(large, small)
    yield Block(match['kind'], code, about if match['mark'] == 'not run' else '')


def printed(code: str) -> list[str]:
  """What a block says that it prints: the lines of comment that it ends with."""
  said = re.search(r'(?:^# .*\n)*\Z', code, re.MULTILINE)
  return [line.removeprefix('# ') for line in said[0].splitlines()] if said else []


def commands(code: str) -> list[str]:
  """The command lines of a block of sh, without comments, each on one line."""
  lines = code.replace('\\\n', ' ').splitlines()
  return [line for line in lines if line.strip() and not line.lstrip().startswith('#')]
