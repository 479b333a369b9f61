"""What a parser of commands reads, tells of itself, and refuses."""

import pytest

from mese_env.command_line import Numbers, Parser, Words, require_at_least
from mese_env.errors import UserError


@pytest.fixture
def parser():
  parser = Parser('gmn try', 'Tries.', '--steps=3', others=r'--(no)?config\.')
  parser.option('steps', int, 5, 'how many')
  parser.option('share', float, 0.0, 'of 100 %')
  parser.option('sizes', Numbers, (0, 1), 'of each')
  parser.option('words', Words, (), 'any')
  parser.option('where,w', str, None, 'a folder', group='places')
  parser.option('build', bool, False, 'builds')
  return parser


def test_options_are_read_however_they_are_spelled(parser):
  given = parser.read([])
  assert (given.steps, given.share, given.sizes, given.words) == (5, 0.0, (0, 1), ())
  assert (given.where, given.build, given.passed) == (None, False, [])
  given = parser.read(['-steps', '7', '--sizes=5,0', '--words=a, b', '-w', 'x', '--build'])
  assert (given.steps, given.sizes, given.words) == (7, (5, 0), ('a', 'b'))
  assert (given.where, given.build) == ('x', True)
  assert parser.read(['--words=', '--share=-1']).words == ()
  for undone in ('--nobuild', '--build=false'):
    assert parser.read(['--build', undone]).build is False
  assert parser.read(['--build=true']).build is True


def test_what_another_reader_checks_is_passed_on_with_its_value(parser):
  arguments = ['--config.a', '-1', '--config.b=2', '--noconfig.c', '--build', '-config.d', 'x']
  given = parser.read(arguments)
  assert given.passed == ['--config.a=-1', '--config.b=2', '--noconfig.c', '--config.d=x']
  assert given.build and given.given == arguments


def test_help_tells_defaults_and_an_example(parser, capsys):
  with pytest.raises(SystemExit) as ended:
    parser.read(['--unknown', '-h'])
  assert ended.value.code == 0
  shown = capsys.readouterr().out
  for part in (
    'usage: gmn try [OPTIONS]', 'how many (default: 5)', 'of 100 % (default: 0.0)', 'places:',
    'of each (default: 0,1)', 'example:\n  gmn try --steps=3',
  ):  # fmt: skip
    assert part in shown
  assert 'None' not in shown and 'False' not in shown and 'nobuild' not in shown


@pytest.mark.parametrize(
  ('argument', 'sentence'),
  [
    ('--stps=3', "no option --stps; did you mean 'steps'?"),
    ('--steps', 'expected one argument; see gmn try --help.'),
    ('--steps=many', '--steps=many is not a whole number; write it as in --steps=5.'),
    ('--share=half', '--share=half is not a number; write it as in --share=0.0.'),
    ('--sizes=1,b', '--sizes=1,b is not a list of whole numbers; write it as in --sizes=0,1.'),
    ('--build=maybe', '--build=maybe is not understood; give --build alone'),
    ('steps=3', "'steps=3' is not understood; options begin with --, as in gmn try --steps=3."),
  ],
)
def test_what_is_wrong_is_one_sentence(argument, sentence, parser):
  with pytest.raises(UserError) as refused:
    parser.read([argument])
  assert sentence in str(refused.value) and '\n' not in str(refused.value)


def test_options_below_their_bounds_are_refused(parser):
  given = parser.read(['--steps=0'])
  require_at_least(given, steps=0)
  with pytest.raises(UserError, match='--steps is 0; it must be at least 1'):
    require_at_least(given, share=0, steps=1)
