"""A trained run in memory, however it is stored."""

import types
from collections.abc import Mapping
from typing import Any, NamedTuple

from gmn_jax.config import Config
from gmn_jax.model import GMN
from gmn_jax.senses import Ranges


class Run(NamedTuple):
  """A trained model and what it was trained with.

  Attributes:
    config: of the run.
    model: the network.
    params: its parameters.
    ranges: of the senses, over the training split.
    step: how many steps it was trained.
    identity: what the data were (`tfds_mese.dataset.Dataset`).
  """

  config: Config
  model: GMN
  params: Any
  ranges: Ranges
  step: int
  identity: Mapping[str, Any] = types.MappingProxyType({})
