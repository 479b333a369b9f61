"""Makes one site of pages that lie where their subject lies, and leads their links to its pages.

A page of `docs/` that only says "This page is [title](path)." shows the page at that path, which
may be anywhere in the repository. Links are written as GitHub follows them, from file to file: one
to a page that is shown leads to where it is shown, one to another file offers it, and one to a
folder is text alone. A picture of another site is its caption, so that a page asks for nothing.
"""

import os
import pathlib
import re
import shutil
import urllib.parse

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx

_ROOT = pathlib.Path(__file__).resolve().parents[2]
_DOCS = _ROOT / 'docs'
_NOTEBOOKS = _ROOT / 'notebooks'
_SHOWN_HERE = re.compile(r'This page is \[[^\]]*\]\(([^)\s]+)\)\.\s*')
_ELSEWHERE = re.compile(r'!\[([^\]]*)\]\(https?://[^)]*\)')
_LINK = re.compile(r'(\]\(<?)([^()\s>]+)')
_BLOCK = re.compile(r'(^ *```.*?^ *```)', re.DOTALL | re.MULTILINE)


def shown() -> dict[pathlib.Path, str]:
  """By the path of a page that lies outside of `docs/`, the page there that shows it."""
  found = {_ROOT / 'README.md': 'index.md'}
  for page in _DOCS.rglob('*.md'):
    if match := _SHOWN_HERE.fullmatch(page.read_text()):
      found[(page.parent / match[1]).resolve()] = page.relative_to(_DOCS).as_posix()
  for notebook in _NOTEBOOKS.glob('*.ipynb'):
    found[notebook] = f'notebooks/{notebook.name}'
  return found


def redirected(text: str, page: pathlib.Path, place: pathlib.Path) -> str:
  """The text of a page with its links as the site has them.

  Args:
    text: Markdown.
    page: where it lies, from which its links lead.
    place: the page of `docs/` that shows it.
  """
  elsewhere = shown()

  def lead(match: re.Match[str]) -> str:
    address = urllib.parse.urlsplit(match[2])
    if address.scheme or address.netloc or not address.path:
      return match[0]
    target = (page.parent / urllib.parse.unquote(address.path)).resolve()
    if target in elsewhere:
      path = f'/{elsewhere[target]}'
    elif target.is_relative_to(_DOCS) and target.suffix == '.md':
      path = f'/{target.relative_to(_DOCS).as_posix()}'
    else:
      return match[1] + os.path.relpath(target, place.parent)
    return f'{match[1]}{path}' + (f'#{address.fragment}' if address.fragment else '')

  parts = _BLOCK.split(_ELSEWHERE.sub(r'\1', text))
  return ''.join(part if i % 2 else _LINK.sub(lead, part) for i, part in enumerate(parts))


def _read(app: Sphinx, docname: str, source: list[str]) -> None:
  place = pathlib.Path(app.env.doc2path(docname))
  page = place
  if match := _SHOWN_HERE.fullmatch(source[0]):
    page = (place.parent / match[1]).resolve()
    app.env.note_dependency(str(page))
    source[0] = page.read_text()
  elif place.parent == _DOCS / 'notebooks':
    page = _NOTEBOOKS / place.name
  source[0] = redirected(source[0], page, place)


def _drop_links_to_folders(app: Sphinx, doctree: nodes.document) -> None:
  """Leaves the text of links to folders, which no page shows."""
  here = pathlib.Path(app.env.doc2path(app.env.docname)).parent
  for node in list(doctree.findall(addnodes.pending_xref)):
    target = (here / urllib.parse.unquote(node['reftarget'])).resolve()
    if node['reftype'] == 'myst' and target.is_dir() and target.is_relative_to(_ROOT):
      node.replace_self(node.children)


def _copy_notebooks(app: Sphinx) -> None:
  """Sphinx reads what lies below its folder alone."""
  del app
  folder = _DOCS / 'notebooks'
  shutil.rmtree(folder, ignore_errors=True)
  folder.mkdir()
  for notebook in _NOTEBOOKS.glob('*.ipynb'):
    shutil.copy2(notebook, folder)


def setup(app: Sphinx) -> dict[str, bool]:
  """Enters all of it."""
  app.connect('builder-inited', _copy_notebooks)
  app.connect('source-read', _read)
  app.connect('doctree-read', _drop_links_to_folders)
  return {'parallel_read_safe': True, 'parallel_write_safe': True}
