"""Contexts by name: which views of which modalities are given, as in `rgb:1,haptic:15`.

A name is a modality's, or a sense's ('image', 'haptic') for every modality that is cut from it, so
that the same words serve every set of modalities.

Dims: B scenes, M modalities, V views.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from gmn_jax.senses import HAPTIC, IMAGE, Modality, Sense, senses_of
from mese_env.errors import UserError, nearest


def families(modalities: Sequence[Modality]) -> dict[str, tuple[Sense, ...]]:
  """What contexts are made of, by its name in tables: each sense alone, and all together."""
  senses = senses_of(modalities)
  alone = {sense.field: (sense,) for sense in senses}
  return alone | {' and '.join(alone): senses}


def sense_named(what: str, name: str, modalities: Sequence[Modality]) -> Sense:
  """The sense of that name among those of the modalities.

  Raises:
    UserError: there is none; `what` asks for it.
  """
  senses = {sense.name: sense for sense in senses_of(modalities)}
  if name not in senses:
    raise UserError(f"{what} is '{name}'; use one of {', '.join(senses)}.")
  return senses[name]


def parse_context(
  terms: Sequence[str], modalities: Sequence[Modality], views: int
) -> tuple[int, ...]:
  """How many views of each of the M modalities are given, in [0, V].

  Args:
    terms: 'name:count' each; a modality not named gives none; 'nothing' alone gives none at all.
    modalities: the M modalities.
    views: V, what a scene holds of every modality.

  Raises:
    UserError: a name, a count or its form is wrong, or a modality is named twice.
  """
  counts: dict[int, int] = {}
  for term in [] if list(terms) == ['nothing'] else terms:
    name, colon, text = term.partition(':')
    if not colon or not text.isdecimal():
      raise UserError(
        f"context '{term}' is not a name and a count; write it as in rgb:1,haptic:15."
      )
    if int(text) > views:
      raise UserError(
        f"context '{term}' asks for {text} views, but a scene has {views} to give; ask for at most "
        f'{views}.'
      )
    for m in _named('context', name, modalities):
      if m in counts:
        raise UserError(f"the context names '{modalities[m].name}' twice; give it one count.")
      counts[m] = int(text)
  return tuple(counts.get(m, 0) for m in range(len(modalities)))


def fit_terms(
  terms: Sequence[str], modalities: Sequence[Modality], there: Sequence[Modality], views: int
) -> tuple[str, ...]:
  """The terms of a context without those of modalities that are not `there`, and with at most
  `views` views.
  """
  fitting = []
  for term in terms:
    name, _, count = term.partition(':')
    if is_lacking(name, modalities, there):
      continue
    if not count.isdecimal() or int(count) <= views:
      fitting.append(term)  # What is no count is refused when it is read.
    elif views:
      fitting.append(f'{name}:{views}')
  return tuple(fitting) or ('nothing',)


def is_lacking(name: str, modalities: Sequence[Modality], there: Sequence[Modality]) -> bool:
  """Whether a name is that of a sense or a modality, but of none of those that are `there`."""
  known = {word for m in modalities for word in (m.name, m.sense.name)}
  known |= {IMAGE.name, HAPTIC.name}
  return name in known and not any(name in (m.name, m.sense.name) for m in there)


def parse_target(names: Sequence[str], modalities: Sequence[Modality]) -> tuple[int, ...]:
  """The indices, increasing, of the modalities that are asked for.

  Raises:
    UserError: a name is wrong, or there is none.
  """
  if not names:
    raise UserError('no target is given; name what is to be imagined, as in --target=image.')
  return tuple(sorted({m for name in names for m in _named('target', name, modalities)}))


def give(
  senses: Sequence[Sense], count: int, modalities: Sequence[Modality], views: int
) -> tuple[int, ...]:
  """The context that gives `count` views of every modality of some senses, and none of the others.

  Raises:
    UserError: the count is not in [0, V].
  """
  if not 0 <= count <= views:
    raise UserError(f'a context of {count} views is asked for; a scene has 0 to {views} to give.')
  return tuple(count if m.sense in senses else 0 for m in modalities)


def context_mask(counts_M: Sequence[int], scenes: int, views: int) -> jax.Array:
  """Bool (B, M, V): the first views of each modality are given, in every scene."""
  given_MV = jnp.arange(views) < jnp.array(counts_M)[:, None]
  return jnp.broadcast_to(given_MV, (scenes, *given_MV.shape))


def describe(counts_M: Sequence[int], modalities: Sequence[Modality]) -> str:
  """A context in the words of the command line; a sense stands for its modalities where it can."""
  words = []
  for sense in senses_of(modalities):
    named = {
      m.name: count for m, count in zip(modalities, counts_M, strict=True) if m.sense == sense
    }
    if len(named) > 1 and len(set(named.values())) == 1:
      named = {sense.name: next(iter(named.values()))}
    words += [f'{name}:{count}' for name, count in named.items() if count]
  return ','.join(words) or 'nothing'


def _named(what: str, name: str, modalities: Sequence[Modality]) -> list[int]:
  found = [i for i, m in enumerate(modalities) if name in (m.name, m.sense.name)]
  if not found:
    known = list(dict.fromkeys([m.name for m in modalities] + [m.sense.name for m in modalities]))
    near = nearest(name, known)
    raise UserError(
      f"{what} names '{name}', which this model does not sense; did you mean '{near}'? "
      f'There are {", ".join(known)}.'
    )
  return found
