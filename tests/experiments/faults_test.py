"""The fault tests themselves: whatever is not as promised makes its row fail, and is counted."""

import pathlib
import subprocess
import sys

import pytest

from experiments.faults import __main__ as faults
from experiments.faults import flips, malformed
from experiments.faults.flips import Flip, Worker, choose_flips, try_flips
from experiments.faults.outcomes import Outcome, markdown
from experiments.faults.processes import Ended, run, running_children, runs

GOOD = Outcome('a good one', 'it is kept', 'it was', 'nothing', True)


@pytest.fixture(autouse=True)
def no_trainer(monkeypatch):
  monkeypatch.setattr(faults, 'Trainer', lambda folder: folder)


def raises(trainer):
  yield GOOD
  raise ValueError('no such | file\nas this one')


def loses_too_much(trainer):
  yield Outcome('a kill', 'few are lost', 'equal', '7 steps', True, 7, 6)


def loses_little(trainer):
  yield Outcome('a kill', 'few are lost', 'equal', '6 steps', True, 6, 6)


def accepts_a_traceback(trainer):
  ended = run(['-c', 'print("a.npz"); raise KeyError("a.npz")'], None)
  assert ended.code == 1
  yield Outcome('a flip', 'verify names it', str(ended), 'nothing', ended.found('a.npz'))


@pytest.mark.parametrize(
  ('fault', 'broken', 'said'),
  [
    (raises, 1, 'the test failed: ValueError: as this one'),
    (lambda trainer: iter(()), 1, 'it has no outcome'),
    (loses_too_much, 1, 'more lost than 6'),
    (loses_little, 0, '6 steps'),
    (accepts_a_traceback, 1, "KeyError: 'a.npz'"),
  ],
  ids=['raises', 'is empty', 'loses too much', 'loses little', 'accepts a traceback'],
)
def test_what_is_not_as_promised_is_counted(fault, broken, said, tmp_path, capsys):
  page = tmp_path / 'faults.md'
  page.write_text('Neither recovered nor refused with a clear message: 0\n')
  code = faults.main(['--write', str(page)], {'fault': fault, 'good': lambda trainer: [GOOD]})
  text = page.read_text()
  count = f'Neither recovered nor refused with a clear message: {broken}'
  assert text.splitlines()[-1] == count == capsys.readouterr().out.splitlines()[-1]
  assert said in text and 'a good one' in text
  assert text.count('**broken:**') == broken
  assert code == (broken > 0)


def test_a_page_of_some_rows_names_those_left_out(tmp_path):
  page = tmp_path / 'faults.md'
  rows = {'good': lambda trainer: [GOOD], 'bad': raises}
  assert faults.main(['--only', 'good', '--write', str(page)], rows) == 0
  assert 'left out: bad.' in page.read_text()


def test_a_refusal_and_a_finding_are_no_tracebacks():
  traceback = 'Traceback (most recent call last):\nerror: x'
  assert Ended(2, 'a remark\nerror: the file x').refused('x')
  for ended in (Ended(2, traceback), Ended(1, 'error: x'), Ended(2, 'error: y'), Ended(2, 'x')):
    assert not ended.refused('x')
  assert Ended(1, '', 'x: damaged').found('x')
  for ended in (Ended(1, traceback, 'x'), Ended(2, '', 'x'), Ended(1, '', 'y'), Ended(0, '', 'x')):
    assert not ended.found('x')


# Loads a folder of two files: of the one the checksum is compared, of the other not always.
WORKER = """
import os, pathlib, sys, zlib
from experiments.faults.flipped import serve
from mese_env.errors import UserError

def load(folder):
  checked = (folder / 'checked').read_bytes()
  if zlib.crc32(checked[:-4]).to_bytes(4, 'little') != checked[-4:]:
    raise UserError(f'{folder / "checked"} is damaged; write it again.')
  trusted = (folder / 'trusted').read_bytes()
  if trusted == b'crash':
    os.kill(os.getpid(), 11)
  return {'checked': checked, 'trusted': trusted if sys.argv[2] == 'trusting' else 0}

serve(load, pathlib.Path(sys.argv[1]))
"""


@pytest.fixture
def whole(tmp_path):
  folder = tmp_path / 'whole'
  folder.mkdir()
  (folder / 'trusted').write_bytes(b'crasi')
  (folder / 'checked').write_bytes(b'\0\0\0\0' + b'\x1c\xdf\x44\x21')
  return folder


def tried(whole: pathlib.Path, how: str, bits: list[Flip]) -> Outcome:
  worker = Worker(['-c', WORKER, str(whole), how])
  try:
    return try_flips('a folder', worker, whole, bits, whole.parent)
  finally:
    worker.stop()


@pytest.mark.long
def test_flips_are_named_harmless_or_silent(whole):
  bits = [Flip(pathlib.PurePath(name), 0, 3) for name in ('checked', 'trusted')]
  outcome = tried(whole, 'careful', bits)
  assert outcome.kept and '1 named, 1 harmless, 0 silent' in outcome.happened
  outcome = tried(whole, 'trusting', bits)
  assert not outcome.kept and '1 named, 0 harmless, 1 silent' in outcome.happened
  assert 'bit 3 of byte 0 of trusted: other numbers were loaded' in outcome.happened
  assert markdown([outcome]).endswith(': 1')


@pytest.mark.long
def test_a_crash_counts_as_silent_and_the_next_flip_is_tried(whole):
  # 'i' without its lowest bit is 'h'.
  bits = [Flip(pathlib.PurePath('trusted'), 4, 0), Flip(pathlib.PurePath('checked'), 0, 0)]
  outcome = tried(whole, 'careful', bits)
  assert '1 named, 0 harmless, 1 silent' in outcome.happened
  assert 'the process ended with -11' in outcome.happened


def test_every_file_gets_its_flips(whole):
  bits = choose_flips(whole, '.', 7, seed=0)
  assert len(bits) == 7 and {str(flip.path) for flip in bits} == {'checked', 'trusted'}
  assert bits == choose_flips(whole, '.', 7, seed=0) != choose_flips(whole, '.', 7, seed=1)
  assert all(flip.byte < (whole / flip.path).stat().st_size for flip in bits)


def test_flips_of_at_least_three_hundred_bits_are_asked_for():
  assert sum(count for *_, count in flips.KINDS) >= 300


def test_what_a_command_started_is_found():
  child = 'import subprocess, sys; subprocess.run([sys.executable, "-c", "input()"])'
  with subprocess.Popen([sys.executable, '-c', child], stdin=subprocess.PIPE) as process:
    while not (children := running_children(process.pid)):
      assert process.poll() is None
    assert all(map(runs, children))
  assert not any(map(runs, children))


def test_no_malformed_input_is_given_twice():
  cases = [tuple(case) for case in malformed.CASES]
  assert len(cases) == len(set(cases)) > 60
