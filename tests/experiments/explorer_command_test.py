"""`gmn explore` writes a film without a page, and refuses in one sentence what it cannot do."""

import shutil
import socket
import sys

import pytest
from PIL import Image

from experiments.explorer import command, record, server
from experiments.explorer.ways import GRASP, LOOK, Angles, Given
from experiments.gmn import GMN
from gmn_jax.models import find
from mese_env.errors import UserError
from tests import explorer_studio, tiny_checkpoint, tiny_run


def _carry_out(*arguments):
  return GMN.commands['explore'].carry_out('gmn explore', [str(one) for one in arguments])


@pytest.mark.long
def test_a_film_tells_the_looks_and_grasps_of_a_state_in_their_order(tmp_path):
  studio = explorer_studio.studio()
  given = (Given(GRASP, Angles(-20, 300)), Given(LOOK, Angles(-20, 30)))
  path = tmp_path / 'film.gif'
  frames = record.record(studio, studio.first().replace(given=given, samples=4), path)
  with Image.open(path) as film:
    assert film.n_frames == frames == 30 and film.size == (record.WIDTH, record.HEIGHT)
    assert film.info['loop'] == 0


@pytest.mark.parametrize(
  ('arguments', 'named'),
  [
    (['no-such', '--record={tmp}/a.gif'], "there is no model 'no-such'"),
    (['--record={tmp}/no/a.gif'], 'there is no folder'),
    (['--record={tmp}/a.gif', '--at=object=x'], 'object=x'),
    (['--record={tmp}/a.gif', '--at=model=apoe-smal'], "did you mean 'apoe-small'?"),
    (['{tmp}', '--record={tmp}/a.gif'], 'there is no checkpoint'),
    (['--port=80x'], '--port=80x is not a whole number'),
  ],
)
def test_what_cannot_be_done_is_one_sentence(arguments, named, tmp_path):
  with pytest.raises(UserError) as refused:
    _carry_out(*(one.format(tmp=tmp_path) for one in arguments))
  assert named in str(refused.value) and '\n' not in str(refused.value)
  assert not list(tmp_path.iterdir())


def _model(folder):
  shutil.copytree(find.find('apoe-small').folder, folder)
  return folder / 'model.safetensors'


def _run(folder):
  tiny_checkpoint.save(tiny_run.random_run(), folder)
  parts = (tiny_checkpoint.folder_of(folder) / 'params').rglob('*')
  return max((path for path in parts if path.is_file()), key=lambda path: path.stat().st_size)


@pytest.mark.parametrize('made', [_model, pytest.param(_run, marks=pytest.mark.long)])
@pytest.mark.parametrize('shown', ['a film', 'a page'])
def test_a_flipped_bit_in_what_is_shown_is_named_and_the_port_is_free_again(made, shown, tmp_path):
  with socket.socket() as trial:
    trial.bind(('127.0.0.1', 0))
    port = trial.getsockname()[1]
  if shown == 'a page':
    pytest.importorskip('viser', reason='the extra `explore` is not installed')
  weights = made(tmp_path / 'damaged')
  content = bytearray(weights.read_bytes())
  content[-1] ^= 1
  weights.write_bytes(content)
  with pytest.raises(UserError) as refused:
    _carry_out(
      tmp_path / 'damaged', f'--record={tmp_path}/a.gif' if shown == 'a film' else f'--port={port}'
    )
  assert str(tmp_path / 'damaged') in str(refused.value) and 'damaged' in str(refused.value)
  assert '\n' not in str(refused.value) and not (tmp_path / 'a.gif').exists()
  server.require_free('127.0.0.1', port)


def test_a_port_that_is_taken_is_named_with_another():
  with socket.socket() as taken:
    taken.bind(('127.0.0.1', 0))
    taken.listen()
    port = taken.getsockname()[1]
    with pytest.raises(UserError, match=rf'port {port} of 127.0.0.1 cannot be used'):
      server.require_free('127.0.0.1', port)
  server.require_free('127.0.0.1', port)
  with pytest.raises(UserError, match='port 70000'):
    server.require_free('127.0.0.1', 70000)


def test_without_viser_the_extra_is_named(monkeypatch):
  monkeypatch.setitem(sys.modules, 'viser', None)
  with pytest.raises(UserError, match=r"pip install 'gmn-jax\[explore\]'"):
    command.carry_out(GMN.commands['explore'].read('gmn explore', ['--port=0']))
