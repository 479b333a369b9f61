"""A model or a trained run in a few words, for titles."""

from gmn_jax.config import Config
from gmn_jax.model import PRODUCT
from gmn_jax.senses.rendering import PAPER
from gmn_jax.training.run import Run


def form_of(config: Config) -> list[str]:
  """The variant, and what of it is not the paper's, as in ['apoe', 'anchored']."""
  pooling = [config.pooling] * (config.pooling != PRODUCT.name)
  renderer = [config.renderer] * (config.renderer != PAPER.name)
  return [config.variant, *pooling, *['informed'] * config.informed, *renderer]


def title_of(run: Run, of_preset: str = '') -> str:
  """As in 'apoe, m2, small, step 7,200', or 'apoe, anchored, informed, m2, small, step 7,200'.

  Args:
    run: the trained run.
    of_preset: stands before the preset's name, in a text where that alone would not be understood.
  """
  config = run.config
  sizes = [config.modalities, f'{of_preset}{config.preset}', f'step {run.step:,}']
  return ', '.join(form_of(config) + sizes)
