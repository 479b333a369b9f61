"""Keeps what libraries remark, and no user can act on, off the terminal.

Each remark is named where its library is called, so that whatever else the library warns of is
seen. Imports nothing of this project, so that anything may import it.
"""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def without_remarks(logger: str, *beginnings: str) -> Iterator[None]:
  """Drops the messages that a logger is given within the context and that begin so.

  Args:
    logger: its name, 'absl' or 'root' for instance.
    *beginnings: of the messages.
  """

  def is_no_remark(record: logging.LogRecord) -> bool:
    return not record.getMessage().startswith(beginnings)

  log = logging.getLogger(logger)
  log.addFilter(is_no_remark)
  try:
    yield
  finally:
    log.removeFilter(is_no_remark)
