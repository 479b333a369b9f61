"""A trained run in a few words, for titles."""

from gmn_jax.model import PRODUCT
from gmn_jax.training.checkpoint import Run


def title_of(run: Run, of_preset: str = '') -> str:
  """As in 'apoe, m2, small, step 7,200', or 'apoe, anchored, informed, m2, small, step 7,200'.

  Args:
    run: the trained run.
    of_preset: stands before the preset's name, in a text where that alone would not be understood.
  """
  config = run.config
  form = [config.variant]
  form += [config.pooling] * (config.pooling != PRODUCT.name) + ['informed'] * config.informed
  sizes = [config.modalities, f'{of_preset}{config.preset}', f'step {run.step:,}']
  return ', '.join(form + sizes)
