"""The authors' code is timed in turns with ours; what is not theirs is refused in a sentence."""

import math
import pathlib
import sys

import pytest

from experiments.bench import peer, peer_authors, turns
from experiments.bench.commands import PEER
from mese_env.errors import UserError

# What serves in the place of a side: the last argument says what it computes, and where it notes
# its turns.
_SIDE = """
import sys
sys.path.insert(0, {root!r})
from experiments.bench import turns

def begin(asked):
  print('building', asked['name'])  # A library that talks must not be taken for an answer.
  if asked['name'] == 'broken':
    sys.exit('no room for the model')
  def work(scenes):
    with open(asked['turns'], 'a') as file:
      file.write(asked['name'])
    return float(asked['number']) * scenes
  return {{'parameters': 7}}, {{'train': (lambda: 2, work)}}

turns.serve(begin)
"""


@pytest.fixture
def side(tmp_path):
  script = tmp_path / 'side.py'
  script.write_text(_SIDE.format(root=str(pathlib.Path(peer.__file__).parents[2])))

  def start(name, number=1.0):
    asked = {'name': name, 'number': number, 'turns': str(tmp_path / 'turns')}
    return turns.Worker(name, [sys.executable, str(script)], asked)

  return start


@pytest.mark.long
def test_two_processes_take_single_steps_in_turns_and_the_first_of_each_does_not_count(
  side, tmp_path
):
  with side('A', 1.5) as one, side('B') as other:
    assert one.facts == {'parameters': 7}
    answers = turns.in_turns((one, other), 'train', 3)
  assert (tmp_path / 'turns').read_text() == 'AB' * 4
  assert [answer['number'] for answer in answers['A']] == [3.0] * 3
  assert all(answer['seconds'] > 0 and answer['peak_bytes'] > 1e6 for answer in answers['B'])


def test_a_side_that_ends_or_computes_nonsense_is_told_in_a_sentence(side):
  with pytest.raises(UserError, match='^broken ended .no room for the model.; see all that it'):
    side('broken')
  with side('A', math.nan) as one, pytest.raises(UserError, match='A computed nan in train'):
    one.call('train')


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (['--peer={tmp}', '--peer_python={python}'], 'is no checkout of the authors.* no main_multi'),
    (['--peer={tmp}/none', '--peer_python={python}'], 'is no checkout of the authors'),
    (['--peer={theirs}', '--peer_python=/no/such'], '/no/such cannot import PyTorch .No such'),
    (['--peer={theirs}', '--peer_python={false}'], 'cannot import PyTorch'),
    (['--peer={theirs}', '--peer_python={python}', '--only=apoe-m3'], "mean 'apoe-m"),
    (['--peer={theirs}', '--peer_python={python}', '--steps=0'], '--steps is 0; it must be at'),
  ],
)
def test_what_cannot_be_compared_is_refused_before_anything_is_built(
  tmp_path, monkeypatch, arguments, sentence
):
  theirs = tmp_path / 'theirs'
  for name in peer.AUTHORS_FILES:
    (theirs / name).parent.mkdir(parents=True, exist_ok=True)
    (theirs / name).touch()
  monkeypatch.setattr(peer, 'Worker', None)
  places = {'tmp': tmp_path, 'theirs': theirs, 'python': sys.executable, 'false': '/bin/false'}
  with pytest.raises(UserError, match=sentence):
    PEER.carry_out('peer.py', [argument.format(**places) for argument in arguments])


def _record(ours, theirs):
  return {
    call: {'seconds': {peer.OURS: ours, peer.AUTHORS: theirs}, 'ratio': 4.5, 'ratio_of_least': 5.0}
    for call in ('train', 'imagine')
  } | {'sides': {}}


def test_the_bars_are_ratios_of_one_run():
  missed = {
    case.name: [bar.what for bar in peer.judge(case, _record([1.0], [4.5])) if not bar.met]
    for case in peer.CASES
  }
  assert [name for name, bars in missed.items() if bars] == ['apoe-m2']
  assert 'training' in missed['apoe-m2'][0]
  text = '\n'.join(peer.lines(peer.CASES[0], _record([1.0, 3.0, 2.0], [9.0, 8.0, 10.0])))
  assert "ours 2,000 ms (least 1,000); the authors' 9,000 ms (least 8,000): 4.50 times" in text


def test_their_classes_are_imported_for_every_variant_that_is_timed():
  assert {case.variant for case in peer.CASES} <= set(peer_authors.MODULES)
  named = {name.removesuffix('.py').replace('/', '.') for name in peer.AUTHORS_FILES}
  assert set(peer_authors.MODULES.values()) <= named
