"""What a hint to install something says is what that user can type."""

import pathlib
import re
import tomllib

import pytest

from mese_env import installing

_ROOT = pathlib.Path(__file__).parents[2]
_SOURCES = [
  path.read_text()
  for package in ('experiments', 'gmn_jax', 'mese_env', 'tfds_mese')
  for path in (_ROOT / package).rglob('*.py')
]


@pytest.mark.parametrize(
  ('place', 'all_of_it', 'one_extra'),
  [
    (None, 'python -m pip install -e .', "python -m pip install -e '.[tpu]'"),
    ('site-packages', 'python -m pip install gmn-jax', "python -m pip install 'gmn-jax[tpu]'"),
  ],
)
def test_a_checkout_is_installed_from_and_a_wheel_by_its_name(
  place, all_of_it, one_extra, tmp_path, monkeypatch
):
  if place:
    monkeypatch.setattr(installing, '__file__', str(tmp_path / place / 'mese_env/installing.py'))
  assert (installing.command(), installing.command('tpu')) == (all_of_it, one_extra)


def test_every_extra_that_is_named_is_there():
  named = re.compile(r'installing\.command\([\'"](\w+)')
  hints = [name for text in _SOURCES for name in named.findall(text)]
  extras = tomllib.loads((_ROOT / 'pyproject.toml').read_text())['project']['optional-dependencies']
  assert hints and set(hints) <= set(extras)
