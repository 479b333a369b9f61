"""Every command of the project under one name: `gmn`."""

from experiments import commands, modes
from gmn_jax.commands import PARITY
from mese_env.command import Group
from mese_env.commands import DOCTOR
from tfds_mese.commands import DATA

_ABOUT = """\
Generative multisensory networks: train them, evaluate them, and look at what they imagine.

gmn demo shows all of it on a small dataset; gmn doctor says what this machine can do."""

GMN = Group(
  _ABOUT,
  {
    'train': commands.TRAIN,
    **{mode: commands.evaluation(mode) for mode in modes.names()},
    'compare': commands.COMPARE,
    'demo': commands.DEMO,
    'explore': commands.EXPLORE,
    'data': DATA,
    'export': commands.EXPORT,
    'doctor': DOCTOR,
    'parity': PARITY,
  },
  'train --config=apoe --build',
)
