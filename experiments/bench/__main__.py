"""The tables of the bench and its bars, each configuration in a process of its own, for its own
peak memory.

A quarter of an hour; with --all every variant, set of modalities, preset and arithmetic, and where
the time of APoE goes, in an hour or more. It refuses to begin on a busy machine, or without the
dataset that is read. Bars that are missed are explained in NOTES.md. Our code against the authors'
is timed by `peer.py`, which needs a checkout of theirs.

Columns: GFLOP are those of forward and backward pass as this machine computes them, peak its rate
in a product or a convolution, and share what of that rate the step reaches. "direct" is the time of
the same step with every convolution computed directly, over the step's, and "plain" that of the
authors' form; both were taken in turns with it. "direct GFLOP" are those of the direct form, and
"padding" is the part of them that multiplies zeros beyond an image's border.
"""

import argparse
import dataclasses
import json
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

if __name__ == '__main__':
  from experiments.bench.commands import BENCH

  BENCH.run('python -m experiments.bench', sys.argv[1:])

from experiments.bench import bars, machine
from experiments.bench.input import ACCUMULATE, DATASET
from gmn_jax.model import APOE, BASELINE, POE
from gmn_jax.senses.sets import MODALITY_SETS
from mese_env import folders
from mese_env.errors import UserError
from tfds_mese.reading import open_dataset

_HERE = pathlib.Path(__file__).parent
# What a preset is measured with, by set of modalities: full with batches that the authors' code
# also does in seconds, medium with an eighth of its batch, small as the demo trains it.
_OPTIONS = {
  'full': {
    name: f'--batch={batch}' for name, batch in zip(MODALITY_SETS, (2, 2, 1, 1), strict=True)
  },
  'medium': dict.fromkeys(MODALITY_SETS, '--batch=8'),
  'small': dict.fromkeys(MODALITY_SETS, f'--config.accumulate={ACCUMULATE}'),
}
_VARIANTS = (BASELINE.name, POE.name, APOE.name)

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Row:
  """A configuration whose training step is measured.

  Attributes:
    preset: 'small', 'medium' or 'full'.
    variant: how experts combine.
    modalities: their set.
    dtype: of the arithmetic.
    options: further ones of `step.py`.
  """

  preset: str
  variant: str
  modalities: str
  dtype: str = 'float32'
  options: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    """Of its files and of its line in the table."""
    return f'{self.preset}-{self.variant}-{self.modalities}-{self.dtype}'

  @property
  def arguments(self) -> tuple[str, ...]:
    """The command line of `step.py`."""
    return (
      f'--config={_HERE.parent}/configs/{self.variant}.py:{self.preset}',
      f'--config.modalities={self.modalities}',
      f'--config.dtype={self.dtype}',
      _OPTIONS[self.preset][self.modalities],
      *self.options,
    )


# What the bars are about.
FEW = (
  Row('full', 'apoe', 'm2', options=('--steps=3', '--direct', '--plain')),
  Row('full', 'apoe', 'm5', options=('--steps=3', '--direct')),
  Row('full', 'apoe', 'm14', options=('--steps=3', '--direct', '--plain')),
  Row('full', 'poe', 'm14', options=('--steps=3', '--direct')),
  Row('medium', 'apoe', 'm2', options=('--steps=3', '--direct')),
  Row('small', 'apoe', 'm2', options=('--steps=20', '--direct', '--parts')),
)


def every_row() -> tuple[Row, ...]:
  """The rows of --all."""
  rows = []
  for preset, steps in (('full', 3), ('small', 20)):
    for dtype in ('float32', 'bfloat16'):
      for modalities in MODALITY_SETS:
        for variant in _VARIANTS:
          options = [f'--steps={steps}']
          if dtype == 'float32' and variant == APOE.name:
            options += ['--parts', '--direct']
            if preset == 'full':
              options.append('--plain')
          rows.append(Row(preset, variant, modalities, dtype, tuple(options)))
  return tuple(rows)


def main(options: argparse.Namespace) -> None:
  """Runs the benches, prints their tables, and the bars beside what was measured."""
  open_dataset(DATASET)
  machine.refuse_when_busy()
  folders.require_writable(options.out, 'give another --out.')
  options.out.mkdir(parents=True, exist_ok=True)
  print(machine.describe())
  print(
    f'{"step":32s} {"batch":>5s} {"ms":>7s} {"least to most":>15s} {"compile s":>9s} {"GB":>5s} '
    f'{"GFLOP":>6s} {"GFLOP/s":>7s} {"peak":>6s} {"share":>5s} {"direct GFLOP":>12s} '
    f'{"padding":>7s} {"direct":>6s} {"plain":>6s}'
  )
  steps = {}
  for row in every_row() if options.all else FEW:
    record = steps[row.name] = _run(options.out / f'{row.name}.json', 'step.py', *row.arguments)
    print(_line(row, record), flush=True)
    for part, ms in record.get('parts_ms', {}).items():
      print(f'  {part + ", by themselves":36s} {ms:9,.1f}')
  others = {name: _run(options.out / f'{name}.json', f'{name}.py') for name in ('env', 'input')}
  for name, record in others.items():
    print(f'\n{name}')
    for what, value in record.items():
      print(f'  {what:44s} {value:,.2f}' if isinstance(value, float) else f'  {what:44s} {value}')
  print(f'\n{bars.table(bars.judge(steps, **others))}')


def _line(row: Row, record: Record) -> str:
  over = {name: form['over_chosen'] for name, form in record.get('in_turns', {}).items()}
  ratios = (f'{over[form]:.2f}x' if form in over else '' for form in (bars.DIRECT, bars.PLAIN))
  return (
    f'{row.name:32s} {record["batch"]:5d} {record["median_ms"]:7,.0f} '
    f'{record["min_ms"]:7,.0f} {record["max_ms"]:7,.0f} {record["compile_s"]:9.1f} '
    f'{record["peak_bytes"] / 1e9:5.2f} {record["flops"] / 1e9:6,.0f} '
    f'{record["flops_per_s"] / 1e9:7,.0f} {record["peak_flops_per_s"] / 1e9:6,.0f} '
    f'{record["share_of_peak"]:5.2f} {record["direct_flops"] / 1e9:12,.0f} '
    f'{record["padding_flops"] / record["direct_flops"]:7.2f} '
    + ' '.join(f'{ratio:>6s}' for ratio in ratios)
  )


def _run(path: pathlib.Path, script: str, *arguments: str) -> Record:
  """What a bench measured, which looks by itself whether the machine is still idle."""
  command = [sys.executable, str(_HERE / script), *arguments, f'--json={path}']
  done = subprocess.run(
    command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
  )
  if done.returncode == 2:
    raise UserError(done.stderr.strip().splitlines()[-1].removeprefix('error: '))
  if done.returncode:
    raise UserError(f'{script} failed; run it by itself: {shlex.join(command)}')
  return json.loads(path.read_text())
