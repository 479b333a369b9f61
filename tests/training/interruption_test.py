"""A request to stop is noted, unless whoever started the program wants it ignored."""

import os
import signal

import pytest

from gmn_jax.training.interruption import Interruption

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def handlers():
  """Puts back what tests change."""
  former = {number: signal.getsignal(number) for number in SIGNALS}
  yield
  for number, handler in former.items():
    signal.signal(number, handler)


@pytest.mark.parametrize('number', SIGNALS)
def test_a_first_signal_is_noted_and_the_handlers_are_those_of_before(handlers, number):
  before = [signal.getsignal(each) for each in SIGNALS]
  with Interruption() as interruption:
    os.kill(os.getpid(), number)
    assert interruption.received == number
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize('number', SIGNALS)
def test_what_is_ignored_stays_so(handlers, number):
  signal.signal(number, signal.SIG_IGN)
  with Interruption() as interruption:
    os.kill(os.getpid(), number)
    assert interruption.received is None
