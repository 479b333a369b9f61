"""Says what this machine can do, and the command that installs what is missing.

Imports nothing beyond Python's own library, so that it works where hardly anything is installed:
what needs a package is tried in a process of its own.
"""

import argparse
import importlib.metadata
import importlib.util
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mese_env import folders, installing, machine, meshes
from mese_env.errors import UserError

_PYTHON = (3, 11)
# What each is needed for, and the lowest release that is known to do.
_PACKAGES = {
  'numpy': ('everything', '2'),
  'mujoco': ('grasps', '4.0'),
  'pillow': ('pictures', ''),
  'jax': ('the model', ''),
  'flax': ('the model', ''),
  'optax': ('training', ''),
  'orbax-checkpoint': ('checkpoints', ''),
  'grain': ('reading while training', ''),
  'array-record': ('built datasets', ''),
  'tensorflow-datasets': ('built datasets', '4.9.10'),
}
# What the environment alone needs.
_ALONE = {'python', 'numpy', 'mujoco', 'pillow'}
# The wheel that brings the simulation where what draws was left out.
_CORE = {'mujoco': 'mujoco-core'}
_OPENGL = {'egl': 'libegl1 libgl1', 'osmesa': 'libosmesa6'}
_PLATFORMS = 'JAX_PLATFORMS'  # which of its devices JAX takes
_SECONDS = 120  # for a trial; a first import from a slow disk takes some tens
# An image with something in it: a context alone is no proof.
_TRY_OPENGL = """
import mujoco
model = mujoco.MjModel.from_xml_string(
  '<mujoco><worldbody><geom size=".1"/></worldbody></mujoco>'
)
data = mujoco.MjData(model)
mujoco.mj_forward(model, data)
renderer = mujoco.Renderer(model, 16, 16)
renderer.update_scene(data)
assert renderer.render().any()
"""
_TRY_JAX = """
import jax
for device in jax.local_devices():
  memory = (device.memory_stats() or {}).get('bytes_limit', 0)
  print(device.platform, device.device_kind, memory, sep='|')
"""
_BYTES_PER_TINY = 50_000_000  # the smallest dataset, while it is built


class Finding(NamedTuple):
  """What was found of one thing.

  Attributes:
    name: of the thing.
    state: 'ok', 'missing' (something does not work without it), or 'optional'.
    found: a few words.
    remedy: a command, or empty.
  """

  name: str
  state: str
  found: str
  remedy: str = ''


def print_findings(options: argparse.Namespace) -> int:
  """Prints what this machine has; returns 1 where something is missing."""
  del options
  missing = []
  for finding in examine():
    print(format_line(finding), flush=True)
    missing += [finding.name] * (finding.state == 'missing')
  print(_summary(missing))
  return 1 if missing else 0


def examine() -> Iterator[Finding]:
  """Yields what is found, one thing after another; takes some ten seconds."""
  yield _examine_python()
  versions = {name: _version(name) or _version(_CORE.get(name, name)) for name in _PACKAGES}
  for name, (purpose, least) in _PACKAGES.items():
    yield _examine_package(name, versions[name], purpose, least)
  if versions['mujoco']:
    yield from _examine_opengl()
  yield _examine_meshes()
  yield Finding('cores', 'ok', f'{machine.available_cores()} ({platform.machine()})')
  yield Finding('memory', 'ok', f'{machine.available_memory() / 1e9:.1f} GB')
  yield from _examine_accelerators(versions['jax'])
  yield from examine_disks()


def format_line(finding: Finding) -> str:
  """A line for the terminal, with the remedy on a second one."""
  line = f'{finding.state:<9}{finding.name:<20} {finding.found}'
  return f'{line}\n{"":<30}-> {finding.remedy}' if finding.remedy else line


def _summary(missing: Sequence[str]) -> str:
  if not missing:
    return 'everything that is needed is there'
  works = '' if _ALONE & {*missing} else '; the environment alone (mese_env) works without them'
  return f'{len(missing)} missing{works}'


def _examine_python() -> Finding:
  wanted = '.'.join(map(str, _PYTHON))
  if sys.version_info < _PYTHON:
    remedy = f'install Python {wanted} or newer, and make a new environment with it'
    return Finding('python', 'missing', platform.python_version(), remedy)
  return Finding('python', 'ok', f'{platform.python_version()} ({sys.executable})')


def _examine_package(name: str, version: str | None, purpose: str, least: str) -> Finding:
  requirement = f'"{name}>={least}"' if least else name
  remedy = f'{installing.command()}    or alone: python -m pip install {requirement}'
  if version is None:
    return Finding(name, 'missing', f'not installed; needed for {purpose}', remedy)
  if _numbers(version) < _numbers(least):
    return Finding(name, 'missing', f'{version}, and {purpose} needs {least}', remedy)
  return Finding(name, 'ok', version)


