"""What is sent to the server."""

from typing import NamedTuple


class Metric(NamedTuple):
  key: str
  value: float
  timestamp: int
  step: int
