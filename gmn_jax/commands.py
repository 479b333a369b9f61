"""What `python -m gmn_jax.parity` takes; it loads nothing of what it does."""

from collections.abc import Sequence

from mese_env.command import Command
from mese_env.command_line import Parser

_PARITY = """Is it the paper's model? Compares it with recordings of the authors' implementation.

Everything is computed in float64. A line per quantity has its largest relative error; the exit code
is 1 when one is above its bound: 1e-9, 1e-5 for what is recorded as float32, 1e-6 for the three
steps of clipped Adam. Without files it runs on the extracts that come along."""


def _parity(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, _PARITY, 'golden_apoe_v4_m2_noise.npz', '[FILE.npz ...]')
  parser.add_argument('files', nargs='*', metavar='FILE.npz', help='a recording')
  return parser


PARITY = Command("Compares the model with the authors'.", _parity, 'gmn_jax.parity:carry_out')
