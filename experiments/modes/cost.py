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
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from experiments import bench
from experiments.configs import apoe
from experiments.evaluation import blocks, results
from experiments.evaluation.contract import Evaluation, Setting
from experiments.evaluation.cost_records import PAPER, Costs, Paper, StepCost
from experiments.evaluation.fitting import Fitting
from experiments.evaluation.titles import form_of
from experiments.figures import cost as cost_figures
from gmn_jax.config import Config, make_model, preset
from gmn_jax.model import POE, VARIANTS
from gmn_jax.training.checkpoint import Run
from mese_env.command_line import require_at_least
from mese_env.errors import UserError
from tfds_mese.dataset import Dataset

# Run, not imported: it is a command, which sets the environment of its process.
_STEP = pathlib.Path(bench.__file__).with_name('step.py')
_GIB = 2**30


@dataclasses.dataclass(frozen=True)
class Options:
  """What is measured, and for how long."""

  # Which experts there are.
  variants: tuple[str, ...] = ('baseline', 'poe', 'apoe')
  # Sets of modalities.
  modalities: tuple[str, ...] = ('m2', 'm5', 'm8', 'm14')
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


def _fitted(run: Run, datasets: Mapping[str, Dataset], options: Options) -> Options:
  """Leaves out the sets that the run's images or sensors cannot be cut into."""
  fitting, refusals = Fitting(options), {}
  for name in options.modalities:
    try:
      _config(run, options, options.variants[0], name)
    except UserError as error:
      refusals[name] = str(error)
  kept = tuple(name for name in options.modalities if name not in refusals)
  if refusals and kept and fitting.is_default('modalities'):
    fitting.use('modalities', kept, next(iter(refusals.values())).rstrip('.'))
  return fitting.done()


def measure(setting: Setting[Options]) -> Costs:
  """Measures every variant with every set of modalities.

  Raises:
    UserError: a config is none, the machine is busy, or a measurement failed.
  """
  options = setting.options
  configs = _configs(setting)

  def compute(number: int) -> blocks.Block:
    return {name: [value] for name, value in _measure(configs[number], options).items()}

  columns = setting.in_blocks(len(configs), compute)
  rows = zip(*(column.tolist() for column in columns.values()), strict=True)
  records = [
    StepCost(
      variant=config.variant,
      modalities=config.modalities,
      M=len(make_model(config).modalities),
      **dict(zip(columns, row, strict=True)),
    )
    for config, row in zip(configs, rows, strict=True)
  ]
  return Costs(records, PAPER)


def _configs(setting: Setting[Options]) -> list[Config]:
  options = setting.options
  return [
    _config(setting.run, options, variant, name)
    for name in options.modalities
    for variant in options.variants
  ]


def _config(run: Run, options: Options, variant: str, modalities: str) -> Config:
  config = preset(options.preset) if options.preset else run.config
  return config.replace(
    variant=variant,
    modalities=modalities,
    missing='',
    batch_size=options.batch or config.batch_size,
  )


def _measure(config: Config, options: Options) -> dict[str, Any]:
  """What `bench/step.py` measures of a config, in a process of its own."""
  of_preset = preset(config.preset).to_dict()
  fields = config.to_dict().items()
  changed = [f'--config.{name}={value}' for name, value in fields if value != of_preset[name]]
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
      [*command, f'--json={path}'], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode == 0:
      return json.loads(path.read_text())
  said = (done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]
  if done.returncode == 2:
    raise UserError(said.removeprefix('error: '))
  raise UserError(
    f'measuring {config.variant} with {config.modalities} failed ({said[:200]}); give a smaller '
    f'--batch, or see all that it says with {shlex.join(command)}.'
  )


def _notes(found: Costs, setting: Setting[Options]) -> list[str]:
  options, config = setting.options, _configs(setting)[0]
  machines = sorted({record.machine for record in found.measured})
  # What the variants have in common.
  said = [*form_of(config)[1:], config.optimizer, config.dtype]
  notes = [
    f'{_sizes(config)}, {", ".join(said)}, on {", ".join(machines)}.',
    f'Time: median of {results.counted(options.steps, "steps")} (least to most). Memory: the most '
    'in use in a process of its own; without an accelerator all of that process, compilation '
    'included. FLOP: counted in the forward and backward passes (gmn_jax/training/flops.py). '
    'Share of peak: of the rate of a matrix product or a convolution in the same process.',
  ]
  if any(record.measured_beside_other_work for record in found.measured):
    notes.append('Measured beside other work (--busy): times and shares are no statement.')
  return notes


def _sizes(config: Config) -> str:
  return (
    f'Width {config.width}, {results.counted(config.draw_steps, "draw steps")}, images of '
    f'{config.image_size} pixels, {results.counted(config.batch_size, "scenes")} a step'
  )


def _tables(found: Costs, setting: Setting[Options]) -> list[results.Table]:
  del setting
  return [_table(found.measured), _paper_table(found.paper)]


def _table(records: Sequence[StepCost]) -> results.Table:
  of_poe = {r.modalities: r.median_ms for r in records if r.variant == POE.name}
  rows = []
  for r in records:
    poe = of_poe.get(r.modalities)
    rows.append(
      [
        f'{r.M}',
        VARIANTS[r.variant].title,
        _millions(r.parameters / 1e6),
        f'{r.median_ms:,.0f} ({r.min_ms:,.0f} to {r.max_ms:,.0f})',
        f'{r.median_ms / poe:.2f}' if poe else '-',
        f'{r.scenes_per_s:,.1f}',
        f'{r.peak_bytes / _GIB:.2f}',
        f'{r.flops / 1e12:.3g}',
        f'{100 * r.share_of_peak:.0f} %',
        f'{r.compile_s:.0f}',
      ]
    )
  heads = [
    'M', 'variant', 'parameters (M)', 'ms per step', 'over PoE', 'scenes/s', 'peak memory (GiB)',
    'TFLOP per step', 'share of peak', 'compilation (s)',
  ]  # fmt: skip
  return results.Table('A training step', heads, rows)


def _paper_table(paper: Sequence[Paper]) -> results.Table:
  of_poe = {of.M: of.ms for of in paper if of.variant == POE.name}
  rows = [
    [
      f'{of.M}',
      VARIANTS[of.variant].title,
      f'{of.parameters_millions}',
      f'{of.ms:,}',
      f'{of.ms / of_poe[of.M]:.2f}',
    ]
    for of in paper
  ]
  return results.Table(
    "The paper's (Section 4), on its own hardware and in its own sizes: times are not comparable",
    ['M', 'variant', 'parameters (M)', 'ms per step', 'over PoE'],
    rows,
  )


def _millions(parameters: float) -> str:
  return f'{parameters:.1f}' if parameters >= 10 else f'{parameters:.3g}'


def _figures(found: Costs, setting: Setting[Options], title: str) -> dict[str, Figure]:
  del title  # What is measured may be of other sizes than the run.
  return {'': cost_figures.draw(found, _sizes(_configs(setting)[0]))}


MODE = Evaluation(
  name='cost',
  doc=__doc__,
  options=Options,
  measure=measure,
  tables=_tables,
  notes=_notes,
  figures=_figures,
  datasets=lambda run, options: [],
  instead='scenes of noise',
  fitted=_fitted,
)
