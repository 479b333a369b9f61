"""Whoever follows a link of a page arrives, and docs/results keeps what a page links, no more."""

import json
import pathlib
import re
import shutil
import subprocess
import urllib.parse

import pytest

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_LINK = re.compile(r'\]\(<?([^()\s>]+)')
_CODE = re.compile(r'^ *```.*?^ *```|`[^`\n]*`', re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r'^#+ +(.*?)#* *$', re.MULTILINE)

pytestmark = pytest.mark.skipif(
  shutil.which('git') is None or not (_ROOT / '.git').exists(), reason='git knows what is kept'
)


def _kept(*patterns):
  command = ['git', 'ls-files', '-z', '--', *patterns]
  listed = subprocess.run(command, cwd=_ROOT, check=True, capture_output=True, text=True)
  return [path for name in listed.stdout.split('\0') if name and (path := _ROOT / name).exists()]


def _text(page):
  """Of a notebook, that of its Markdown cells."""
  if page.suffix != '.ipynb':
    return page.read_text()
  cells = json.loads(page.read_text())['cells']
  return '\n\n'.join(''.join(cell['source']) for cell in cells if cell['cell_type'] == 'markdown')


def _links(page):
  """Of those into the repository: what is linked, and the heading in it, or ''."""
  for link in _LINK.findall(_CODE.sub('', _text(page))):
    address = urllib.parse.urlsplit(link)
    if not address.scheme and not address.netloc:
      path = urllib.parse.unquote(address.path)
      yield (page.parent / path).resolve() if path else page, address.fragment


def _anchors(page):
  """As GitHub makes them of headings."""
  headings = _HEADING.findall(re.sub(r'^ *```.*?^ *```', '', _text(page), flags=re.S | re.M))
  return {re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-') for heading in headings}


@pytest.fixture(scope='module')
def pages():
  found = _kept('*.md', '*.ipynb')
  assert _ROOT / 'README.md' in found
  return found


def test_every_link_leads_to_what_is_kept(pages):
  kept = set(_kept())
  folders = {folder for path in kept for folder in path.parents}
  broken = [
    f'{page.relative_to(_ROOT)}: {target}#{heading}'
    for page in pages
    for target, heading in _links(page)
    if target not in kept | folders or (heading and heading not in _anchors(target))
  ]
  assert not broken


def test_every_file_that_a_page_names_is_there(pages):
  named = re.compile(r'(?<![\w/.~$}])((?:[\w-]+/)+[\w-]+\.(?:py|md|sh|toml))(?![\w/])')
  ours = {path.name for path in _ROOT.iterdir() if path.is_dir()}
  missing = [
    f'{page.relative_to(_ROOT)}: {name}'
    for page in pages
    for name in named.findall(page.read_text())
    if name.split('/')[0] in ours and not (_ROOT / name).exists()
  ]
  assert not missing


def test_all_that_runs_left_and_git_keeps_is_linked(pages):
  linked = {target for page in pages for target, _ in _links(page)}
  of_runs = set(_kept('docs/results/*/*'))
  assert of_runs
  assert not of_runs - linked
