"""The lines of Python that reproduce what a state imagines, bit for bit."""

from experiments.explorer.state import State
from experiments.explorer.ways import GRASP, LOOK

# How a belief is told, by the way.
_TOLD = {
  LOOK: """\
for camera in [poses.camera_pose(*np.radians(angles)) for angles in {}]:
  belief = belief.look(world.look(camera), poses.query(camera))
""",
  GRASP: """\
for wrist in [poses.wrist_pose(*np.radians(angles)) for angles in {}]:
  belief = belief.touch(world.grasp(wrist).reading, poses.query(wrist))
""",
}


def code_lines(state: State) -> str:
  """A program whose `image` is what is imagined from the state's eye, the mean of its samples."""
  told = ''
  for way, lines in _TOLD.items():
    angles = [tuple(one.angles) for one in state.counted if one.way == way]
    told += lines.format(angles) if angles else ''
  return f"""\
import gmn_jax, numpy as np
from mese_env import World, poses, sample_object
world = World(sample_object({state.cubes}, np.random.default_rng({state.object}), 'held_out'))
belief = gmn_jax.load({state.model!r}).belief()
{told}eye = poses.query(poses.camera_pose(*np.radians({tuple(state.eye)})))
image = belief.imagine(eye, samples={state.samples}, seed={state.seed}).mean(axis=0)
"""
