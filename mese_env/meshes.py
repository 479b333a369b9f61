"""Where the meshes of the hand's links are: in the wheel of MyoSuite, which has them unchanged.

The wheel holds the left hand, whose mirror image the right one is, vertex by vertex. MyoSuite is
never imported, so that none of what it depends on need be installed.
"""

import importlib.metadata
import pathlib

from mese_env.errors import UserError

RELEASE = '3.0.0'  # another might hold other meshes, and the same scene would feel different
REMEDY = f'python -m pip install --no-deps myosuite=={RELEASE}'
MIRROR = (-1, 1, 1)  # scale that makes a right hand's link of a left hand's

_FOLDER = 'myosuite/envs/myo/assets/MPL_sim/meshes/mplL'


def folder() -> pathlib.Path:
  """Finds the folder of the meshes, `<link>_left.stl` each.

  Raises:
    UserError: MyoSuite is missing or of another release.
  """
  try:
    wheel = importlib.metadata.distribution('myosuite')
  except importlib.metadata.PackageNotFoundError as error:
    raise UserError(f'myosuite, whose wheel holds the meshes, is missing: {REMEDY}') from error
  if wheel.version != RELEASE:
    raise UserError(f'the meshes are those of myosuite {RELEASE}, not {wheel.version}: {REMEDY}')
  found = pathlib.Path(str(wheel.locate_file(_FOLDER)))
  if not found.is_dir():
    raise UserError(f'{found}, where myosuite has its meshes, is missing: {REMEDY}')
  return found