def _examine_opengl() -> Iterator[Finding]:
  if importlib.util.find_spec('OpenGL') is None:
    found = 'PyOpenGL is not installed; only the renderer "mujoco" needs it'
    yield Finding('OpenGL', 'optional', found, 'python -m pip install "mujoco>=4.0"')
    return
  for backend, packages in _OPENGL.items():
    tried = _try(_TRY_OPENGL, MUJOCO_GL=backend)
    if tried.returncode == 0:
      yield Finding(f'OpenGL ({backend})', 'ok', f'MUJOCO_GL={backend} works')
      continue
    yield Finding(
      f'OpenGL ({backend})',
      'optional',
      'does not draw; only the renderer "mujoco" needs one of the two',
      f'sudo apt-get install {packages} && export MUJOCO_GL={backend}',
    )


def _examine_meshes() -> Finding:
  name = 'meshes of the hand'
  try:
    return Finding(name, 'ok', str(meshes.folder()))
  except UserError as error:
    found = f'{error}'.removesuffix(f': {meshes.REMEDY}')
    needed = 'only the hands "mesh" and "fidelity" need them'
    return Finding(name, 'optional', f'{found}; {needed}', meshes.REMEDY)


def _examine_accelerators(jax_version: str | None) -> Iterator[Finding]:
  # Of the drivers, so that a device that JAX cannot use yet is seen all the same.
  drivers = {
    'gpu': ('NVIDIA GPU', 'cuda', pathlib.Path('/dev/nvidiactl')),
    'tpu': ('TPU', 'tpu', pathlib.Path('/dev/accel0')),
  }
  there = {kind: entry for kind, entry in drivers.items() if entry[2].exists()}
  if jax_version is None:
    for name, extra, _ in there.values():
      remedy = installing.command(extra)
      yield Finding(name, 'missing', 'there is one, but no JAX', remedy)
    return
  tried = _try(_TRY_JAX)
  if tried.returncode:
    reason = (tried.stderr.strip() or 'no answer').splitlines()[-1][:100]
    chosen = os.environ.get(_PLATFORMS)
    remedy = f'unset {_PLATFORMS}    # it is {chosen!r}' if chosen else installing.command()
    yield Finding('devices of JAX', 'missing', reason, remedy)
    return
  devices = [line.split('|') for line in tried.stdout.splitlines() if line.count('|') == 2]
  for number, (kind, model, memory) in enumerate(devices):
    found = f'{kind}: {model}' + (f', {int(memory) / 1e9:.0f} GB' if int(memory) else '')
    yield Finding(f'device {number} of JAX', 'ok', found)
  for kind, (name, extra, _) in there.items():
    if kind not in {device[0] for device in devices}:
      remedy = installing.command(extra)
      yield Finding(name, 'missing', 'there is one that this JAX does not use', remedy)


def examine_disks() -> Iterator[Finding]:
  """Yields what is found of the places of datasets and of runs."""
  name, variable = 'disk of datasets', 'TFDS_DATA_DIR'
  try:
    given = os.environ.get(variable) or '~/tensorflow_datasets'
    yield _examine_disk(name, folders.read_folder(given, variable))
  except UserError as error:
    yield Finding(name, 'missing', f'{error}', 'give --data_dir')
  yield _examine_disk('disk of runs', pathlib.Path())


def _examine_disk(name: str, folder: pathlib.Path) -> Finding:
  remedy = 'give --data_dir or --workdir'
  try:
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(existing).free
  except OSError as error:
    return Finding(name, 'missing', f'{folder} cannot be seen ({error.strerror})', remedy)
  found = f'{free / 1e9:.1f} GB free for {folder.absolute()}'
  if not os.access(existing, os.W_OK):
    return Finding(name, 'missing', f'{existing} cannot be written', remedy)
  if free < _BYTES_PER_TINY:
    return Finding(name, 'missing', found, f'make room, or {remedy}')
  return Finding(name, 'ok', found)


def _version(name: str) -> str | None:
  try:
    return importlib.metadata.version(name)
  except importlib.metadata.PackageNotFoundError:
    return None


def _numbers(version: str) -> tuple[int, ...]:
  return tuple(map(int, re.findall(r'\d+', version)[:3]))


def _try(script: str, **environment: str) -> subprocess.CompletedProcess:
  command = [sys.executable, '-c', script]
  try:
    return subprocess.run(
      command,
      env=os.environ | environment,
      capture_output=True,
      text=True,
      timeout=_SECONDS,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return subprocess.CompletedProcess(command, 1, '', f'no answer in {_SECONDS} s')
