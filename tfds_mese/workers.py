"""Generates chunks on all cores, by processes that each take one chunk at a time.

The processes are plain interpreters that run this module: unlike those of `multiprocessing` they
never import the caller's main module (which may be TensorFlow's, a notebook or an unguarded
script), and each ends by itself when the caller is killed, because its standard input ends.
"""

import concurrent.futures
import contextlib
import dataclasses
import importlib
import json
import os
import pathlib
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

from mese_env import SceneConfig, progress
from mese_env.errors import UserError
from mese_env.objects import OBJECT_TYPES
from tfds_mese import chunks as chunks_lib

# Parallelism comes from the processes; threads below them would only fight for the same cores.
_ONE_THREAD = {name: '1' for name in ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')}


def generate_chunks(
  chunks: Sequence[chunks_lib.Chunk], folder: pathlib.Path, num_workers: int
) -> None:
  """Brings into the cache folder those of the chunks that are not there, showing progress.

  Args:
    chunks: what must be there in the end.
    folder: existing cache folder.
    num_workers: processes to generate with; the chunks do not depend on it.

  Raises:
    UserError: a worker could not go on; the finished chunks stay, and a rerun continues. Or what
      makes an object type cannot be imported by the workers.
  """
  modules = {name: _module_of(name) for name in {chunk.scene.object_type for chunk in chunks}}
  missing = [chunk for chunk in chunks if not chunk.path(folder).exists()]
  if not missing:
    return
  total, left = sum(map(len, chunks)), sum(map(len, missing))
  idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()

  def generate(chunk: chunks_lib.Chunk) -> int:
    worker = idle.get()
    try:
      worker.generate(chunk, folder, modules[chunk.scene.object_type])
    finally:
      idle.put(worker)
    return len(chunk)

  with contextlib.ExitStack() as stack:
    bar = stack.enter_context(progress.Progress('scenes', total=total, done=total - left))
    workers = [_Worker() for _ in range(min(num_workers, len(missing)))]
    executor = concurrent.futures.ThreadPoolExecutor(len(workers))
    # On the way out, last first: no new chunk starts, the workers end, their threads end.
    stack.callback(chunks_lib.remove_partial, folder)
    stack.callback(executor.shutdown)
    for worker in workers:
      stack.callback(worker.stop)
      idle.put(worker)
    stack.callback(executor.shutdown, wait=False, cancel_futures=True)
    futures = [executor.submit(generate, chunk) for chunk in missing]
    for future in concurrent.futures.as_completed(futures):
      bar.advance(future.result())


class _Worker:
  """The caller's end of a generating process: a JSON line goes in, a JSON line comes back."""

  def __init__(self):
    self._process = subprocess.Popen(
      [sys.executable, '-m', 'tfds_mese.workers'],
      stdin=subprocess.PIPE,
      stdout=subprocess.PIPE,
      text=True,
      # The caller may have found the packages by a path of its own.
      env=os.environ | _ONE_THREAD | {'PYTHONPATH': os.pathsep.join(filter(None, sys.path))},
    )

  def generate(self, chunk: chunks_lib.Chunk, folder: pathlib.Path, module: str) -> None:
    """Has the process write a chunk; returns when it is there, or raises a UserError.

    Args:
      chunk: what to generate.
      folder: where to.
      module: enters the type of its objects, when it is imported.
    """
    request = {'chunk': dataclasses.asdict(chunk), 'folder': str(folder), 'module': module}
    answer = ''
    stdin, stdout = self._process.stdin, self._process.stdout
    assert stdin is not None and stdout is not None  # Both are pipes.
    with contextlib.suppress(BrokenPipeError):
      stdin.write(json.dumps(request) + '\n')
      stdin.flush()
      answer = stdout.readline()
    if not answer:
      raise UserError(
        f'a generating process ended with status {self._process.wait()} (out of memory, unless '
        'it said more above): run the same command again, which continues.'
      )
    if error := json.loads(answer)['error']:
      raise UserError(error)

  def stop(self) -> None:
    """Ends the process, whatever it is doing."""
    self._process.kill()
    self._process.communicate()


def _module_of(object_type: str) -> str:
  """The module that makes the objects of a type, and enters it in `OBJECT_TYPES`."""
  module = getattr(OBJECT_TYPES[object_type].sample, '__module__', '__main__')
  if module == '__main__':
    raise UserError(
      f'the object type {object_type!r} is made by the main program, which the generating '
      'processes do not import: enter it in OBJECT_TYPES in a module of its own, and import that.'
    )
  return module


def _serve() -> None:
  """The process's end: writes the chunk of each request until standard input ends."""
  signal.signal(signal.SIGINT, signal.SIG_IGN)  # The caller decides what an interrupt ends.
  answers = os.fdopen(os.dup(sys.stdout.fileno()), 'w')
  # Whatever a library prints must not be taken for an answer.
  os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
  requests: queue.SimpleQueue[str] = queue.SimpleQueue()
  threading.Thread(target=_listen, args=(requests,), daemon=True).start()
  while True:
    request = json.loads(requests.get())
    folder = pathlib.Path(request['folder'])
    error = None
    try:
      importlib.import_module(request['module'])
      scene = SceneConfig(**request['chunk'].pop('scene'))
      with chunks_lib.writing(folder):
        chunks_lib.write_chunk(chunks_lib.Chunk(scene, **request['chunk']), folder)
    except UserError as user_error:
      error = str(user_error)
    try:
      print(json.dumps({'error': error}), file=answers, flush=True)
    except BrokenPipeError:
      os._exit(0)  # The caller was killed meanwhile; its build goes on from this chunk.


def _listen(requests: 'queue.SimpleQueue[str]') -> None:
  for line in sys.stdin:
    requests.put(line)
  os._exit(0)  # The caller is gone, so nobody waits for the chunk in work.


if __name__ == '__main__':
  _serve()
