"""The card of an export: a README.md that begins as the hub and `datasets.load_dataset` read it."""

import itertools
import json
import pathlib
from collections.abc import Iterator

from mese_env.sensors import SENSOR_NAMES
from tfds_mese.export.manifest import FOLDER, Manifest
from tfds_mese.export.meanings import is_built, meanings

NAME = 'README.md'
_CITATION = pathlib.Path(__file__).parents[1] / 'CITATIONS.bib'
# The hub's classes of sizes, by their upper ends.
_SIZES = (
  (1_000, 'n<1K'),
  (10_000, '1K<n<10K'),
  (100_000, '10K<n<100K'),
  (1_000_000, '100K<n<1M'),
)
_LARGEST = '1M<n<10M'
_READ = """\
```python
from datasets import load_dataset

scenes = load_dataset('.', split='train')  # this folder, or its name on the hub
```

```python
from tfds_mese import open_dataset  # pip install 'gmn-jax[export]'

scene = open_dataset('./').splits['train'][0]  # a dict of NumPy arrays, as they were made
```
"""


def card(whole: Manifest) -> str:
  """The text of the card."""
  return '\n'.join([*_header(whole), '', *_body(whole)]) + '\n'


def _header(whole: Manifest) -> Iterator[str]:
  total = sum(file.scenes for file in whole.files)
  yield '---'
  yield f'pretty_name: {json.dumps(whole.name)}'
  if is_built(whole.metadata):
    yield 'license: apache-2.0'
  yield 'size_categories:'
  yield f'- {next((size for end, size in _SIZES if total < end), _LARGEST)}'
  yield 'tags:'
  yield from ('- multisensory', '- haptics', '- 3d')
  yield 'configs:'
  yield '- config_name: default'
  yield '  data_files:'
  for split in dict.fromkeys(file.split for file in whole.files):
    yield f'  - split: {split}'
    yield f'    path: {FOLDER}/{split}-*'
  yield '---'


def _body(whole: Manifest) -> Iterator[str]:
  yield f'# {whole.name}'
  yield ''
  if is_built(whole.metadata):
    yield from _origin(whole)
  yield '| split | scenes |'
  yield '|---|---|'
  for split, files in itertools.groupby(whole.files, lambda file: file.split):
    yield f'| {split} | {sum(file.scenes for file in files):,} |'
  yield ''
  words = meanings(whole.columns, whole.metadata)
  yield '| array | shape | dtype | meaning |'
  yield '|---|---|---|---|'
  for column in whole.columns:
    yield f'| `{column.name}` | {column.shape} | {column.dtype} | {words[column.name]} |'
  yield ''
  if is_built(whole.metadata):
    yield f'The channels of `haptics`, in order: {", ".join(SENSOR_NAMES)}.'
    yield ''
  yield whole.format.held_as
  yield (
    '`croissant.json` describes the files in the Croissant format, `export.json` holds the ranges '
    'of the sensors, what the scenes were made from, and the SHA-256 digest of each file.'
  )
  yield ''
  yield '## Read'
  yield ''
  yield _READ
  if is_built(whole.metadata):
    yield '## Licence and citation'
    yield ''
    yield (
      'Apache License 2.0; `NOTICE` names what the simulated hand was made of, and goes with every '
      'copy.'
    )
    yield ''
    yield f'```bibtex\n{_CITATION.read_text().strip()}\n```'


def _origin(whole: Manifest) -> Iterator[str]:
  made = whole.metadata
  yield (
    'Objects of coloured cubes, each seen in images from many camera poses and felt in grasps by a '
    'simulated human hand: the environment of Lim et al. 2019 '
    '([arXiv 1910.02344](https://arxiv.org/abs/1910.02344)), built anew. Scenes of generator '
    f'{made["generator_version"]}, seed {made["seed"]}, with MuJoCo {made["mujoco_version"]} and '
    f'NumPy {made["numpy_version"]}.'
  )
  yield ''
