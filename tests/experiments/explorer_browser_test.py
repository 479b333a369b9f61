"""The page in a browser that reaches nothing but this machine: looked at, touched, dragged."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request

import numpy as np
import pytest

from experiments.explorer import server
from experiments.explorer.scene import drawn_at
from experiments.explorer.state import State
from tests import explorer_studio

viser = pytest.importorskip('viser', reason='the extra `explore` is not installed')
_ROOT = pathlib.Path(__file__).parents[2]
_CHROMIUM = shutil.which('chromium') or shutil.which('chromium-browser')

pytestmark = pytest.mark.long


def _free_port() -> int:
  with socket.socket() as trial:
    trial.bind(('127.0.0.1', 0))
    return trial.getsockname()[1]


@pytest.fixture(scope='module')
def page_of():
  """Opens a page of its own, of an address; what it asked of other hosts is in `outside`."""
  sync_api = pytest.importorskip('playwright.sync_api', reason='playwright is not installed')
  if _CHROMIUM is None:
    pytest.skip('chromium is not installed')
  port = _free_port()
  outside = []

  def check(route):
    if re.match(rf'(http|ws)://127\.0\.0\.1:{port}/|data:|blob:', route.request.url):
      route.continue_()
    else:
      outside.append(route.request.url)
      route.abort()

  def opened(query: str = ''):
    page = browser.new_context(viewport={'width': 800, 'height': 600}).new_page()
    page.set_default_timeout(60_000)
    page.route('**/*', check)
    page.goto(f'http://127.0.0.1:{port}/{query}')
    return page

  with server.serve('127.0.0.1', port, [explorer_studio.NAME]) as ready:
    ready(explorer_studio.studio())
    with sync_api.sync_playwright() as playwright:
      # As root, and in a container, Chromium has no sandbox; there is no GPU either.
      arguments = [
        '--no-sandbox',
        '--use-gl=angle',
        '--use-angle=swiftshader',
        '--ignore-gpu-blocklist',
      ]
      browser = playwright.chromium.launch(executable_path=_CHROMIUM, args=arguments)
      opened.outside, opened.browser = outside, browser
      yield opened
      browser.close()


@pytest.fixture(autouse=True)
def closed(request):
  """Closes what a test opened: without a GPU each page takes a core."""
  yield
  if 'page_of' in request.fixturenames:
    for context in request.getfixturevalue('page_of').browser.contexts:
      context.close()


def _wait_for(page, text: str) -> None:
  page.get_by_text(text).first.wait_for()


def _wait_for_address(page, pattern: str) -> None:
  page.wait_for_function(f'/{pattern}/.test(window.location.search)')


@pytest.mark.slow
def test_a_look_and_a_grasp_are_given_and_another_visitor_has_a_state_of_its_own(page_of):
  first, second = page_of(), page_of('?object=5&eye=-10:200')
  _wait_for(first, 'nothing given')
  _wait_for_address(second, 'object=5&eye=-10:200')
  first.get_by_role('button', name='look here').click()
  _wait_for(first, '1 look')
  first.get_by_role('button', name='grasp here').click()
  _wait_for(first, '1 look, 1 grasp')
  _wait_for_address(first, 'given=l-30:40,g-30:310')
  second.get_by_role('button', name='grasp here').click()
  _wait_for(second, '1 grasp')
  assert 'look' not in second.get_by_text('1 grasp').first.inner_text()
  first.get_by_role('button', name='undo').click()
  _wait_for_address(first, 'given=l-30:40$')
  # What was copied from the one opens the same in another.
  third = page_of('?' + first.url.partition('?')[2])
  _wait_for(third, '1 look')
  assert not page_of.outside


@pytest.mark.slow
def test_what_an_address_cannot_mean_is_said_on_the_page(page_of):
  page = page_of('?object=9999')
  _wait_for(page, 'the address has object=9999')
  _wait_for(page, 'nothing given')
  assert not page.get_by_text('Traceback').count()


@pytest.mark.slow
def test_auto_play_is_begun_and_ended_by_its_box(page_of):
  page = page_of()
  _wait_for(page, 'nothing given')
  page.get_by_label('auto-play').check()
  _wait_for(page, '1 look, 1 grasp')
  page.get_by_label('auto-play').uncheck()
  page.wait_for_timeout(3_000)
  ended = page.url
  page.wait_for_timeout(3_000)
  assert page.url == ended and not page.get_by_text('4 looks').count()


@pytest.mark.slow
def test_the_eye_is_dragged(page_of):
  page = page_of()
  _wait_for(page, 'nothing given')
  page.wait_for_timeout(1000)
  canvas = page.locator('canvas').first.bounding_box()
  x, y = _on_screen(drawn_at(State('').eye)[0], canvas)
  page.mouse.move(x, y)
  page.wait_for_timeout(300)
  page.mouse.down()
  page.mouse.move(x + 60, y - 40, steps=12)
  page.mouse.up()
  _wait_for_address(page, 'eye=')
  assert page_of.outside == []


def _on_screen(point: np.ndarray, canvas: dict) -> tuple[float, float]:
  """Where the first view of the page shows a point."""
  eye = np.array(server.VIEWED_FROM)
  forward = -eye / np.linalg.norm(eye)
  right = np.cross(forward, [0, 0, 1])
  right /= np.linalg.norm(right)
  up = np.cross(right, forward)
  depth = (point - eye) @ forward
  tangent = np.tan(server.FIELD / 2)
  scale = canvas['height'] / 2 / tangent / depth
  return (
    canvas['x'] + canvas['width'] / 2 + scale * float((point - eye) @ right),
    canvas['y'] + canvas['height'] / 2 - scale * float((point - eye) @ up),
  )


def test_the_page_is_served_to_this_machine_alone():
  port = _free_port()
  with server.serve('127.0.0.1', port, [explorer_studio.NAME]):
    with urllib.request.urlopen(f'http://127.0.0.1:{port}/', timeout=20) as answer:
      page = answer.read().decode()
    assert '<html' in page and not re.search(r'(src|href)="https?://', page)
    with pytest.raises(OSError), socket.create_connection((_other_address(), port), timeout=2):
      pass


def _other_address() -> str:
  with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trial:
    try:
      # Nothing is sent: it is asked which of this machine's addresses would send.
      trial.connect(('192.0.2.1', 9))
    except OSError:
      pytest.skip('this machine has no other address')
    return trial.getsockname()[0]


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_command_with_a_line(number):
  command = [sys.executable, '-m', 'gmn_jax', 'explore', f'--port={_free_port()}']
  process = subprocess.Popen(
    command, cwd=_ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
  )
  try:
    assert re.fullmatch(r'http://127\.0\.0\.1:\d+/ shows .*\n', process.stdout.readline())
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
  finally:
    process.kill()
  assert process.returncode == 128 + number
  assert errors.startswith(f'stopped by {number.name}: ') and errors.count('\n') == 1
