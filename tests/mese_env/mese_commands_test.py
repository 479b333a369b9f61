"""`python -m mese_env`: the contact sheet, and the figures that touch is accepted by."""

import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mese_env import SceneConfig, generate_scene, hand, stats
from mese_env.__main__ import main
from mese_env.commands import STATS


def test_sheet_shows_every_look_of_every_scene(tmp_path):
  path = tmp_path / 'sheet.png'
  assert main(['sheet', '--out', str(path), '--scenes', '2', '--seed', '4', '--parts', '6']) == 0
  sheet = np.asarray(Image.open(path))
  looks = generate_scene(SceneConfig(num_parts=6, num_grasps=1), 4, 1)['images']
  # The last look of the second row, at half its size on the sheet, inside the outer gutter.
  np.testing.assert_array_equal(sheet[-130:-2, -130:-2][::2, ::2], looks[-1])
  assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (['sheet', '--out', '{folder}/none/sheet.png', '--scenes', '1'], 'cannot be written'),
    (['sheet', '--out', '.', '--scenes', '1'], 'cannot be written'),
    (['sheet', '--out', '{folder}/sheet.png', '--scenes', '0'], '--scenes is 0'),
    (['sheet', '--out', '{folder}/sheet.png', '--parts', '9'], 'num_parts is 9'),
    (['sheet', '--out', '{folder}/sheet.png', '--renderer', 'mujoco'], 'libosmesa6'),
    (['stats', '--scenes', '1', '--seed', '-1'], '--seed is -1'),
    (['stats', '--scenes', '1', '--hand', 'primitives'], "did you mean 'primitive'?"),
  ],
)
def test_bad_input_is_one_sentence_and_code_2(tmp_path, arguments, sentence):
  arguments = [argument.format(folder=tmp_path) for argument in arguments]
  # MUJOCO_GL=disable is how MuJoCo is told that there is no OpenGL.
  command = ['env', 'MUJOCO_GL=disable', sys.executable, '-m', 'mese_env', *arguments]
  ran = subprocess.run(command, capture_output=True, text=True)
  assert ran.returncode == 2
  assert ran.stderr.count('\n') == 1 and ran.stderr.startswith('error: ')
  assert sentence in ran.stderr
  assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(('value', 'code', 'verdict'), [(0.99, 0, 'pass'), (0.5, 1, 'FAIL')])
def test_stats_exits_by_the_figures(monkeypatch, capsys, value, code, verdict):
  figure = stats.Figure('grasps that touch, share', value, 0.95, 1.0)
  monkeypatch.setattr(stats, 'acceptance_figures', lambda num_scenes, seed, hand: [figure])
  assert main(['stats', '--scenes', '1']) == code
  assert verdict in capsys.readouterr().out


def test_help_names_the_hands_and_the_default_without_loading_them():
  assert STATS.read('stats', []).hand == hand.DEFAULT
  assert all(name in STATS.parser('stats', []).format_help() for name in hand.NAMES)


@pytest.mark.slow
def test_every_acceptance_figure_is_met():
  figures = stats.acceptance_figures(num_scenes=200, seed=1)
  assert len(figures) == 13
  assert not [figure for figure in figures if not figure.passed]
