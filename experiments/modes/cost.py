"""What a training step costs, by variant and number of modalities (the paper's Section 4).

  python experiments/main.py --workdir=RUN --mode=cost

Parameters, time, memory and arithmetic of baseline, PoE and APoE in the sizes of a run, or of a
preset. Each is measured by `experiments/bench/step.py` in a process of its own, so that the peak of
memory is its own, and kept: after an interruption the same command goes on. A GPU is shared with
this process, which reserves most of it unless XLA_PYTHON_CLIENT_PREALLOCATE=false; a TPU serves one
process alone, so that only `step.py` by itself can measure there.

The paper's figures stand beside; they are of its own hardware and sizes.
"""

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from ml_collections import ConfigDict

from experiments import bench
from experiments.configs import apoe
from experiments.evaluation import blocks, results
from experiments.evaluation.options import require_at_least
from experiments.figures import style as figures
from gmn_jax.config import check, make_model
from gmn_jax.senses.sets import MODALITY_SETS
from gmn_jax.training.checkpoint import Run
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

# Section 4, "Space and Time Complexity": by variant and M, parameters in millions, ms per step.
PAPER = {
  ('poe', 5): (53, 790),
  ('apoe', 5): (29, 679),
  ('poe', 14): (131, 2059),
  ('apoe', 14): (51, 1189),
}
_NAMES = {'baseline': 'baseline', 'poe': 'PoE', 'apoe': 'APoE'}
# Run, not imported: it is a command, which sets the environment of its process.
_STEP = pathlib.Path(bench.__file__).with_name('step.py')
_GIB = 2**30

Record = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
  """What is measured, and for how long."""

  # How experts combine.
  variants: tuple[str, ...] = ('baseline', 'poe', 'apoe')
  # Sets of modalities.
  modalities: tuple[str, ...] = MODALITY_SETS
  # Whose sizes: those of a preset, 'small', 'medium' or 'full'; empty: the run's own.
  preset: str = ''
  # Scenes in a batch; 0: as many as the run, or the preset, takes.
  batch: int = 0
  # Steps that are timed, after one that is not.
  steps: int = 5
  # Measure beside other work too; the numbers then say so.
  busy: bool = False

  def __post_init__(self):
    require_at_least(self, batch=0, steps=1)
    for field in ('variants', 'modalities'):
      given = getattr(self, field)
      if not given or len(set(given)) < len(given):
        raise UserError(f'--{field} is {",".join(given)!r}; name each that is wanted, once.')


def evaluate(
  run: Run, dataset: Dataset, workdir: pathlib.Path, options: Options
) -> results.Results:
  """Measures every variant with every set of modalities; writes `cost.json`, `.txt` and `.png`.

  Raises:
    UserError: a config is none, the machine is busy, or a measurement failed.
  """
  began = time.monotonic()
  configs = [
    _config(run, options, variant, name)
    for name in options.modalities
    for variant in options.variants
  ]
  for config in configs:
    check(config)
  folder = workdir / 'cache' / f'cost-{blocks.fingerprint(run, [], options)}'

  def compute(number: int) -> blocks.Block:
    return {name: [value] for name, value in _measure(configs[number], options).items()}

  columns = blocks.in_blocks(folder, len(configs), compute)
  rows = zip(*(column.tolist() for column in columns.values()), strict=True)
  records = [
    {
      'variant': config.variant,
      'modalities': config.modalities,
      'M': len(make_model(config).modalities),
      **dict(zip(columns, row, strict=True)),
    }
    for config, row in zip(configs, rows, strict=True)
  ]
  found = results.Results(
    'cost',
    run,
    options,
    ['scenes of noise'],
    {
      'measured': records,
      'paper': [
        {'variant': variant, 'M': count, 'parameters_millions': millions, 'ms': ms}
        for (variant, count), (millions, ms) in PAPER.items()
      ],
    },
    [_table(records), _paper_table()],
    _notes(configs, records, options),
    time.monotonic() - began,
  )
  results.write(found, {'': _draw(records, _sizes(configs[0]))}, workdir)
  blocks.forget(folder)
  return found


def _config(run: Run, options: Options, variant: str, modalities: str) -> ConfigDict:
  config = apoe.get_config(options.preset or run.config.preset)
  if not options.preset:
    stored = run.config.to_dict()
    config.update({field: stored[field] for field in config if field in stored})
  config.update(variant=variant, modalities=modalities, missing='')
  config.batch_size = options.batch or config.batch_size
  return config


def _measure(config: ConfigDict, options: Options) -> dict[str, Any]:
  """What `bench/step.py` measures of a config, in a process of its own."""
  preset = apoe.get_config(config.preset)
  changed = [f'--config.{name}={config[name]}' for name in config if config[name] != preset[name]]
  command = [
    sys.executable,
    str(_STEP),
    f'--config={apoe.__file__}:{config.preset}',
    *changed,
    f'--steps={options.steps}',
    *['--busy'] * options.busy,
  ]
  # What this process has left of a GPU is taken as it is needed.
  environment = os.environ | {'XLA_PYTHON_CLIENT_PREALLOCATE': 'false'}
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder, 'step.json')
    done = subprocess.run(
      [*command, f'--json={path}'], env=environment, capture_output=True, text=True
    )
    if done.returncode == 0:
      return json.loads(path.read_text())
  said = (done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]
  if done.returncode == 2:
    raise UserError(said.removeprefix('error: '))
  raise UserError(
    f'measuring {config.variant} with {config.modalities} failed ({said[:200]}); give a smaller '
    f'--batch, or see all that it says with {" ".join(command)}.'
  )


