"""What training steps cost, beside the paper's. The fields are those of `cost.json`."""

import dataclasses
from collections.abc import Sequence

from gmn_jax.model import APOE, POE


@dataclasses.dataclass(frozen=True)
class StepCost:
  """What `bench/step.py` measures of a training step of a variant.

  Attributes:
    variant: its name.
    modalities: the name of the set.
    M: how many these are.
    machine: on which it was measured.
    model: variant, modalities, preset and batch in words.
    batch: scenes.
    dtype: of the arithmetic.
    median_ms: of the steps.
    min_ms: the least.
    max_ms: the most.
    scenes_per_s: at the median.
    compile_s: seconds, without a cache.
    peak_bytes: the most memory in use.
    parameters: numbers in all.
    flops: of the forward and backward passes, as the machine computes them.
    direct_flops: of the same, if every convolution is computed directly.
    padding_flops: those of them that multiply zeros which pad images.
    flops_xla: by XLA's own count, which does not know how often a loop runs.
    flops_per_s: at the median.
    peak_flops_per_s: reached by a product or a convolution in the same process.
    share_of_peak: their ratio.
    measured_beside_other_work: whether the times are no statement.
  """

  variant: str
  modalities: str
  M: int
  machine: str
  model: str
  batch: int
  dtype: str
  median_ms: float
  min_ms: float
  max_ms: float
  scenes_per_s: float
  compile_s: float
  peak_bytes: float
  parameters: int
  flops: float
  direct_flops: float
  padding_flops: float
  flops_xla: float
  flops_per_s: float
  peak_flops_per_s: float
  share_of_peak: float
  measured_beside_other_work: bool


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
    measured: by variant and modalities.
    paper: the paper's beside it.
  """

  measured: Sequence[StepCost]
  paper: Sequence[Paper]
