"""The site: its references leave nothing out, and a reader of it needs no network."""

import dataclasses
import importlib.util
import re
import subprocess
import sys

import pytest

from experiments.gmn import GMN
from gmn_jax.config import Config
from mese_env.command import Group
from mese_env.commands import MESE
from tests.pages import ROOT


@pytest.fixture(scope='module')
def generated():
  """What writes the references."""
  file = ROOT / 'docs' / 'extensions' / 'generated.py'
  spec = importlib.util.spec_from_file_location('generated', file)
  module = importlib.util.module_from_spec(spec)
  spec.loader.exec_module(module)
  return module


def test_every_field_of_a_config_is_explained_with_its_default(generated):
  sections = re.split('^### ', generated.configuration(), flags=re.MULTILINE)[1:]
  explained = {}
  for section in sections:
    name, about, declared, *_ = section.split('\n\n')
    explained[name.strip('`')] = about
    assert '- Default: `' in declared and '- A run may' in declared
  assert list(explained) != [] and set(explained) == {f.name for f in dataclasses.fields(Config)}
  assert min(map(len, explained.values())) > 20


def test_every_command_is_explained(generated):
  def programs(program, command):
    yield program
    for name, inner in command.commands.items() if isinstance(command, Group) else ():
      yield from programs(f'{program} {name}', inner)

  headings = re.findall(r'^#+ (.*)$', generated.commands(), re.MULTILINE)
  assert {*programs('gmn', GMN), *programs('python -m mese_env', MESE)} <= {*headings}


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_without_asking_for_anything(tmp_path):
  pytest.importorskip('sphinx_book_theme')
  site = tmp_path / 'html'
  command = [sys.executable, '-m', 'sphinx', '-q', '-W', '--keep-going', 'docs', str(site)]
  done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
  assert done.returncode == 0, done.stderr
  pages = list(site.rglob('*.html'))
  fetched = r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="(?:https?:)?//[^"]*'
  assert len(pages) > 25
  assert not [found for page in pages for found in re.findall(fetched, page.read_text())]
