"""The commands of this folder, as their scripts and `gmn` run them: what they take and who does it.

Nothing here loads what carries a command out, so that --help answers at once.
"""

import functools
import itertools
import pathlib
import re
from collections.abc import Sequence

from experiments import modes
from experiments.evaluation import options as mode_options
from experiments.evaluation.declared import declared
from mese_env import folders
from mese_env.command import Command
from mese_env.command_line import Parser, Words
from mese_env.errors import UserError, did_you_mean

_CONFIG_FIELDS = r'--(no)?config\.'
_GOES_ON = 'what is finished stays, and the same command goes on from there.'
_TRAIN = 'train'
_OF_CONFIG = '--config.FIELD=VALUE'
_EXAMPLE = '--config=apoe:medium --config.steps=1000 --build'
_TRAINS = f"""Trains a model, or goes on with a run.

{_OF_CONFIG} sets a field of the config, as in --config.steps=1000 or --config.modalities=m5;
gmn_jax/config/sections.py explains them all. The same command goes on with a run that was stopped.
"""
_MAIN = """Trains a model, and later evaluates it: one command, whose mode says what is done.

--mode=MODE --help lists the options of an evaluation, which reads the run's config from its
checkpoint: --config may be left out where --workdir is given.
"""
_EVALUATES = f"""\
Of the config only --config.dataset and --config.data_dir may be other than the run's; what else is
asked for by {_OF_CONFIG} must be what the run is."""
_MODEL = 'apoe-small'
_CONFIG = 'apoe, poe, baseline or a file of your own; :PRESET is small, medium or full'


def asked_mode(arguments: Sequence[str]) -> str:
  """The last `--mode=MODE` of a command line of `main.py`, which decides what other options it has.

  Raises:
    UserError: there is no such mode.
  """
  asked = _TRAIN
  for argument, following in itertools.zip_longest(arguments, arguments[1:], fillvalue=''):
    if match := re.fullmatch(r'--?mode(?:=(.*))?', argument):
      asked = following if match[1] is None else match[1]
  if asked not in (known := (_TRAIN, *modes.names())):
    raise UserError(f"there is no mode '{asked}'; {did_you_mean(asked, known)}")
  return asked


def _main(program: str, arguments: Sequence[str]) -> Parser:
  mode = asked_mode(arguments)
  if mode == _TRAIN:
    parser = Parser(program, _MAIN, _EXAMPLE, others=_CONFIG_FIELDS)
    _add_training(parser)
  else:
    doc, example = _of_mode(mode)
    about = f'{doc}\n\n{_EVALUATES}'
    example = f'--workdir=RUN --mode={mode} {example}'
    parser = Parser(program, about, example, others=_CONFIG_FIELDS)
    parser.option('workdir', about='folder of the run', metavar='DIR')
    _add_evaluation(parser, mode)
  known = ', '.join((_TRAIN, *modes.names()))
  parser.option('mode', str, mode, f'what is done: {known}', metavar='MODE')
  return parser


def _train(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, _TRAINS, _EXAMPLE, others=_CONFIG_FIELDS)
  _add_training(parser)
  parser.set_defaults(mode=_TRAIN)
  return parser


def _evaluate(mode: str, program: str, _: Sequence[str]) -> Parser:
  doc, example = _of_mode(mode)
  about = f'{doc}\n\n{_EVALUATES}'
  example = f'apoe-small {example}'
  parser = Parser(program, about, example, 'MODEL [OPTIONS]', _CONFIG_FIELDS)
  what = 'folder of a run; or name of a model, whose results go to runs/models/NAME'
  parser.add_argument('model', metavar='MODEL', help=what)
  _add_evaluation(parser, mode)
  parser.set_defaults(mode=mode, workdir=None)
  return parser


def _add_training(parser: Parser) -> None:
  parser.option('config', about=_CONFIG, metavar='NAME[:PRESET]')
  parser.option(
    'workdir', about='folder of the run; runs/<config>-<preset> if not given', metavar='DIR'
  )
  parser.option('build', bool, False, 'builds the dataset first if it is missing')
  parser.option('accept_data', bool, False, 'goes on with a run on other data than it had')
  place = 'place of this process among several: auto, or 2/4@HOST:PORT (docs/pod.md)'
  parser.option('distributed', str, '', place, metavar='PLACE')
  parser.set_defaults(model=None)


def _add_evaluation(parser: Parser, mode: str) -> None:
  parser.option('config', about=f'what the run is to be: {_CONFIG}', metavar='NAME[:PRESET]')
  parser.option('build', bool, False, 'builds datasets first if they are missing')
  parser.option('best', bool, False, 'takes the checkpoint of the best validation, not the last')
  parser.set_defaults(model=None)
  fields = declared(modes.module(mode)).fields
  mode_options.define(fields, parser, f'options of {mode}', shared=('build', 'best'))


def _of_mode(mode: str) -> tuple[str, str]:
  """What a mode's docstring says to its users, and the options of the example in it."""
  doc = declared(modes.module(mode)).doc
  doc = '\n\n'.join(part for part in doc.split('\n\n') if not part.startswith('Dims:'))
  match = re.search(rf'\n +python experiments/main\.py .*--mode={mode}(.*)\n', doc)
  if match is None:
    return doc, ''
  return doc.replace(match[0], '').replace('\n\n\n', '\n\n'), match[1].strip()


