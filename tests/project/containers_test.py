"""The image, the development container and the forms of issues ask for what there is."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tomllib

import pytest
import yaml

from experiments.gmn import GMN

_ROOT = pathlib.Path(__file__).parents[2]
_FORMS = sorted(
  path for path in (_ROOT / '.github' / 'ISSUE_TEMPLATE').glob('*.yml') if path.stem != 'config'
)
_KINDS = {'markdown', 'textarea', 'input', 'dropdown', 'checkboxes'}


@pytest.fixture(scope='module')
def stages():
  """Of each stage of the Dockerfile its instructions, those of the stage it is made from first."""
  text = (_ROOT / 'docker' / 'Dockerfile').read_text()
  lines = [line for line in text.splitlines() if line and not line.startswith('#')]
  stages = {}
  for word, rest in (line.split(maxsplit=1) for line in lines):
    if word == 'FROM':
      image, name = rest.split(' AS ')
      stages[name] = [*stages.get(image, [('FROM', image)])]
    else:
      stages[name].append((word, rest))
  return stages


@pytest.fixture(scope='module')
def project():
  return tomllib.loads((_ROOT / 'pyproject.toml').read_text())


def _all(instructions, word):
  return [rest for instruction, rest in instructions if instruction == word]


@pytest.mark.parametrize('stage', ['cpu', 'cuda'])
def test_an_image_is_of_one_release_and_runs_as_nobody_special(stage, stages):
  (image,) = _all(stages[stage], 'FROM')
  assert re.fullmatch(r'python:3\.1[123]\.\d+-slim-\w+', image)
  assert int(_all(stages[stage], 'USER')[-1]) > 0
  assert stages[stage][-1][0] == 'USER'


@pytest.mark.parametrize('stage', ['cpu', 'cuda'])
def test_an_image_is_given_what_installing_needs(stage, stages, project):
  copied = [word for rest in _all(stages[stage], 'COPY') for word in rest.split()[:-1]]
  packages = [
    name.rstrip('*') for name in project['tool']['setuptools']['packages']['find']['include']
  ]
  files = {'LICENSE', 'README.md', 'bootstrap.py', 'pyproject.toml', 'setup.py', 'uv.lock'}
  assert set(copied) == {*files, *packages}
  ignored, *kept = (_ROOT / '.dockerignore').read_text().split()
  assert ignored == '*' and set(copied) == {name[1:] for name in kept if name.startswith('!')}
  (installs,) = (rest for rest in _all(stages[stage], 'RUN') if 'bootstrap.py' in rest)
  extras = installs.split('.venv ')[1].split()
  assert set(extras) <= set(project['project']['optional-dependencies'])
  assert ('cuda' in extras) == (stage == 'cuda')


@pytest.mark.skipif(shutil.which('make') is None, reason='make knows its targets')
def test_the_development_container_installs_by_a_target_that_there_is():
  container = json.loads((_ROOT / '.devcontainer' / 'devcontainer.json').read_text())
  assert container['remoteUser'] != 'root'
  install, hooks = container['postCreateCommand'].split(' && ')
  done = subprocess.run(
    ['bash', '-c', install.replace('make ', 'make --dry-run --always-make ')],
    cwd=_ROOT,
    # Without what a make that runs this test hands on: it may name another environment.
    env={name: value for name, value in os.environ.items() if 'MAKE' not in name},
    capture_output=True,
    text=True,
  )
  assert done.returncode == 0, done.stderr
  assert 'bootstrap.py .venv viz dev' in done.stdout
  assert hooks == '.venv/bin/pre-commit install'


@pytest.mark.parametrize('path', _FORMS, ids=lambda path: path.stem)
def test_a_form_of_issues_is_one_that_can_be_filled_in(path):
  form = yaml.safe_load(path.read_text())
  assert form.keys() == {'name', 'description', 'labels', 'body'}
  assert all(field['type'] in _KINDS and field['attributes']['label'] for field in form['body'])
  ids = [field['id'] for field in form['body']]
  assert len(ids) == len(set(ids))
  assert any(field.get('validations', {}).get('required') for field in form['body'])
  named = re.findall(r'`(?:gmn|python -m gmn_jax) (\w+)', path.read_text())
  assert set(named) <= set(GMN.commands)
  assert path.stem == 'feature' or 'doctor' in named


def test_there_is_a_form_for_each_kind_of_issue():
  assert {path.stem for path in _FORMS} == {'bug', 'question', 'feature'}
