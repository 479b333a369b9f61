"""`python -m mese_env doctor` where all is there, and where next to nothing is."""

import importlib.metadata
import itertools
import os
import pathlib
import subprocess
import sys

import pytest

from mese_env import doctor

_ROOT = pathlib.Path(__file__).parents[2]


@pytest.mark.long
def test_versions_and_devices_of_this_machine_are_named():
  findings = {finding.name: finding for finding in doctor.examine()}
  for name in ('jax', 'mujoco', 'numpy'):
    assert findings[name] == (name, 'ok', importlib.metadata.version(name), '')
  assert findings['device 0 of JAX'].state == 'ok'
  assert {'python', 'cores', 'memory', 'OpenGL (egl)', 'disk of datasets'} <= set(findings)
  lacking = {name: f.remedy for name, f in findings.items() if f.state == 'optional'}
  meshes = lacking.pop('meshes of the hand', None)
  assert meshes in (None, 'python -m pip install --no-deps myosuite==3.0.0')
  assert all('apt-get install lib' in remedy for remedy in lacking.values())


def test_without_jax_and_mujoco_it_names_the_commands_that_install_them(tmp_path):
  # An interpreter that sees of all installed packages only these.
  packages = pathlib.Path(importlib.metadata.distribution('numpy').locate_file(''))
  for pattern in ('numpy*', 'PIL', 'pillow*'):
    for path in packages.glob(pattern):
      (tmp_path / path.name).symlink_to(path)
  script = f"""
import sys
sys.path[:0] = [{str(_ROOT)!r}, {str(tmp_path)!r}]
from mese_env.__main__ import main
sys.exit(main(['doctor']))
"""
  ran = subprocess.run(
    [sys.executable, '-I', '-S', '-c', script], capture_output=True, text=True, cwd=tmp_path
  )
  assert ran.returncode == 1, ran.stderr
  assert ran.stderr == ''
  lines = ran.stdout.splitlines()
  for name, command in (('jax', 'pip install jax'), ('mujoco', 'pip install "mujoco>=4.0"')):
    (at,) = [i for i, line in enumerate(lines) if line.split()[:2] == ['missing', name]]
    assert lines[at + 1].endswith(command)
  assert any(line.split()[:2] == ['ok', 'numpy'] for line in lines)
  assert lines[-1] == '8 missing'


def test_the_simulation_without_what_draws_is_mujoco_too(monkeypatch):
  versions = {'mujoco-core': '4.0.1'}
  monkeypatch.setattr(doctor, '_version', versions.get)
  monkeypatch.setitem(sys.modules, 'OpenGL', None)
  monkeypatch.setattr(doctor, '_try', lambda script, **environment: pytest.fail('tried to draw'))
  findings = {f.name: f for f in itertools.islice(doctor.examine(), 2 + len(doctor._PACKAGES))}
  assert findings['mujoco'] == ('mujoco', 'ok', '4.0.1', '')
  assert findings['OpenGL'].state == 'optional' and '"mujoco>=4.0"' in findings['OpenGL'].remedy


def test_an_old_package_and_a_folder_that_cannot_be_written_are_missing(tmp_path, monkeypatch):
  old = doctor._examine_package('mujoco', '3.9.1', 'grasps', '4.0')
  assert old.state == 'missing' and 'grasps needs 4.0' in old.found
  monkeypatch.setattr(os, 'access', lambda path, mode: False)
  assert doctor._examine_disk('disk', tmp_path / 'a' / 'b').state == 'missing'
