"""What training steps cost, beside the paper's. The fields are those of `cost.json`."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from gmn_jax.model import APOE, POE

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
  Paper(POE.name, 5, 53, 790),
  Paper(APOE.name, 5, 29, 679),
  Paper(POE.name, 14, 131, 2059),
  Paper(APOE.name, 14, 51, 1189),
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
