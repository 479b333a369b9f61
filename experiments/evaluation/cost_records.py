"""What training steps cost, beside the paper's. The fields are those of `cost.json`."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

NAMES = {'baseline': 'baseline', 'poe': 'PoE', 'apoe': 'APoE'}

Record = Mapping[str, Any]  # what `bench/step.py` measures


@dataclasses.dataclass(frozen=True)
class Paper:
  """What the paper has of a variant with M modalities."""

  variant: str
  M: int
  parameters_millions: int
  ms: int


# Section 4, "Space and Time Complexity".
PAPER = (
  Paper('poe', 5, 53, 790),
  Paper('apoe', 5, 29, 679),
  Paper('poe', 14, 131, 2059),
  Paper('apoe', 14, 51, 1189),
)


@dataclasses.dataclass(frozen=True)
class Costs:
  """All that was measured.

  Attributes:
    measured: by variant and modalities, a record.
    paper: the paper's beside it.
  """

  measured: Sequence[Record]
  paper: Sequence[Paper]
