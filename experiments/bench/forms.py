"""Forms of one training step, which compute the same, timed in turns."""

import jax
import jax.numpy as jnp

from experiments.bench import bars, machine, plain
from experiments.bench.subject import RANGES, VIEWS, Subject, training_step
from gmn_jax.config import Config, make_model
from gmn_jax.model import GMN, Episodes, Noise, add_opposite, sample_episodes, sample_noise
from gmn_jax.optimisers import make_optimizer
from gmn_jax.senses import Views, cut_scenes
from gmn_jax.training.flops import step_flops
from gmn_jax.training.train_step import TrainState, compiler_options

CHOSEN = 'chosen'  # the name of the form that training takes


def compare(chosen: Subject, others: dict[str, Subject], steps: int) -> dict[str, object]:
  """Times other forms of the same step beside the chosen one, in turns.

  Returns:
    Of each form, by its name, `median_ms`, `min_ms` and `max_ms`, its time `over_chosen`, a ratio
    of medians, the `flops` of its forward and backward passes, and `compile_s`.
  """
  forms = {CHOSEN: chosen, **others}
  times: dict[str, list[float]] = {name: [] for name in forms}
  for _ in range(steps + 1):
    for name, form in forms.items():
      times[name].append(form.time_step())
  found = {name: machine.spread(times[name][1:]) for name in forms}
  return {
    name: spread
    | {
      'compile_s': forms[name].compile_s,
      'over_chosen': spread['median_ms'] / found[CHOSEN]['median_ms'],
      'flops': step_flops(
        forms[name].update,
        make_optimizer(chosen.config),
        forms[name].state,
        forms[name].scenes(),
        RANGES,
        platform=jax.default_backend(),
      ),
    }
    for name, spread in found.items()
  }


def direct_form(config: Config) -> Subject:
  """The same step with every convolution computed directly."""
  return Subject(config, training_step(config, make_model(config).clone(direct=True)))


def plain_form(config: Config) -> Subject:
  """The same update in the authors' form (`plain.py`), with every convolution computed directly."""
  model, optimizer = make_model(config).clone(direct=True), make_optimizer(config)

  def update(state: TrainState, scenes, ranges):
    views, episodes, noise = draw_inputs(model, config, state.key, scenes, ranges)

    def loss_of(params):
      return plain.loss(model, params, views, episodes, noise, config.std)

    loss, gradient = jax.value_and_grad(loss_of)(state.params)
    updates, opt_state = optimizer.update(gradient, state.opt_state, state.params)
    params = jax.tree.map(jnp.add, state.params, updates)
    return TrainState(params, opt_state, state.step + 1, state.key), {'loss': loss}

  return Subject(
    config, jax.jit(update, donate_argnums=0, compiler_options=compiler_options(config))
  )


def draw_inputs(model: GMN, config: Config, key, scenes, ranges) -> tuple[Views, Episodes, Noise]:
  """The views of raw scenes, and episodes and noise for them, as a training step draws them."""
  key_episodes, key_noise = jax.random.split(key)
  episodes = sample_episodes(key_episodes, config.batch_size, len(model.modalities), VIEWS)
  if config.opposite:
    episodes = add_opposite(episodes)
  noise = sample_noise(model, key_noise, len(episodes.context) * config.batch_size)
  return cut_scenes(model.modalities, scenes, ranges), episodes, noise


# By the names of their options and bars.
FORMS = {bars.DIRECT: direct_form, bars.PLAIN: plain_form}
