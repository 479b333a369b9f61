"""A trained model in two lines: by name, from a folder, or from the hub."""

import dataclasses
import os
import pathlib
import tempfile
from collections.abc import Mapping
from typing import Any

from gmn_jax.models.belief import Belief, nothing_seen
from gmn_jax.models.find import find
from gmn_jax.models.measured import measured
from gmn_jax.training import exported
from gmn_jax.training.card import LICENSE
from gmn_jax.training.run import Run
from mese_env import folders


@dataclasses.dataclass(frozen=True, eq=False)
class Model:
  """A trained model, ready to be asked.

  Attributes:
    run: its network, parameters, config and ranges, as `gmn_jax.inference` takes them.
    metrics: what was measured of it, as JSON.
  """

  run: Run
  metrics: Mapping[str, Any] = dataclasses.field(default_factory=dict)

  def belief(self) -> Belief:
    """What the model believes of a scene of which it has sensed nothing."""
    return nothing_seen(self.run)

  def save(self, folder: str | os.PathLike, license: str = LICENSE, float16: bool = False) -> None:
    """Writes it to a new folder, which `load` reads bit for bit, and which can be shared.

    Args:
      folder: not there yet, or empty.
      license: of the model, for its card, as the hub abbreviates it.
      float16: stores the parameters in half the space, each rounded by at most 5e-4 of itself (by
        3e-8 below 6e-5); `load` makes them float32 again.

    Raises:
      UserError: the folder is taken, or cannot be written; or float16 cannot hold a parameter.
    """
    path = folders.read_folder(folder, 'the folder')
    exported.save_model(self.run, path, self.metrics, license=license, float16=float16)

  def push(
    self, name: str, private: bool = False, license: str = LICENSE, float16: bool = False
  ) -> str:
    """Uploads it to the hub, which `huggingface_hub` must be logged in to.

    Args:
      name: 'org/name'; made if it is not there, else it gets a new commit.
      private: whether others may not see it, if it is made.
      license: of the model, for its card, as the hub abbreviates it.
      float16: as `save` takes it.

    Returns:
      The address of its page.

    Raises:
      UserError: `huggingface_hub` is not installed, or the hub refuses or cannot be reached; or
        float16 cannot hold a parameter.
    """
    # What else fetches from the hub is not always installed.
    from gmn_jax.models import hub

    with tempfile.TemporaryDirectory() as folder:
      path = pathlib.Path(folder) / 'model'
      exported.save_model(self.run, path, self.metrics, name, license, float16)
      return hub.upload(path, name, private)

  def __repr__(self) -> str:
    config, parts = self.run.config, ', '.join(m.name for m in self.run.model.modalities)
    return (
      f'Model({config.variant}, {config.modalities} ({parts}), {config.preset}, '
      f'step {self.run.step:,})'
    )


def load(name: str | os.PathLike, revision: str | None = None) -> Model:
  """A trained model.

  Args:
    name: of a model that comes along, such as 'apoe-small'; or else the folder of a saved model or
      of a run; or else 'org/name' on the hub of Hugging Face, for which the extra `hub` is needed.
      A folder with the name of a model that comes along is written './apoe-small'.
    revision: of a model of the hub: a branch, tag or commit.

  Raises:
    UserError: there is no such model, it is damaged, or a newer version wrote it.
  """
  folder = find(name, revision).folder
  if exported.is_exported(folder):
    return Model(*exported.read_model(folder))
  return _of_run(folder, best=False)


def export(
  workdir: str | os.PathLike,
  folder: str | os.PathLike,
  best: bool = False,
  float16: bool = False,
) -> Model:
  """Saves the model of a run, with what was measured of it, to a new folder.

  Args:
    workdir: of the run; or the folder of a saved model.
    folder: not there yet, or empty.
    best: the checkpoint with the highest ELBO in validation instead of the last one.
    float16: as `Model.save` takes it.

  Returns:
    The model as it was before any rounding.

  Raises:
    UserError: there is no checkpoint, it is damaged, the folder is taken or cannot be written, or
      float16 cannot hold a parameter.
  """
  model = _of_run(folders.read_folder(workdir, '--workdir'), best)
  model.save(folder, float16=float16)
  return model


def _of_run(workdir: pathlib.Path, best: bool) -> Model:
  # Checkpoints are read by orbax, which takes seconds to load.
  from gmn_jax.training.checkpoint import load_run

  run = load_run(workdir, best)
  before = exported.read_model(workdir).metrics if exported.is_exported(workdir) else {}
  return Model(run, measured(workdir, run.step, before))
