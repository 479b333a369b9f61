"""What the page says of a belief, as small pieces of HTML."""

import html

from experiments.explorer.state import State
from experiments.explorer.studio import Answer
from experiments.explorer.things import RANKED
from experiments.explorer.ways import WAYS

COLOURS = ('#5aa0ff', '#f0803c', '#6ed282', '#f0c850', '#c878f0', '#f05a6e', '#50d2d2', '#a0a0aa')
PRIOR = '#555a64'
_BOX = 'font-size:0.85em;padding:0 1em 0.5em;color:#cdd0d6;line-height:1.45'


def count(state: State) -> str:
  """What was given: '2 looks, 1 grasp'."""
  words = []
  for way in WAYS:
    number = sum(one.way == way for one in state.counted)
    words += [f'{number} {way.name}{"" if number == 1 else "s"}'] if number else []
  return ', '.join(words) or 'nothing given'


def summary(state: State, answer: Answer) -> str:
  """How good the belief is."""
  share = answer.error / answer.blind_error
  return boxed(
    f'<b>{count(state)}</b>{" (blindfolded)" if state.blindfold else ""} &middot; '
    f'squared error {answer.error:.4f}, {share:.0%} of that of nothing given &middot; '
    f'the true object is <b>number {answer.rank}</b> of {RANKED} by likeness &middot; '
    f'entropy of the latents {answer.uncertainty:.0f} nats'
  )


def shares(answer: Answer) -> str:
  """Who knows what: a bar of each modality's part of the precision."""
  if isinstance(answer.shares, str):
    return boxed(html.escape(answer.shares))
  named = [name for name in answer.shares if name != 'prior']
  rows = ''
  for name, share in answer.shares.items():
    colour = COLOURS[named.index(name) % len(COLOURS)] if name in named else PRIOR
    rows += (
      f'<div style="display:flex;align-items:center;margin:0.35em 0">'
      f'<span style="width:6em">{html.escape(name)}</span>'
      f'<span style="background:{colour};height:0.9em;width:{60 * share:.1f}%"></span>'
      f'<span style="padding-left:0.5em">{share:.0%}</span></div>'
    )
  return boxed(f'Part of the precision of the belief that each modality brings.{rows}')


def boxed(inside: str) -> str:
  """A paragraph of the panel."""
  return f'<div style="{_BOX}">{inside}</div>'