def _compare(program: str, _: Sequence[str]) -> Parser:
  about = """\
Trains several configs with several seeds, evaluates each run, and puts them in one table.

--config.FIELD=VALUE is for every training, and --MODE.OPTION=VALUE for every evaluation of a mode,
as in --density.samples=5. Every training and evaluation is a process of `main.py`. What has been
done is not done again: the same command continues where it was stopped. The table's means and
standard errors are over seeds; behind them, what each config differs by from the first one. A
second table pairs these differences by seed and, where an evaluation keeps the numbers of its
scenes, by scene, with Student's intervals and p-values corrected for all its rows. compare.png
shows the first table."""
  example = '--configs=apoe,poe --seeds=3 --preset=small --steps=1250'
  parser = Parser(program, about, example, others=r'--\w+\.')
  parser.option('configs', Words, ('apoe', 'poe', 'baseline'), 'names of configs')
  parser.option('seeds', int, 3, 'runs per config, of the seeds 0 to N - 1')
  parser.option('preset', str, 'small', 'small, medium or full', metavar='PRESET')
  parser.option('steps', int, None, "of each training; the preset's if not given")
  sets = "m2, m5, m8 or m14; the preset's if not given"
  parser.option('modalities', str, None, sets, metavar='SET')
  parser.option('modes', Words, modes.COMPARED, 'evaluations of main.py')
  place = 'holds a folder per run; runs/compare-<preset> if not given'
  parser.option('workdir', str, None, place, metavar='DIR')
  beside = 'runs that go side by side; small models leave most of a GPU idle, one fills a CPU'
  parser.option('at_once', int, 1, beside)
  parser.option('build', bool, False, 'builds datasets first if they are missing')
  return parser


def _beside(program: str, _: Sequence[str]) -> Parser:
  about = """\
Puts runs of several comparisons in one table, where they differ in more than their configs' names.

Each folder is of a comparison of one config, and is a column; the others are compared with the
first one. Compared are the seeds and the evaluations that all of them have."""
  example = 'docs/results/forms-product docs/results/forms-anchored --to=docs/results/forms'
  parser = Parser(program, about, example, 'FOLDER FOLDER ... [OPTIONS]')
  what = 'of a comparison, as compare.py makes it'
  kind = folders.argument('FOLDER')
  parser.add_argument('comparisons', type=kind, nargs='+', metavar='FOLDER', help=what)
  to = folders.argument('--to')
  parser.option('to', to, pathlib.Path('runs', 'beside'), 'where compare.json, .txt and .png go')
  return parser


def _demo(program: str, _: Sequence[str]) -> Parser:
  about = """\
Builds the tiny dataset, trains on it, and shows what the model imagines.

It takes 8 to 35 minutes on two cores, writes runs/demo/demo.png and runs/demo/demo.json, prints a
table, and exits with 1 when the model has not learned what the demo is to show. The same command
goes on with a demo that was stopped."""
  return Parser(program, about, '', usage='')


def _export(program: str, _: Sequence[str]) -> Parser:
  about = """\
Saves the model of a run in a folder of its own, a few MB, for gmn_jax.load and every evaluation.

Left behind is what only training needs: the optimiser's state and the input's."""
  parser = Parser(program, about, '--workdir=runs/apoe-small --to=apoe-small')
  of_run = folders.argument('--workdir')
  parser.option('workdir', of_run, None, 'of the run', required=True)
  parser.option('to', folders.argument('--to'), None, 'a new folder', required=True)
  parser.option('best', bool, False, 'of the best validation, not the last')
  half = 'stores it in half the space: rounds each parameter by at most 5e-4 of itself, or 3e-8'
  parser.option('float16', bool, False, half)
  return parser


def _explore(program: str, _: Sequence[str]) -> Parser:
  about = """\
Serves a page on which an object is looked at and touched, and the belief is seen to change.

A model is the name of one that comes along, a folder of a run or of a saved model, or a name on the
hub; a visitor chooses among those given. The page needs viser: pip install 'gmn-jax[explore]'.
--record needs no page and no viser. docs/explorer.md shows what is on the page."""
  parser = Parser(program, about, 'apoe-small', '[MODEL or RUN ...] [OPTIONS]')
  what = f'of which belief; {_MODEL} if not given'
  parser.add_argument('models', nargs='*', metavar='MODEL or RUN', help=what)
  parser.option('port', int, 8080, 'of the page')
  parser.option('host', str, '127.0.0.1', 'that is listened at; 0.0.0.0 lets others visit')
  record = folders.path_argument('--record')
  parser.option('record', record, None, 'writes a GIF there instead of serving', metavar='FILE')
  at = "what is shown first, or recorded: what follows '?' in a page's address"
  parser.option('at', str, '', at, metavar='ADDRESS')
  parser.set_defaults(default=_MODEL)
  return parser


def evaluation(mode: str) -> Command:
  """The command `gmn <mode> MODEL`."""
  summary = declared(modes.module(mode)).doc.partition('\n')[0]
  return Command(summary, functools.partial(_evaluate, mode), MAIN.target, MAIN.kept)


MAIN = Command(_MAIN.partition('\n')[0], _main, 'experiments.main:carry_out', _GOES_ON)
TRAIN = Command('Trains a model, or goes on with a run.', _train, MAIN.target, _GOES_ON)
COMPARE = Command(
  'Trains several configs with several seeds and compares them.',
  _compare,
  'experiments.compare.command:carry_out',
  _GOES_ON,
)
BESIDE = Command(
  'Puts runs of several comparisons in one table.',
  _beside,
  'experiments.compare.beside:carry_out',
)
DEMO = Command(
  'Builds a tiny dataset, trains on it, and shows what was learned.',
  _demo,
  'experiments.demo:main',
  'what was trained stays, and the same command goes on from there.',
)
EXPORT = Command(
  'Saves the model of a run in a folder of its own.', _export, 'experiments.export:carry_out'
)
EXPLORE = Command(
  'Serves a page on which an object is looked at and touched.',
  _explore,
  'experiments.explorer.command:carry_out',
  'the address of a page opens it again as it was.',
)
