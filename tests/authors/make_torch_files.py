"""Writes `torch_files/`: the same few weights in the forms in which training scripts save them.

Needs PyTorch, which this project does not install:

  python tests/authors/make_torch_files.py
"""

import argparse
import collections
import os
import pathlib

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).parent / 'torch_files'


class Net(torch.nn.Module):
  """Two layers, deep in each other; as a model of the authors', its class is nowhere to be had."""

  def __init__(self):
    super().__init__()
    self.convdraw = torch.nn.Module()
    self.convdraw.gates = torch.nn.Linear(3, 2)
    self.repnets = torch.nn.ModuleList([torch.nn.Linear(2, 2, bias=False)])
    self.register_buffer('scale', torch.full((), 0.5, dtype=torch.float64))
    self.parent = [self]

  def forward(self, x: torch.Tensor) -> torch.Tensor:
    """For a trace."""
    return self.repnets[0](self.convdraw.gates(x))


class Harmful:
  """Would leave a file behind if it were unpickled as usual."""

  def __reduce__(self):
    return os.system, ('touch "$HARMED"',)


def main() -> None:
  """Writes all of them."""
  # The older format holds the source of PyTorch's own modules too, which is long.
  torch.serialization.get_source_lines_and_file = lambda kind: (None, None, None)
  net = Net()
  for parameter in net.parameters():
    values = torch.arange(parameter.numel(), dtype=torch.float32).reshape(parameter.shape)
    parameter.data.copy_(values - 1.5)
  weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
  adam = torch.optim.Adam(net.parameters())
  net(torch.ones(1, 3)).sum().backward()
  adam.step()
  net.load_state_dict(weights)
  args = argparse.Namespace(
    lr=1e-3, device=torch.device('cpu'), best=np.float64(2.5), where=pathlib.PurePosixPath('/data')
  )
  beside = {'args': args, 'epoch': 3, 'optimizer': adam.state_dict()}
  ordered = collections.OrderedDict(weights)
  forms = {
    'weights': ordered,
    'prefixed': {f'module.{name}': tensor for name, tensor in weights.items()},
    'namespace': {**beside, 'state_dict': ordered},
    'nested': {'run': {'last': [{'net': ordered}, beside]}},
    'average': {'model': ordered, 'ema': {n: 2 * t for n, t in weights.items()}},
    'module': net,
    'parallel': {**beside, 'model': torch.nn.DataParallel(net)},
    'harmful': {'hook': Harmful(), 'state_dict': ordered},
  }
  for name, stored in forms.items():
    torch.save(stored, FOLDER / f'{name}.pt')
    torch.save(stored, FOLDER / f'{name}_legacy.pt', _use_new_zipfile_serialization=False)
  whole = torch.arange(12.0)
  views = {
    'half': whole.half()[3:9].reshape(2, 3).T,
    'bfloat16': whole.bfloat16()[::2],
    'long': whole.long(),
    'empty': whole[:0].reshape(0, 3),
  }
  torch.save(views, FOLDER / 'views.pt')
  torch.save(views, FOLDER / 'views_legacy.pt', _use_new_zipfile_serialization=False)
  torch.save(list(net.parameters()), FOLDER / 'list.pt')
  torch.save({'model': 1, 'ema': weights, 'best': {n: 2 * t for n, t in weights.items()}},
             FOLDER / 'several.pt')  # fmt: skip
  torch.jit.trace(net, torch.ones(1, 3)).save(FOLDER / 'script.pt')


if __name__ == '__main__':
  main()
