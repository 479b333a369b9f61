"""What may enter which room, and that senses, variants and poolings are objects, not words."""

import ast
import pathlib
import subprocess
import sys

import pytest

from gmn_jax.model import POOLINGS, VARIANTS

ROOT = pathlib.Path(__file__).parents[2]
PACKAGES = ('gmn_jax', 'mese_env', 'tfds_mese')
# Of each room, from which others it may import.
MAY_USE = {
  'layers': set(),
  'senses': {'layers'},
  'model': {'layers', 'senses'},
  'inference': {'layers', 'senses', 'model'},
  'optimisers': set(),
  'trackers': set(),
  'config': {'senses', 'model', 'optimisers', 'trackers'},
  'training': {'layers', 'senses', 'model', 'inference', 'optimisers', 'trackers', 'config'},
  'planning': {'senses', 'config', 'training'},
  'models': {'senses', 'model', 'inference', 'training'},
  'authors': {'layers', 'senses', 'model', 'inference'},
}
LOADED = """
import sys
import gmn_jax.model, gmn_jax.inference, gmn_jax.inference.importance, gmn_jax.senses
print(*sorted(name for name in sys.modules if name.split('.')[0] in
  ('mese_env', 'tfds_mese', 'mujoco', 'tensorflow_datasets', 'tensorflow', 'matplotlib')))
"""


def imports_of(path: pathlib.Path) -> set[str]:
  """The modules that a file imports, wherever in it, but for what only its types need."""
  found, tree = set(), ast.parse(path.read_text())
  for node in ast.walk(tree):
    if isinstance(node, ast.If) and ast.unparse(node.test) == 'TYPE_CHECKING':
      node.body = []
  for node in ast.walk(tree):
    if isinstance(node, ast.Import):
      found |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      found |= {node.module} | {f'{node.module}.{alias.name}' for alias in node.names}
  return found


@pytest.mark.long
def test_the_model_and_its_inference_load_nothing_of_the_simulator():
  done = subprocess.run(
    [sys.executable, '-c', LOADED], cwd=ROOT, capture_output=True, text=True, check=True
  )
  assert done.stdout.split() == ['mese_env', 'mese_env.errors']


@pytest.mark.parametrize('room', list(MAY_USE))
def test_a_room_uses_only_those_that_its_door_names(room):
  for path in (ROOT / 'gmn_jax' / room).rglob('*.py'):
    for module in imports_of(path):
      parts = module.split('.')
      if parts[0] == 'gmn_jax' and len(parts) > 1:
        assert parts[1] in MAY_USE[room] | {room}, f'{path} imports {module}'
      if room in ('layers', 'model', 'inference', 'config'):
        assert parts[0] != 'tfds_mese', f'{path} imports {module}'
        assert parts[0] != 'mese_env' or parts[1] == 'errors', f'{path} imports {module}'


def test_the_leaf_imports_nothing_of_ours():
  modules = imports_of(ROOT / 'mese_env' / 'errors.py')
  assert not {module.split('.')[0] for module in modules} & set(PACKAGES)


@pytest.mark.parametrize('package', PACKAGES)
def test_no_sense_variant_or_pooling_is_compared_as_a_word(package):
  words = {'image', 'haptic', *VARIANTS, *POOLINGS}
  for path in (ROOT / package).rglob('*.py'):
    for node in ast.walk(ast.parse(path.read_text())):
      if isinstance(node, ast.Compare):
        named = {n.value for n in ast.walk(node) if isinstance(n, ast.Constant)} & words
        assert not named, f'{path}:{node.lineno} compares {named}'
