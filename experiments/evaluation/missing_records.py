"""What is known of runs that are drawn in one figure. The fields are those of `missing.json`."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from experiments.evaluation.learning_curves import Curves


@dataclasses.dataclass(frozen=True)
class Overlaid:
  """A run in the figure.

  Attributes:
    config: of the run.
    step: how many steps it was trained.
    curves: what it wrote while it trained.
    by_size: by how many modalities give context, the bound in nats per number and its error.
    above_one: by the same, how much above that of one modality.
  """

  config: Mapping[str, Any]
  step: int
  curves: Curves
  by_size: Mapping[int, tuple[float, float]]
  above_one: Mapping[int, tuple[float, float]]

  def __str__(self) -> str:
    lacks = f', {self.config["missing"]}, {self.config["protocol"]}' * bool(self.config['missing'])
    return f'{self.config["variant"]}, {self.config["absent"]}{lacks}, step {self.step:,}'


def splits_of(found: Mapping[str, Overlaid]) -> list[str]:
  """The splits of which there are curves, in the order of panels."""
  known = ('train', 'val_missing', 'val_full', 'val')
  splits = [split for split in known if any(split in of.curves for of in found.values())]
  # Where modalities are missing, `val` gives all of them: a point of the last panel.
  return splits[:3] if 'val_full' in splits else splits
