"""`python -m mese_env`: the contact sheet, and the figures that touch is accepted by."""

import re
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from mese_env import SceneConfig, baselines, generate_scene, hand, sensors, stats
from mese_env.__main__ import main
from mese_env.commands import STATS


def test_grasp_and_film_show_the_object_and_the_hand_closing(tmp_path, capsys):
  grasp, film = tmp_path / 'grasp.png', tmp_path / 'film.gif'
  assert main(['grasp', '--out', str(grasp), '--seed', '4', '--size', '96']) == 0
  assert 'touch/thumb_distal' in capsys.readouterr().out
  picture = np.asarray(Image.open(grasp))
  assert picture.shape == (96, 96, 3)
  assert picture.any(axis=-1).mean() > 0.1
  assert main(['film', '--out', str(film), '--seed', '4', '--size', '64']) == 0
  with Image.open(film) as frames:
    assert (frames.n_frames, frames.size) == (25, (128, 64))
  assert sorted(tmp_path.iterdir()) == [film, grasp]


def test_sheet_shows_every_look_of_every_scene(tmp_path):
  path = tmp_path / 'sheet.png'
  assert main(['sheet', '--out', str(path), '--scenes', '2', '--seed', '4', '--parts', '6']) == 0
  sheet = np.asarray(Image.open(path))
  looks = generate_scene(SceneConfig(num_parts=6, num_grasps=0), 4, 1)['images']
  # The last look of the second row, at half its size on the sheet, inside the outer gutter.
  np.testing.assert_array_equal(sheet[-130:-2, -130:-2][::2, ::2], looks[-1])
  assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
  ('arguments', 'sentence'),
  [
    (['sheet', '--out', '{folder}/none/sheet.png', '--scenes', '1'], 'cannot be written'),
    (['sheet', '--out', '{folder}', '--scenes', '1'], 'does not end in .png'),
    (['sheet', '--out', '{folder}/sheet.png', '--scenes', '0'], '--scenes is 0'),
    (['sheet', '--out', '{folder}/sheet.png', '--parts', '9'], 'num_parts is 9'),
    (['sheet', '--out', '{folder}/sheet.png', '--renderer', 'mujoco'], 'libosmesa6'),
    (['grasp', '--out', '{folder}/grasp.png', '--seed', '-1'], '--seed is -1'),
    (['grasp', '--out', '{folder}/grasp.png', '--hand', 'prim'], "did you mean 'primitive'?"),
    (['film', '--out', '{folder}/none/film.gif'], 'cannot be written'),
    (['film', '--out', '{folder}/film.gif', '--parts', '3'], 'num_parts is 3'),
    (['film', '--out', '{folder}/film.gif', '--size', '0'], '--size is 0'),
    (['grasp', '--out', '{folder}/grasp.jpg'], 'does not end in .png; give --out='),
    (['film', '--out', '{folder}/film'], 'does not end in .gif; give --out='),
    (['sheet', '--out', '{folder}/sheet.gif'], 'does not end in .png; give --out='),
    (['baselines', '--shapes', '1'], '--shapes is 1; give a whole number from 2 to 300'),
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


@pytest.mark.long
def test_stats_take_as_long_as_the_scenes_that_are_asked_for(capsys):
  main(['stats', '--scenes', '1'])
  printed = capsys.readouterr()
  assert 'name the shape of 2, share' in printed.out
  assert '285/285 grasps' in printed.err


def test_sensors_lists_every_channel_with_what_grasps_give_it(capsys):
  assert main(['sensors', '--scenes', '2']) == 0
  head, *rows = capsys.readouterr().out.splitlines()
  assert head.split() == ['name', 'finger', 'kind', 'unit', 'lowest', 'highest', 'not', 'zero']
  assert tuple(row.split()[0] for row in rows) == sensors.SENSOR_NAMES
  assert rows[-1].split()[1:4] == ['pinky', 'touch', 'N'] and rows[0].endswith('100.0%')


@pytest.mark.long
def test_baselines_name_more_objects_the_more_they_sense(capsys):
  assert main(['baselines', '--shapes', '3', '--gallery', '15', '--trials', '2']) == 0
  head, *rows = capsys.readouterr().out.splitlines()
  assert head.split()[-2:] == ['after', '15'] and len(rows) == 4
  for row in rows:
    shares = [float(share) for share in re.findall(r'([\d.]+) \(', row)]
    assert len(shares) == 5 and shares[-1] >= 80 and shares[-1] >= shares[0]


def test_a_policy_of_ones_own_is_told_what_was_sensed_and_stands_in_the_table():
  told = []

  def choose(sensed, sense, rng):
    told.append((sense.name, [None if one.felt is None else one.felt.shape for one in sensed]))
    return baselines.POLICIES[0].choose(sensed, sense, rng)

  mine = baselines.Policy('mine', choose)
  found = baselines.measure(2, 3, 1, 0, (baselines.POLICIES[0], mine))
  assert [one.policy for one in found] == ['random', 'mine'] * 2
  # It draws what the random one does.
  assert found[0].shares == found[1].shares and found[2].shares == found[3].shares
  assert [len(shapes) for _, shapes in told] == [*range(15)] * 4
  felt = {sense: set(shapes) - {None} for sense, shapes in told if len(shapes) == 14}
  assert felt == {'look': {(64, 64, 3)}, 'touch': {(132,)}}


@pytest.mark.parametrize(('share', 'ends'), [(1.0, '100.0 (84-100)'), (0.5, '50.0 (30-70)')])
def test_baselines_are_printed_with_their_intervals(share, ends):
  # Wilson's of 20, as in R's binom.confint(method='wilson').
  found = [baselines.Accuracy('look', 'random', (share,) * 5, 20)]
  assert baselines.format_table(found).splitlines()[1].split('  ')[-1].strip() == ends


@pytest.mark.slow
def test_every_acceptance_figure_is_met():
  figures = stats.acceptance_figures(num_scenes=200, seed=1)
  assert len(figures) == 13
  assert not [figure for figure in figures if not figure.passed]
