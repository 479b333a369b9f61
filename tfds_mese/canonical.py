"""Records that are the same bytes for the same scenes, however they came about."""

import errno
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from tensorflow_datasets.core import writer
from tensorflow_datasets.proto import tf_example_pb2


class Writer(writer.ExampleWriter):
  """Gives the same bytes for the same scenes, which protocol buffers by themselves do not."""

  def write(self, path: pathlib.Path, examples: Iterator[tuple[Any, bytes]]) -> Any:
    """As of TFDS.

    Raises:
      OSError: the disk is full.
    """
    try:
      return super().write(path, ((key, _canonical(example)) for key, example in examples))
    except RuntimeError as error:
      # ArrayRecord's own error carries no errno.
      if os.strerror(errno.ENOSPC) in str(error):
        raise OSError(errno.ENOSPC, str(error)) from error
      raise


def _canonical(example: bytes) -> bytes:
  # protoc makes the class when the module is loaded.
  message = tf_example_pb2.Example.FromString(example)  # pyright: ignore[reportAttributeAccessIssue]
  return message.SerializeToString(deterministic=True)
