"""The TFDS builder: generates the scenes on all cores, then writes them as ArrayRecord files."""

import contextlib
import functools
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, ClassVar, cast

import numpy as np
import tensorflow_datasets as tfds
from tensorflow_datasets.core import writer

from mese_env import GENERATOR_VERSION, machine
from mese_env.errors import UserError
from tfds_mese import canonical, configs, cost, lock, provenance, stored, workers
from tfds_mese import chunks as chunks_lib
from tfds_mese.features import scene_features

# A thousand scenes to a file: TFDS holds a file's scenes in memory while it writes them (0.2 GB).
_FILE_CHUNKS = 20


class BuildRunning(UserError):
  """Another process builds this dataset."""


class Builder(tfds.core.ShardBasedBuilder):
  """Shepard-Metzler objects, each with 15 looks and 15 grasps.

  Args:
    config: a `MeseConfig`, or the name of a listed one.
    data_dir: where datasets are; TFDS_DATA_DIR or ~/tensorflow_datasets by default.
    num_workers: processes that generate scenes; all cores by default. The records are the same for
      any number.
    file_format: ArrayRecord, as nothing else can be read at random without TensorFlow.
    **kwargs: the others of `tfds.core.DatasetBuilder`.

  Raises:
    UserError: the config has the name of another; or what is built there is damaged.
  """

  VERSION = tfds.core.Version(GENERATOR_VERSION)
  RELEASE_NOTES: ClassVar[dict[str, str]] = {'1.0.0': 'First release.'}
  BUILDER_CONFIGS: ClassVar[list[tfds.core.BuilderConfig]] = list(configs.CONFIGS)

  # What TFDS has as optional, as not every dataset has configs.
  builder_config: configs.MeseConfig

  def __init__(
    self,
    *,
    config: configs.MeseConfig | str | None = None,
    data_dir: os.PathLike | str | None = None,
    num_workers: int | None = None,
    file_format: str | None = 'array_record',
    **kwargs: Any,
  ):
    if file_format not in (None, 'array_record', tfds.core.FileFormat.ARRAY_RECORD):
      raise UserError(
        f'{file_format} files cannot be read at random: build without --file_format, and then '
        'convert the result with `tfds convert_format`.'
      )
    self._num_workers = num_workers or machine.available_cores()
    if isinstance(config, configs.MeseConfig):
      configs.refuse_taken_name(config)
      if config.name in [listed.name for listed in configs.CONFIGS]:
        config = config.name  # TFDS refuses an equal of a listed one.
    root = stored.root_folder(data_dir)
    super().__init__(file_format='array_record', config=config, data_dir=root, **kwargs)

  def _build_data_dir(self, given_data_dir: str | None) -> tuple[str, str]:
    """Where the dataset is or will be; what is there is read by TFDS next, so it is checked."""
    root, folder = super()._build_data_dir(given_data_dir)
    if os.path.isdir(folder):
      stored.load(pathlib.Path(folder))
    return root, folder

  def _info(self) -> tfds.core.DatasetInfo:
    scene = self.builder_config.scene
    return self.dataset_info_from_configs(
      # Else TFDS would print the whole README after every build.
      description=(self.__doc__ or '').split('\n')[0],
      features=tfds.features.FeaturesDict(scene_features(asdict(scene))),
      metadata=tfds.core.MetadataDict(),
      disable_shuffling=True,  # Scenes are independent draws, so their order means nothing.
      homepage='https://arxiv.org/abs/1910.02344',
    )

  def download_and_prepare(
    self, *, download_config: tfds.download.DownloadConfig | None = None, **kwargs: Any
  ) -> None:
    """Builds the dataset where it is not there yet, continuing a build that was stopped.

    Args:
      download_config: as in `tfds.core.DatasetBuilder.download_and_prepare`.
      **kwargs: the other arguments of that method.

    Raises:
      UserError: the folder cannot be written, the disk is full or too small, another build of the
        same dataset runs, or what is there has other settings or too few scenes.
    """
    config = download_config or tfds.download.DownloadConfig()
    configs.check_limit(config.max_examples_per_split)
    # The folder where TFDS keeps the versions of this config.
    folder = pathlib.Path(self.data_path).parent
    with _locked(folder):
      built = self.is_prepared() and not config.download_mode.overwrite_dataset
      if built:
        self._refuse_unlike(config.max_examples_per_split)
      for orphan in folder.glob(f'incomplete.*_{self.version}'):
        shutil.rmtree(orphan)
      super().download_and_prepare(download_config=config, **kwargs)
      self._conclude(built)

  def generate_share(self, share: int, num_shares: int) -> None:
    """Generates every num_shares-th chunk, for a build by several machines; writes no dataset.

    Args:
      share: which of the shares, from 1 to num_shares.
      num_shares: how many there are.

    Raises:
      UserError: as `download_and_prepare`.
    """
    cache = self._cache_folder()
    with _locked(cache.parent):
      self._generate(_all(self._plan(None))[share - 1 :: num_shares], cache)
    print(f'share {share} of {num_shares} is in {cache}', file=sys.stderr)

  def _download_and_prepare(
    self,
    dl_manager: tfds.download.DownloadManager,
    download_config: tfds.download.DownloadConfig,
  ) -> None:
    """Generates the scenes that are missing, then has TFDS write those of each split."""
    self._chunks = self._plan(download_config.max_examples_per_split)
    if download_config.beam_options is None:
      self._cache = self._cache_folder()
      self._generate(_all(self._chunks), self._cache)
    else:
      from apache_beam.options.pipeline_options import StandardOptions

      self._cache = None
      options = download_config.beam_options.view_as(StandardOptions)
      download_config.beam_runner = options.runner or 'DirectRunner'
    print(f'{self.info.full_name}: writing the files', file=sys.stderr, flush=True)
    super()._download_and_prepare(dl_manager, download_config)
    # TFDS's decorator of the method hides what it takes.
    scenes = self.as_data_source(split='train')  # pyright: ignore[reportCallIssue]
    measured = {
      'files': self._measure_files(),
      **provenance.haptic_range(scenes, self.builder_config.scene.num_grasps),
    }
    self._metadata().update(stored.sealed(provenance.provenance_of(self.builder_config) | measured))

  def as_dataset(self, *args: Any, **kwargs: Any) -> Any:
    """Refuses to read through TensorFlow, which cannot read ArrayRecord: `tfds.load` ends here.

    Raises:
      UserError: always; the message says what to call instead.
    """
    name = self.builder_config.name
    raise UserError(
      f"tfds.load cannot read ArrayRecord files: call tfds.data_source('{self.name}/{name}') or "
      f"tfds_mese.open_dataset('{name}') with the same data_dir."
    )

  def _post_download_and_prepare_hook(self) -> None:
    """Removes what was built from, but not what a larger build that was stopped continues from."""
    if self._cache:
      for chunk in _all(self._chunks):
        chunk.path(self._cache).unlink(missing_ok=True)
      if not any(self._cache.glob('*.npz')):
        shutil.rmtree(self._cache)

  def _plan(self, limit: int | None) -> dict[str, list[chunks_lib.Chunk]]:
    """The chunks of each split, or those of its first `limit` scenes."""
    return {
      name: chunks_lib.split_into_chunks(
        split.scene,
        split.seed,
        split.first_index,
        split.num_scenes if limit is None else min(limit, split.num_scenes),
      )
      for name, split in self.builder_config.splits.items()
    }

  def _generate(self, chunks: Sequence[chunks_lib.Chunk], cache: pathlib.Path) -> None:
    cache.mkdir(exist_ok=True)
    chunks_lib.remove_partial(cache)
    chunks_lib.remove_damaged(chunks, cache)
    name, hand = self.info.full_name, self.builder_config.scene.hand
    cost.announce(name, chunks, cache, hand, self._num_workers, str(self.data_dir_root))
    workers.generate_chunks(chunks, cache, self._num_workers)

  def _shard_iterators_per_split(
    self, dl_manager: tfds.download.DownloadManager
  ) -> Mapping[str, Sequence[Any]]:
    del dl_manager  # Nothing is downloaded.
    scenes = functools.partial(_read, self._cache) if self._cache else _generate_anew
    return {
      name: [
        functools.partial(scenes, chunks[first : first + _FILE_CHUNKS])
        for first in range(0, len(chunks), _FILE_CHUNKS)
      ]
      for name, chunks in self._chunks.items()
    }

  def _example_writer(self) -> writer.ExampleWriter:
    return canonical.Writer(file_format=tfds.core.FileFormat.ARRAY_RECORD)

  def _metadata(self) -> dict[str, Any]:
    return cast(dict[str, Any], self.info.metadata)  # `_info` puts it there.

  def _measure_files(self) -> dict[str, dict[str, Any]]:
    paths = [path for split in self.info.splits.values() for path in split.filepaths]
    return {path.name: stored.measure_file(pathlib.Path(path)) for path in paths}

  def _cache_folder(self) -> pathlib.Path:
    """Where the chunks wait; another version or other settings never continue from them."""
    # `self.data_path` is TFDS's temporary folder while it builds.
    root = pathlib.Path(self.data_dir_root) / self.name / self.builder_config.name
    return root / f'chunks-{provenance.digest(self.builder_config)}'

  def _conclude(self, built: bool) -> None:
    """Says what there is now, and whether it was there before."""
    counts = {name: split.num_examples for name, split in self.info.splits.items()}
    scenes = ', '.join(f'{count} of {name}' for name, count in counts.items())
    print(
      f'{self.info.full_name} is {"there already" if built else "built"}: {scenes}; '
      f'{self.info.dataset_size} in {self.data_dir}',
      file=sys.stderr,
      flush=True,
    )

  def _refuse_unlike(self, limit: int | None) -> None:
    """Raises a UserError where the dataset that is there is not the one asked for."""
    recorded = configs.settings(self._metadata()['splits'])
    if wrong := configs.differences(recorded, configs.settings_of(self.builder_config)):
      raise UserError(
        f'{self.data_dir} holds a dataset of other settings ({wrong[0]}): give the new config '
        'another "name", or build with --overwrite.'
      )
    for name, chunks in self._plan(limit).items():
      wanted, found = sum(map(len, chunks)), self.info.splits[name].num_examples
      if found < wanted:
        raise UserError(
          f'{self.data_dir} holds {found} of {wanted} scenes of {name}, as it was built with '
          '--max_examples_per_split: build with --overwrite.'
        )
    stored.check_lengths(stored.load(pathlib.Path(self.data_path)))


def _all(plan: Mapping[str, list[chunks_lib.Chunk]]) -> list[chunks_lib.Chunk]:
  return [chunk for chunks in plan.values() for chunk in chunks]


def _generate_anew(
  chunks: Sequence[chunks_lib.Chunk],
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
  for chunk in chunks:
    yield from chunk.scenes()


def _read(
  folder: pathlib.Path, chunks: Sequence[chunks_lib.Chunk]
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
  return chunks_lib.read_chunks(chunks, folder)


@contextlib.contextmanager
def _locked(folder: pathlib.Path) -> Iterator[None]:
  """Holds the folder of a build, or says which one is in the way."""
  busy = BuildRunning(f'another build of {folder} is running: wait for it or stop it.')
  with chunks_lib.writing(folder), lock.held(folder, busy):
    yield
