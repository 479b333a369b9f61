"""Our side of `peer.py`: the training step that `train` compiles, and `inference.generate`."""

import functools
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

import jax
import jax.numpy as jnp

from experiments.bench import subject, turns
from gmn_jax import inference
from gmn_jax.config import preset
from gmn_jax.model import GMN
from gmn_jax.senses import cut_scenes


def begin(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, turns.Call]]:
  """Compiles the step of the full preset.

  Args:
    asked: `variant`, `modalities`, `batch_size` and `draw_steps` of the config; `given`, how many
      views of each modality inference starts from.
  """
  fields = ('variant', 'modalities', 'batch_size', 'draw_steps')
  chosen = subject.Subject(preset('full', **{field: asked[field] for field in fields}))
  imagine = jax.jit(functools.partial(_imagine, chosen.model, asked['given']))

  def imagine_now(scenes: dict[str, jax.Array]) -> float:
    means = jax.block_until_ready(imagine(chosen.state.params, scenes, chosen.state.key))
    return float(sum(mean.sum() for mean in means))

  facts = {
    'parameters': sum(leaf.size for leaf in jax.tree.leaves(chosen.state.params)),
    'modality_shapes': [modality.shape for modality in chosen.model.modalities],
    'compile_s': chosen.compile_s,
    'library': f'JAX {jax.__version__}',
  }
  return facts, {'train': (chosen.scenes, chosen.step), 'imagine': (chosen.scenes, imagine_now)}


def _imagine(
  model: GMN, given: int, params: Any, scenes: dict[str, jax.Array], key: jax.Array
) -> tuple[jax.Array, ...]:
  """The means of all views of every modality, from the first ones of each."""
  whole = cut_scenes(model.modalities, scenes, subject.RANGES)
  views = jax.tree.map(lambda x: x[:, :given], whole)
  context_BMV = jnp.ones((len(scenes['index']), len(model.modalities), given), bool)
  return inference.generate(model, params, views, context_BMV, whole.queries, key)[1]


if __name__ == '__main__':
  turns.serve(begin)
