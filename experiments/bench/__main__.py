"""All tables of the bench, each configuration in a process of its own, for its own peak memory.

python -m experiments.bench [--quick] [--out=FOLDER]

It refuses to begin on a busy machine. The bars are printed beside what they bound; a bar that is
missed is explained in NOTES.md.
"""

import argparse
import json
import pathlib
import subprocess
import sys

from experiments.bench import machine
from mese_env.errors import UserError, exit_on_user_error

_HERE = pathlib.Path(__file__).parent
# Variant, modalities, scenes in the batch, and the bar: most milliseconds per step on the CPU for
# which the authors' code was measured (shared with nobody else: AMD EPYC, two cores, AVX-512).
_FULL = (
  ('baseline', 'm2', 2, None),
  ('poe', 'm2', 2, None),
  ('apoe', 'm2', 2, 3400),
  ('baseline', 'm5', 2, None),
  ('poe', 'm5', 2, None),
  ('apoe', 'm5', 2, 2150),
  ('baseline', 'm14', 1, None),
  ('poe', 'm14', 1, 2600),
  ('apoe', 'm14', 1, 2000),
)


def main() -> None:
  """Runs every bench and prints its table."""
  parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
  parser.add_argument('--quick', action='store_true', help='only the rows that have a bar')
  parser.add_argument('--out', type=pathlib.Path, default=pathlib.Path('runs/bench'))
  options = parser.parse_args()
  machine.refuse_when_busy()
  options.out.mkdir(parents=True, exist_ok=True)
  rows = [row for row in _FULL if not options.quick or row[3]]
  print(f'{"model":22s} {"ms/step":>8s} {"bar":>6s} {"plain":>6s} {"compile s":>9s} ', end='')
  print(f'{"GB":>5s} {"GFLOP/s":>8s} {"of peak":>7s}')
  for variant, modalities, batch, bar in rows:
    hoists = variant == 'apoe' and modalities in ('m2', 'm14')
    measured = _run(
      options.out / f'{variant}-{modalities}.json',
      'step.py',
      f'--config={_HERE.parent}/configs/{variant}.py:full',
      f'--config.modalities={modalities}',
      f'--batch={batch}',
      *(['--plain', '--steps=3'] if hoists else ['--steps=4']),
    )
    ratio = f'{measured["plain_over_hoisted"]:.2f}x' if hoists else ''
    print(
      f'{variant + " " + modalities + f", batch {batch}":22s} {measured["median_ms"]:8,.0f} '
      f'{bar or "":>6} {ratio:>6s} {measured["compile_s"]:9.1f} '
      f'{measured["peak_bytes"] / 1e9:5.2f} {measured["flops_per_s"] / 1e9:8,.0f} '
      f'{measured["share_of_peak"]:7.2f}',
      flush=True,
    )
  for name in ('env', 'input'):
    print(f'\n{name}')
    measured = _run(options.out / f'{name}.json', f'{name}.py')
    for what, value in measured.items():
      print(f'  {what:36s} {value:,.2f}' if isinstance(value, float) else f'  {what:36s} {value}')


def _run(path: pathlib.Path, script: str, *arguments: str) -> dict:
  """What a bench measured; `--busy`, since this process saw that the machine was idle."""
  command = [sys.executable, str(_HERE / script), *arguments, '--busy', f'--json={path}']
  done = subprocess.run(command, stdout=subprocess.DEVNULL)
  if done.returncode:
    raise UserError(f'{script} failed; run it by itself: {" ".join(command)}')
  return json.loads(path.read_text())


if __name__ == '__main__':
  with exit_on_user_error():
    main()
