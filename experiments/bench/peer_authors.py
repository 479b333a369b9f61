"""The authors' side of `peer.py`: their model and what their training loop does with a batch.

Runs in an interpreter that has PyTorch, on a checkout of theirs whose modules it imports. What they
import for figures and files alone is replaced by stand-ins: a training step uses none of it.
"""

import importlib
import pathlib
import random
import sys
import unittest.mock
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent))

from experiments.bench import turns

_UNUSED = (
  'PIL', 'matplotlib', 'matplotlib.pyplot', 'pandas', 'seaborn', 'sklearn', 'sklearn.manifold',
  'torchvision', 'torchvision.utils',
)  # fmt: skip
MODULES = {
  'apoe': 'models.conv_amortized_poe_multimodal_cgqn',
  'poe': 'models.poe_multimodal_cgqn',
}
_CLIP, _LEARNING_RATE = 0.25, 1e-4  # as in their scripts/train


def begin(asked: dict[str, Any]) -> tuple[dict[str, Any], dict[str, turns.Call]]:
  """Builds their model and optimiser.

  Args:
    asked: `folder`, of the checkout; `variant`; `dims`, of the modalities, in their form; `batch`,
      scenes; `views` of a modality and scene, and `given`, how many of them inference starts from;
      `draw_steps`; `threads`.
  """
  sys.dont_write_bytecode = True  # Their folder is left as it is.
  # Not imported by name: the project does not depend on it.
  torch: Any = importlib.import_module('torch')
  torch.manual_seed(0)
  torch.set_num_threads(asked['threads'])
  sys.path.insert(0, asked['folder'])
  module = _import_with_stand_ins(MODULES[asked['variant']])
  dims = [tuple(dim) for dim in asked['dims']]
  model = module.CGQN_v4(dims=dims, num_steps=asked['draw_steps'])
  optimizer = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
  draws = random.Random(0)

  def sense(count: int, dim: tuple) -> Any:
    channels, height, width, _, kind = dim
    shape = (count, channels, height, width) if kind == 'image' else (count, channels)
    return torch.rand(shape)

  def scene(counts: list[int]) -> list[Any]:
    """Per modality what is sensed and the poses; None for both where there is no view."""
    pairs = [
      (sense(count, dim), torch.randn(count, 5)) if count else (None, None)
      for count, dim in zip(counts, dims, strict=True)
    ]
    return [part for pair in pairs for part in pair]

  def batch_to_train() -> tuple[list[list], list[list]]:
    """Contexts and targets as their dataset draws them: some modalities give context."""
    contexts, targets = [], []
    for _ in range(asked['batch']):
      gives = draws.sample(range(len(dims)), draws.randint(1, len(dims)))
      counts = [draws.randint(0, asked['views']) * (m in gives) for m in range(len(dims))]
      contexts.append(scene(counts))
      targets.append(scene([asked['views'] - count for count in counts]))
    return contexts, targets

  def train(batch: tuple[list[list], list[list]]) -> float:
    contexts, targets = batch
    model.train()
    model.zero_grad()
    # Each scene also with context and target exchanged (their --add-opposite).
    loss = model(contexts + targets, targets + contexts, beta=1.0)[2]
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), _CLIP)
    optimizer.step()
    return loss.item()

  def question() -> tuple[list[list], tuple[list, ...]]:
    contexts = [scene([asked['given']] * len(dims)) for _ in range(asked['batch'])]
    queries = tuple(
      [torch.randn(asked['views'], 5) for _ in range(asked['batch'])] for _ in range(len(dims))
    )
    return contexts, queries

  def imagine(asked_for: tuple[list[list], tuple[list, ...]]) -> float:
    model.eval()
    with torch.no_grad():
      means, _ = model.generate(*asked_for)
      return float(sum(mean.sum() for mean in means))

  facts = {
    'parameters': sum(parameter.numel() for parameter in model.parameters()),
    'library': f'PyTorch {torch.__version__}, {torch.get_num_threads()} threads',
  }
  return facts, {'train': (batch_to_train, train), 'imagine': (question, imagine)}


def _import_with_stand_ins(name: str) -> Any:
  """Imports a module of theirs; the stand-ins go afterwards, for PyTorch looks for some of them."""
  stood_in = [unused for unused in _UNUSED if unused not in sys.modules]
  sys.modules.update({unused: unittest.mock.MagicMock() for unused in stood_in})
  try:
    return importlib.import_module(name)
  finally:
    for unused in stood_in:
      del sys.modules[unused]


if __name__ == '__main__':
  turns.serve(begin)
