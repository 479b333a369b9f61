"""What the benches take; it loads nothing of what they do."""

import pathlib
from collections.abc import Sequence

from mese_env import folders
from mese_env.command import Command
from mese_env.command_line import Parser, Words

_CONFIG_FIELDS = r'--(no)?config\.'
_TINY, _PEER_CASES = 'shepard_metzler_5_tiny', 'apoe-m2, apoe-m5, apoe-m14, poe-m14'


def _bench(program: str, _: Sequence[str]) -> Parser:
  about = """\
The tables of the bench and its bars, each configuration in a process of its own, for its own peak
memory.

A quarter of an hour; with --all every variant, set of modalities, preset and arithmetic, and where
the time of APoE goes, in an hour or more. It refuses to begin on a busy machine, or without the
dataset that is read. Our code against the authors' is timed by peer.py."""
  parser = Parser(program, about, '--all --out=runs/bench')
  parser.option('all', bool, False, 'every configuration')
  out = folders.argument('--out')
  parser.option('out', out, pathlib.Path('runs/bench'), 'where the numbers go')
  return parser


def _step(program: str, _: Sequence[str]) -> Parser:
  about = """\
Times a training step: one run prints and writes all that is known about its speed.

--config.FIELD=VALUE sets a field of the config, as in --config.modalities=m14. Scenes are made of
noise, and new in every step: a step takes the same time on any. The share of peak is the FLOPs of
the forward and backward passes over the time and the rate that this machine reached in the same
run."""
  parser = Parser(program, about, '--config=apoe:full --steps=3 --direct', others=_CONFIG_FIELDS)
  _add_step(parser)
  parser.option(
    'direct', bool, False, 'also times the step with every convolution direct, in turns'
  )
  parser.option('plain', bool, False, 'likewise the same mathematics without the savings')
  parts = 'also times encoders, experts, renderers and optimiser by themselves'
  parser.option('parts', bool, False, parts)
  profile = 'also profiles three steps, into that folder'
  parser.option('profile', str, None, profile, metavar='DIR')
  return parser


def _fed(program: str, _: Sequence[str]) -> Parser:
  about = """\
Times training as a whole: steps that the input pipeline feeds with scenes kept in memory.

--config.FIELD=VALUE sets a field of the config. Scenes are made of noise, and as many as four
batches need. What step.py tells of the same config is the speed of a step whose scenes wait on the
device."""
  parser = Parser(program, about, '--config=apoe:medium', others=_CONFIG_FIELDS)
  _add_step(parser)
  parser.set_defaults(direct=False, plain=False, parts=False, profile=None)
  return parser


def _add_step(parser: Parser) -> None:
  config = 'apoe, poe, baseline or a file of your own; :PRESET is small, medium or full'
  parser.option('config', str, None, config, metavar='NAME[:PRESET]')
  parser.option('batch', int, None, "scenes in the batch; the config's batch_size if not given")
  parser.option('steps', int, 5, 'how many steps are timed')
  _add_ends(parser)


def _written(text: str) -> pathlib.Path:
  path = folders.read_path(text, '--json')
  folders.require_writable(path.parent, 'give another --json.')
  return path


def _add_ends(parser: Parser) -> None:
  parser.option('json', _written, None, 'also writes the numbers there', metavar='FILE')
  parser.option('busy', bool, False, 'measures beside other work too; the numbers then say so')


def _env(program: str, _: Sequence[str]) -> Parser:
  about = 'Times the environment: scenes, grasps and frames a second on one core.'
  parser = Parser(program, about, '--scenes=40')
  parser.option('scenes', int, 40, 'how many scenes are timed')
  _add_ends(parser)
  return parser


def _input(program: str, _: Sequence[str]) -> Parser:
  about = """\
Times the input: scenes read a second, from disk and from memory, against scenes that the small
preset consumes as the demo trains it."""
  parser = Parser(program, about, f'--dataset={_TINY}')
  parser.option('dataset', str, _TINY, 'a built dataset', metavar='NAME')
  parser.option('batches', int, 100, 'batches of each round')
  _add_ends(parser)
  return parser


def _gpu(program: str, _: Sequence[str]) -> Parser:
  about = """\
What is to be known of a GPU in ten minutes: how fast the presets train on it in bfloat16.

What comes first is what is wanted most. A measurement for which no time is left is named as left
out, one that fails says why, and gpu.json holds what there is after each."""
  parser = Parser(program, about, '--out=runs/gpu --minutes=10')
  out = folders.argument('--out')
  parser.option('out', out, pathlib.Path('runs/gpu'), 'where the numbers go')
  parser.option('minutes', float, 10.0, 'after which nothing is left running')
  tiny = 'tiny models, on any device, before a GPU is paid for'
  parser.option('try', bool, False, tiny, dest='tiny')
  return parser


def _peer(program: str, _: Sequence[str]) -> Parser:
  about = """\
Times our code against the authors', in turns, in one run on one machine.

Each side is a process of its own with as many threads as there are cores. They take single steps in
turns, ours first; the first step of each is not counted, and while one works the other sleeps. Both
have the paper's sizes, 15 views of every modality, float32 and models of equally many parameters
but for the 7 numbers per modality which the authors' have and never use."""
  parser = Parser(program, about, '--peer=~/their-code --peer_python=~/torch/bin/python')
  peer = "a checkout of the authors' repository; nothing of it is copied"
  parser.option('peer', folders.argument('--peer'), None, peer, required=True)
  python = 'an interpreter with PyTorch 2 and NumPy'
  parser.option('peer_python', str, None, python, required=True, metavar='PYTHON')
  parser.option('only', Words, (), f'of {_PEER_CASES}; all if not given')
  timed = 'how many training steps, and how many inferences, are timed'
  parser.option('steps', int, 5, timed)
  draws = "of both models, the paper's; fewer to try the command out"
  parser.option('draw_steps', int, 12, draws)
  _add_ends(parser)
  return parser


BENCH = Command('The tables of the bench and its bars.', _bench, 'experiments.bench.__main__:main')
STEP = Command('Times a training step.', _step, 'experiments.bench.step:main')
FED = Command('Times training as a whole.', _fed, 'experiments.bench.fed:main')
ENV = Command('Times the environment.', _env, 'experiments.bench.env:main')
INPUT = Command('Times the input.', _input, 'experiments.bench.input:main')
GPU = Command('Times a GPU.', _gpu, 'experiments.bench.gpu:main')
PEER = Command("Times our code against the authors'.", _peer, 'experiments.bench.peer:main')
