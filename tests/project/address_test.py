"""The repository's address is that of pyproject.toml wherever it is published, or nowhere.

Where pyproject.toml names none, as `Repository` among its URLs, nothing that is published may: an
address that nobody can open, or a placeholder for one, is worse than none.
"""

import itertools
import json
import pathlib
import re
import tomllib

import pytest

_ROOT = pathlib.Path(__file__).parents[2]
_PUBLISHED = (
  'README.md', 'CHANGELOG.md', 'CITATION.cff', 'CONTRIBUTING.md', 'docs/**/*.md',
  'notebooks/*.ipynb', 'tfds_mese/README.md', 'tfds_mese/CITATIONS.bib', 'experiments/**/*.md',
  'gmn_jax/models/*/README.md', 'gmn_jax/training/card.py', 'docker/*', '.github/**/*.yml',
  '.devcontainer/*',
)  # fmt: skip
_PLACEHOLDER = re.compile(
  r'\b(?:OWNER|USERNAME|ORGANI[SZ]ATION|YOUR[-_]?\w+)/\w|<(?:owner|user|org|your[^>]*)>|TODO|FIXME'
  r'|example\.(?:com|org)|/(?:your|my)[-_](?:org|name|user)\w*/',
)
# Of a repository of this name, wherever it is hosted.
_OF_OURS = re.compile(r'(?:https://|git@)[\w./:-]*?/gmn[-_]jax(?![\w-])')


def _published():
  found = sorted(set(itertools.chain(*(_ROOT.glob(pattern) for pattern in _PUBLISHED))))
  return [path for path in found if path.is_file()]


def _text(path):
  """Of a notebook what is written and what is kept of its outputs, without its pictures."""
  if path.suffix != '.ipynb':
    return path.read_text()
  cells = json.loads(path.read_text())['cells']
  outputs = [output for cell in cells for output in cell.get('outputs', [])]
  shown = [output.get('text', output.get('data', {}).get('text/plain', [])) for output in outputs]
  return '\n'.join(''.join(part) for part in [*(cell['source'] for cell in cells), *shown])


def _wrong(text, address):
  """What a text has that is a placeholder, or an address of this project other than its own."""
  ours = [match[0] for match in _OF_OURS.finditer(text)]
  # Colab opens a notebook by an address that has the host in its path.
  own = () if address is None else (address, _on_colab(address))
  return [match[0] for match in _PLACEHOLDER.finditer(text)] + [o for o in ours if o not in own]


def _on_colab(address):
  host, _, path = address.removeprefix('https://').partition('/')
  return f'https://colab.research.google.com/{host.removesuffix(".com")}/{path}'


@pytest.fixture(scope='module')
def address():
  project = tomllib.loads((_ROOT / 'pyproject.toml').read_text())['project']
  return project['urls'].get('Repository')


def test_what_is_published_has_no_placeholder_and_no_other_address(address):
  paths = _published()
  assert {_ROOT / 'README.md', _ROOT / 'CITATION.cff'} < set(paths)
  wrong = {str(path.relative_to(_ROOT)): _wrong(_text(path), address) for path in paths}
  assert not {path: found for path, found in wrong.items() if found}


def _named(address):
  """By file and what stands before it there, each place that is to say the address, and how."""
  notebooks = sorted((_ROOT / 'notebooks').glob('*.ipynb'))
  places = {
    ('CITATION.cff', r'^repository-code: (.*)$'): address,
    ('docker/Dockerfile', r'^LABEL org\.opencontainers\.image\.source=(.*)$'): address,
  }
  for path in notebooks:
    opened = f'{_on_colab(address)}/blob/main/notebooks/{path.name}' if address else None
    # Of the badge, an image in a link.
    places[f'notebooks/{path.name}', r'\]\((https://colab\.\S*)\)'] = opened
  return places


def test_who_cites_runs_or_opens_it_elsewhere_gets_the_address(address):
  for (name, pattern), said in _named(address).items():
    found = re.findall(pattern, _text(_ROOT / name), re.MULTILINE)
    assert found == ([] if said is None else [said]), name
  source = '..' if address is None else f'git+{address}'
  for path in (_ROOT / 'notebooks').glob('*.ipynb'):
    assert f"\nSOURCE = '{source}'" in _text(path), path.name


def test_an_address_is_asked_of_every_place_that_others_open():
  named = _named('https://github.com/lab/gmn_jax')
  assert {name.partition('/')[0] for name, _ in named} == {'CITATION.cff', 'docker', 'notebooks'}
  opened = 'https://colab.research.google.com/github/lab/gmn_jax/blob/main/notebooks/00_play.ipynb'
  assert opened in named.values() and not _wrong(opened, 'https://github.com/lab/gmn_jax')


@pytest.mark.parametrize(
  ('text', 'address', 'found'),
  [
    ('git clone https://github.com/OWNER/gmn_jax', None, 2),
    ('https://github.com/someone/gmn_jax/issues', None, 1),
    ('https://github.com/someone/gmn_jax/issues', 'https://github.com/lab/gmn_jax', 1),
    ('git@gitlab.com:someone/gmn-jax', 'https://gitlab.com/lab/gmn-jax', 1),
    ('https://github.com/lab/gmn_jax/issues', 'https://github.com/lab/gmn_jax', 0),
    (
      'https://colab.research.google.com/github/lab/gmn_jax/blob/main/a.ipynb',
      'https://github.com/lab/gmn_jax',
      0,
    ),
    ('pip install git+https://github.com/<your-name>/thing', None, 1),
    ('https://github.com/google/orbax and org/name', None, 0),
  ],
)
def test_wrong_addresses_are_found(text, address, found):
  assert len(_wrong(text, address)) == found
