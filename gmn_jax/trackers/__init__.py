"""Trackers: where the numbers of a run go, beside the terminal.

May use nothing else of the package; knows nothing of the model.
"""

from gmn_jax.trackers.kinds import TRACKERS, Kind, read_names, require_installed
from gmn_jax.trackers.tracker import TrackedRun, Tracker

__all__ = ['TRACKERS', 'Kind', 'TrackedRun', 'Tracker', 'read_names', 'require_installed']
