"""What is to be known of a GPU in ten minutes: how fast the presets train on it in bfloat16.

Times apoe m2 of small, medium and full with three batches each, every one in a process of its own
(`step.py`), with scenes in the GPU's memory, and profiles full. In between medium is trained from
scenes that the input pipeline keeps (`fed.py`). What comes first is what is wanted most: each
preset's own batch, the profile with full's. A measurement for which no time is left is named as
left out, one that fails says why, and FOLDER/gpu.json holds what there is after each.

--try does the same with tiny models on whatever device there is: run it before a GPU is paid for.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import GPU

  GPU.run('python experiments/bench/gpu.py', sys.argv[1:])

from experiments.bench import machine
from mese_env.errors import UserError, duration

_HERE = pathlib.Path(__file__).resolve().parent
# A preset's own batch, one that a GPU has to be asked for, and one that may not fit.
_BATCHES = {'small': (32, 128, 512), 'medium': (64, 256, 1024), 'full': (12, 36, 108)}
_STEPS = {'small': 50, 'medium': 20, 'full': 10}
_TINY = ('--config.image_size=8', '--config.width=2', '--config.draw_steps=1', '--config.latent=1')
# XLA times algorithms for each convolution while it compiles; without these it takes minutes.
_XLA_FLAGS = (
  '--xla_gpu_experimental_enable_fusion_autotuner=false',
  '--xla_gpu_enable_triton_gemm=false',
)


class Measurement(NamedTuple):
  """What is timed.

  Attributes:
    script: beside this one.
    name: of its file and its line.
    arguments: of the script, but for where it writes.
  """

  script: str
  name: str
  arguments: tuple[str, ...]


def main(options: argparse.Namespace) -> None:
  """Measures what there is time for, and prints and writes it.

  Raises:
    UserError: there is no GPU, or another program uses the processor.
  """
  end = time.monotonic()
  end += 60 * options.minutes
  if not options.tiny:
    machine.refuse_when_busy()
    _require_gpu()
  options.out.mkdir(parents=True, exist_ok=True)
  found: dict[str, Any] = {'xla_flags': _XLA_FLAGS, 'measured': {}, 'left_out': {}}
  print(
    f'{"step":18s} {"ms":>8s} {"scenes/s":>9s} {"TFLOP/s":>8s} {"peak":>7s} {"share":>6s} '
    f'{"GB":>6s} {"compile s":>9s}',
    flush=True,
  )
  for wanted in measurements(options.out, options.tiny):
    record, why = _measure(wanted, options.out, end)
    if record is None:
      found['left_out'][wanted.name] = why
      print(f'{wanted.name:18s} left out: {why}', flush=True)
    else:
      found['measured'][wanted.name] = record
      print(_line(wanted, record), flush=True)
    (options.out / 'gpu.json').write_text(json.dumps(found, indent=2) + '\n')


def measurements(out: pathlib.Path, tiny: bool) -> Iterator[Measurement]:
  """Every preset's own batch, then the larger ones, those that take longest to compile last."""
  for rank in range(3):
    for preset, batches in _BATCHES.items():
      batch = batches[rank] if not tiny else rank + 1
      arguments = [
        f'--config={_HERE.parent}/configs/apoe.py:{preset}',
        '--config.modalities=m2',
        '--config.dtype=bfloat16',
        '--config.absent=prior',
        f'--batch={batch}',
        f'--steps={1 if tiny else _STEPS[preset]}',
        *(_TINY if tiny else ()),
        '--busy',
      ]
      profile = [f'--profile={out / "profile"}'] if (preset, rank) == ('full', 0) else []
      yield Measurement('step.py', f'{preset}-{batch}', (*arguments, *profile))
      if (preset, rank) == ('medium', 1):
        yield Measurement('fed.py', f'{preset}-{batch}-fed', tuple(arguments))


def _require_gpu() -> None:
  # In a process of its own, for JAX reserves most of a GPU's memory when it first looks at it.
  ask = 'import jax; print(jax.devices()[0].platform)'
  done = subprocess.run([sys.executable, '-c', ask], capture_output=True, text=True, check=False)
  if done.stdout.strip() != 'gpu':
    raise UserError(
      f'JAX sees no GPU here ({done.stdout.strip() or "it failed"}); install the project with its '
      'extra [cuda] where there is one, or try the command out with --try.'
    )


def _measure(
  wanted: Measurement, out: pathlib.Path, end: float
) -> tuple[dict[str, Any] | None, str]:
  """What was measured; None, and why, where it did not."""
  left = end - time.monotonic()
  if left <= 0:
    return None, 'no time was left'
  path = out / f'{wanted.name}.json'
  command = [sys.executable, str(_HERE / wanted.script), *wanted.arguments, f'--json={path}']
  flags = ' '.join([os.environ.get('XLA_FLAGS', ''), *_XLA_FLAGS]).strip()
  try:
    done = subprocess.run(
      command,
      env=os.environ | {'XLA_FLAGS': flags},
      stdout=subprocess.DEVNULL,
      stderr=subprocess.PIPE,
      text=True,
      timeout=left,
      check=False,
    )
  except subprocess.TimeoutExpired:
    return None, f'not done after {duration(left)}, when the time was over'
  if done.returncode:
    said = [line for line in done.stderr.splitlines() if line.strip()] or ['it said nothing']
    why = next((line for line in said if 'RESOURCE_EXHAUSTED' in line), said[-1])
    return None, f'it failed ({why.strip()[:200]})'
  return json.loads(path.read_text()), ''


def _line(wanted: Measurement, record: dict[str, Any]) -> str:
  if wanted.script == 'fed.py':
    waits = f'{record["input_wait"]:.3f} of the time waiting for them'
    return f'{wanted.name:18s} {record["scenes_per_second"]:,.0f} scenes a second, {waits}'
  return (
    f'{wanted.name:18s} {record["median_ms"]:8,.1f} {record["scenes_per_s"]:9,.0f} '
    f'{record["flops_per_s"] / 1e12:8,.1f} {record["peak_flops_per_s"] / 1e12:7,.0f} '
    f'{record["share_of_peak"]:6.3f} {record["peak_bytes"] / 1e9:6.1f} {record["compile_s"]:9.1f}'
  )
