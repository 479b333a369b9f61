"""The card of an exported model: a page for people, with the header that the hub reads."""

import pathlib
from collections.abc import Mapping
from typing import Any

import jax
import numpy as np

from gmn_jax.senses import senses_of
from gmn_jax.training.run import Run

LICENSE = 'apache-2.0'  # of this project, as the hub abbreviates it
_PAGE = """---
license: {license}
library_name: gmn_jax
tags:
- gmn
- jax
- generative
- multisensory
- neural-scene-representation
---

# {title}

A generative multisensory network (*Neural Multisensory Scene Inference*, NeurIPS 2019,
[arXiv 1910.02344](https://arxiv.org/abs/1910.02344)): from any set of views of a scene it infers
latents, and imagines what each of its senses would find at any other pose.

```python
import gmn_jax

model = gmn_jax.load({name})  # or the path of this folder
```

| | |
|---|---|
{facts}

Measured on the validation split after step {measured_at}:

| | |
|---|---|
{measured}

All numbers are in `metrics.json`. `config.json` has every field of the run and the ranges by which
the senses are scaled; it also has size and SHA-256 of the other files, which are compared when the
model is loaded.
"""
_ROUNDING = (
  'each parameter by at most 0.05 % (3e-8 below 6e-5), after training and validation; loaded as '
  'float32'
)
_NAMES = {
  'elbo': 'ELBO, nats a scene',
  'elbo_error': 'standard error of the ELBO over scenes, nats',
  'kl': 'KL divergence, nats a scene',
}
_EACH = {
  'squared_error': 'squared error of {}, summed over a view, scaled',
  'nats_per_dimension': 'log-likelihood of {}, nats a number',
}


def write_card(
  run: Run,
  metrics: Mapping[str, Any],
  name: str,
  license: str = LICENSE,
  float16: bool = False,
) -> str:
  """The card's text.

  Args:
    run: the model.
    metrics: as `metrics.json` holds them.
    name: under which `gmn_jax.load` finds it.
    license: of the model, as the hub abbreviates it.
    float16: whether its parameters are stored as that.
  """
  validation = dict(metrics.get('validation') or {})
  measured_at = validation.pop('step', run.step)
  measured = {_named(key): f'{value:,.3f}' for key, value in validation.items() if _single(value)}
  return _PAGE.format(
    license=license,
    title=name,
    name=repr(name),
    facts=_rows(_facts(run, float16)),
    measured_at=f'{measured_at:,}',
    measured=_rows(measured or {'nothing': ''}),
  )


def _facts(run: Run, float16: bool) -> dict[str, str]:
  config = run.config
  senses = ', '.join(sense.name for sense in senses_of(run.model.modalities))
  modalities = ', '.join(f'{m.name} {list(m.shape)}' for m in run.model.modalities)
  return {
    'variant': f'{config.variant}, {config.modalities}, preset {config.preset}',
    'senses': senses,
    'modalities': modalities,
    'images': f'{config.image_size} pixels a side; others are resized to it',
    'parameters': _parameters(run.params, np.dtype(np.float16 if float16 else np.float32)),
    **({'rounding': _ROUNDING} if float16 else {}),
    'trained': f'{run.step:,} steps of {config.batch_size} scenes, seed {config.seed}',
    **({'began with': pathlib.Path(config.start_from).name} if config.start_from else {}),
    'data': config.dataset + ('; `config.json` has what identifies it' if run.identity else ''),
  }


def _parameters(params: Any, dtype: np.dtype) -> str:
  numbers = sum(leaf.size for leaf in jax.tree.leaves(params))
  return f'{numbers:,}, {dtype}, {numbers * dtype.itemsize / 1e6:.1f} MB'


def _named(key: str) -> str:
  kind, _, of = key.partition('/')
  return _EACH[kind].format(of) if kind in _EACH and of else _NAMES.get(key, key)


def _single(value: Any) -> bool:
  return isinstance(value, int | float)


def _rows(table: Mapping[str, str]) -> str:
  return '\n'.join(f'| {key} | {value} |' for key, value in table.items())