def _notes(configs: Sequence[ConfigDict], records: Sequence[Record], options: Options) -> list[str]:
  config = configs[0]
  machines = sorted({record['machine'] for record in records})
  notes = [
    f'{_sizes(config)}, {config.optimizer}, {config.dtype}, on {", ".join(machines)}.',
    f'Time: median of {results.counted(options.steps, "steps")} (least to most). Memory: the most '
    'in use in a process of its own; without an accelerator all of that process, compilation '
    'included. FLOP: counted in the forward and backward passes (gmn_jax/training/flops.py). '
    'Share of peak: of the rate of a matrix product or a convolution in the same process.',
  ]
  if any(record['measured_beside_other_work'] for record in records):
    notes.append('Measured beside other work (--busy): times and shares are no statement.')
  return notes


def _sizes(config: ConfigDict) -> str:
  return (
    f'Width {config.width}, {results.counted(config.draw_steps, "draw steps")}, images of '
    f'{config.image_size} pixels, {results.counted(config.batch_size, "scenes")} a step'
  )


def _table(records: Sequence[Record]) -> results.Table:
  of_poe = {r['modalities']: r['median_ms'] for r in records if r['variant'] == 'poe'}
  rows = []
  for r in records:
    poe = of_poe.get(r['modalities'])
    rows.append(
      [
        f'{r["M"]}',
        _NAMES[r['variant']],
        _millions(r['parameters'] / 1e6),
        f'{r["median_ms"]:,.0f} ({r["min_ms"]:,.0f} to {r["max_ms"]:,.0f})',
        f'{r["median_ms"] / poe:.2f}' if poe else '-',
        f'{r["scenes_per_s"]:,.1f}',
        f'{r["peak_bytes"] / _GIB:.2f}',
        f'{r["flops"] / 1e12:.3g}',
        f'{100 * r["share_of_peak"]:.0f} %',
        f'{r["compile_s"]:.0f}',
      ]
    )
  heads = [
    'M', 'variant', 'parameters (M)', 'ms per step', 'over PoE', 'scenes/s', 'peak memory (GiB)',
    'TFLOP per step', 'share of peak', 'compilation (s)',
  ]  # fmt: skip
  return results.Table('A training step', heads, rows)


def _paper_table() -> results.Table:
  rows = [
    [f'{count}', _NAMES[variant], f'{millions}', f'{ms:,}', f'{ms / PAPER["poe", count][1]:.2f}']
    for (variant, count), (millions, ms) in PAPER.items()
  ]
  return results.Table(
    "The paper's (Section 4), on its own hardware and in its own sizes: times are not comparable",
    ['M', 'variant', 'parameters (M)', 'ms per step', 'over PoE'],
    rows,
  )


def _millions(parameters: float) -> str:
  return f'{parameters:.1f}' if parameters >= 10 else f'{parameters:.3g}'


def _draw(records: Sequence[Record], sizes: str) -> Figure:
  """Four quantities over M, the paper's hollow and dotted."""
  figure, axes = figures.panels(2, 2, width=3.4, height=2.8)
  panels = {
    'parameters': (lambda r: r['parameters'] / 1e6, 'millions'),
    'time of a step': (lambda r: r['median_ms'], 'ms'),
    'peak memory': (lambda r: r['peak_bytes'] / _GIB, 'GiB'),
    'share of peak': (lambda r: 100 * r['share_of_peak'], '%'),
  }
  for axis, (title, (read, unit)) in zip(axes.flat, panels.items(), strict=True):
    for index, (variant, name) in enumerate(_NAMES.items()):
      chosen = [r for r in records if r['variant'] == variant]
      y = [read(r) for r in chosen]
      spread = None
      if title == 'time of a step':
        spread = [
          [r['median_ms'] - r['min_ms'] for r in chosen],
          [r['max_ms'] - r['median_ms'] for r in chosen],
        ]
      if chosen:
        figures.line(axis, [r['M'] for r in chosen], y, spread, index, name)
    if title in ('parameters', 'time of a step'):
      _draw_paper(axis, 0 if title == 'parameters' else 1)
      # The paper's sizes may be far from what was measured.
      axis.set_yscale('log')
    else:
      axis.set_ylim(0, 1.1 * axis.dataLim.y1)
    axis.set_xticks(sorted({r['M'] for r in records} | {count for _, count in PAPER}))
    figures.describe(axis, title, 'number of modalities M', unit)
  figure.suptitle(f'A training step: {sizes[0].lower()}{sizes[1:]}', fontsize=9)
  handles, labels = axes[0, 1].get_legend_handles_labels()
  figure.legend(handles, labels, loc='outside lower center', ncols=3, fontsize=7, frameon=False)
  return figure


def _draw_paper(axis: Axes, quantity: int) -> None:
  for index, (variant, name) in enumerate(_NAMES.items()):
    numbers = {count: of[quantity] for (which, count), of in PAPER.items() if which == variant}
    if numbers:
      axis.plot(
        list(numbers),
        list(numbers.values()),
        color=figures.COLOURS[index],
        marker=figures.MARKERS[index],
        markersize=5,
        markerfacecolor='white',
        linewidth=0.8,
        linestyle=':',
        label=f"{name}, the paper's hardware and sizes, not comparable",
      )
