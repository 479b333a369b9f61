"""Times the environment: scenes, grasps and frames a second on one core.

A scene takes what its looks and its grasps take, those that were rejected included: one line says
which share of that allowance the whole scene reaches. What names no hand is of the default one, and
`scenes/s/core` of the default renderer too; the other hands, which are slower, are timed over a
quarter of the scenes. OpenGL is the one that MUJOCO_GL names. The ray caster in JAX is the dense
form, jitted and vmapped over frames on the default device. Steps of Gymnasium's environments are of
random actions, resets included; a hand that is steered moves its wrist too.
"""

import argparse
import functools
import os
import pathlib
import sys
import time

if __name__ == '__main__':
  sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))
  from experiments.bench.commands import ENV

  ENV.run('python experiments/bench/env.py', sys.argv[1:])

import jax
import jax.numpy as jnp
import numpy as np

from experiments.bench import machine
from gmn_jax.training.peak import time_calls
from mese_env import World, given_object, gl_renderer, grasp, hand, meshes, poses, raycast, shapes
from mese_env.errors import UserError
from mese_env.scene import SceneConfig, generate_scene

_PARTS, _IMAGE_SIZE, _VIEWS = 5, 64, 15
_TOGETHER = 64  # environments that grasp on all cores
_RENDERERS = {'raycast': 'ray caster', 'mujoco': 'OpenGL'}


def main(options: argparse.Namespace) -> None:
  """Measures, prints, and writes what the options ask for."""
  if not options.busy:
    machine.refuse_when_busy()
  measured = {'machine': machine.describe(), **measure(options.scenes)}
  measured['measured_beside_other_work'] = options.busy
  for name, value in measured.items():
    print(f'{name:36s} {value:,.2f}' if isinstance(value, float) else f'{name:36s} {value}')
  if options.json:
    machine.write_json(options.json, measured)


def measure(scenes: int) -> dict[str, object]:
  """Rates on one core, means over `scenes` scenes of seed 0."""
  if hasattr(os, 'sched_setaffinity'):
    # NumPy and MuJoCo take one core as they are; the pin keeps them on it.
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
  try:
    whole = _seconds_each(lambda i: generate_scene(SceneConfig(), 0, i), scenes)
    objects = [_object(i) for i in range(scenes)]
    grasps = _seconds_each(lambda i: _grasp(objects, hand.DEFAULT, i), scenes)
    looks = _seconds_each(lambda i: [_render(*objects[i][:2], c) for c in objects[i][2]], scenes)
    opengl = _rate(lambda i: _render_with_opengl(objects[i]), scenes, _VIEWS)
    by_hand = _rates_by_hand(objects)
    steps = _steps_a_second(scenes)
  finally:
    if hasattr(os, 'sched_setaffinity'):
      os.sched_setaffinity(0, allowed)
  return {
    'scenes/s/core': 1 / whole,
    'grasps/s/core, rejected included': _VIEWS / grasps,
    'frames/s/core, ray caster in NumPy': _VIEWS / looks,
    'frames/s/core, MuJoCo with OpenGL': opengl,
    'frames/s, ray caster in JAX': 1 / _jax_seconds(objects),
    'share of grasp and frame times': (grasps + looks) / whole,
    **by_hand,
    **steps,
    **_steps_together(scenes),
  }


def _steps_a_second(episodes: int) -> dict[str, float | str]:
  """Of every id, over `episodes` of 15 steps each."""
  try:
    import gymnasium

    import mese_env.gym
  except (ImportError, UserError):
    return {'steps/s/core': 'gymnasium is absent'}
  rates = {}
  for name in mese_env.gym.IDS:
    env = gymnasium.make(name, max_episode_steps=_VIEWS)
    env.action_space.seed(0)
    env.reset(seed=0)
    rates[f'steps/s/core, {name}'] = _rate(functools.partial(_play, env), episodes, _VIEWS)
  return rates


def _steps_together(steps: int) -> dict[str, float]:
  """Of many environments that grasp together, on all cores."""
  try:
    import gymnasium

    import mese_env.gym  # noqa: F401 - registers the ids
  except (ImportError, UserError):
    return {}
  together = gymnasium.make_vec('mese/Touch-v0', num_envs=_TOGETHER)
  together.action_space.seed(0)
  together.reset(seed=0)
  seconds = _seconds_each(lambda _: together.step(together.action_space.sample()), steps)
  alone = gymnasium.make('mese/Touch-v0')
  alone.action_space.seed(0)
  one = _seconds_each(functools.partial(_play, alone), steps) / _VIEWS
  return {
    f'steps/s, {_TOGETHER} mese/Touch-v0 together': _TOGETHER / seconds,
    'together over a single one': _TOGETHER * one / seconds,
  }


def _play(env, index: int) -> None:
  env.reset(seed=index)
  for _ in range(_VIEWS):
    env.step(env.action_space.sample())


def _rates_by_hand(objects) -> dict[str, float | str]:
  """Whole scenes with each hand and renderer but the defaults, and grasps of each other hand."""
  rates = {}
  for name in hand.NAMES:
    count = len(objects) if name == hand.DEFAULT else max(1, len(objects) // 4)
    for renderer, words in _RENDERERS.items():
      config = SceneConfig(hand=name, renderer=renderer)
      if config != SceneConfig():
        make = functools.partial(generate_scene, config, 0)
        rates[f'scenes/s/core, {name}, {words}'] = _rate(make, count)
    if name != hand.DEFAULT:
      make = functools.partial(_grasp, objects, name)
      rates[f'grasps/s/core, {name}'] = _rate(make, count, _VIEWS)
  return rates


def _rate(call, count: int, per_call: int = 1) -> float | str:
  """A second's worth of what `call` makes `per_call` of, or what it lacks here."""
  try:
    return per_call / _seconds_each(call, count)
  except UserError as error:
    return 'myosuite is absent' if meshes.REMEDY in str(error) else 'no OpenGL here'


def _seconds_each(call, count: int) -> float:
  call(0)
  began = time.perf_counter()
  for i in range(count):
    call(i)
  return (time.perf_counter() - began) / count


def _object(index: int):
  rng = np.random.default_rng([2, index])
  positions = shapes.centred_positions(shapes.sample_walk(_PARTS, rng))
  colours = shapes.sample_colours(_PARTS, rng)
  cameras = [poses.camera_pose(*poses.sample_angles(rng)) for _ in range(_VIEWS)]
  return positions, colours, cameras


def _render(positions, colours, camera) -> np.ndarray:
  return raycast.render(positions, colours, camera.position, camera.frame, _IMAGE_SIZE)


def _render_with_opengl(thing) -> np.ndarray:
  return gl_renderer.render_looks(World(given_object(*thing[:2]), image_size=_IMAGE_SIZE), thing[2])


def _grasp(objects, hand_name: str, index: int) -> grasp.Grasps:
  model = hand.scene_model(*objects[index][:2], hand_name)
  return grasp.sample_grasps(model, _VIEWS, np.random.default_rng([1, index]))


def _jax_seconds(objects) -> float:
  """Of a frame, in one batch of all."""
  render = jax.jit(
    jax.vmap(functools.partial(raycast.render_dense, image_size=_IMAGE_SIZE, xp=jnp))
  )
  frames = [
    (p, c, camera.position, camera.frame) for p, c, cameras in objects for camera in cameras
  ]
  arguments = [jnp.asarray(np.stack(part), jnp.float32) for part in zip(*frames, strict=True)]
  return min(time_calls(lambda: render(*arguments), 3)) / len(frames)
