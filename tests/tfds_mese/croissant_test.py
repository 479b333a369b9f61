"""Croissant metadata describe an export and a built dataset as other tools read them."""

import pathlib
import shutil

import numpy as np
import pytest

import tfds_mese.__main__ as command
from mese_env.errors import UserError
from tfds_mese.export.columns import differing
from tfds_mese.reading import open_dataset

pytestmark = pytest.mark.long


@pytest.mark.parametrize('kind', ['built', 'gaps'])
def test_croissant_describes_an_export(sources, kind, form, tmp_path):
  mlcroissant = pytest.importorskip('mlcroissant')
  export = ['export', f'{sources[kind]}/', f'--format={form.name}', f'--out={tmp_path / "out"}']
  assert command.main(export) == 0
  described = mlcroissant.Dataset(tmp_path / 'out/croissant.json')
  assert not described.metadata.ctx.issues.errors
  if form.name != 'parquet':
    return
  splits = open_dataset(sources[kind]).splits
  # Records come in the order of the files' names.
  scenes = ((split, scene) for split in sorted(splits) for scene in splits[split])
  for record, (split, made) in zip(described.records('scenes'), scenes, strict=True):
    assert record.pop('scenes/split').decode() == split
    scene = {name.removeprefix('scenes/'): value for name, value in record.items()}
    if 'images' in scene:
      scene['images'] = np.stack([np.asarray(image) for image in scene['images']])
    read = {name: np.asarray(value, made[name].dtype) for name, value in scene.items()}
    assert differing(read, made) == []


def test_croissant_describes_a_built_dataset(sources, tmp_path, capsys):
  mlcroissant = pytest.importorskip('mlcroissant')
  folder = shutil.copytree(sources['built'], tmp_path / 'data/tfds_mese/small/1.0.0')
  assert command.main(['croissant', 'small', f'--data_dir={tmp_path / "data"}']) == 0
  path = pathlib.Path(capsys.readouterr().out.strip())
  described = mlcroissant.Dataset(path).metadata
  assert not described.ctx.issues.errors
  digests = {file.name: file.sha256 for file in described.file_objects}
  metadata = open_dataset(folder).metadata
  assert digests == {name: file['sha256'] for name, file in metadata['files'].items()}
  assert command.main(['verify', str(folder), '--scenes=0']) == 0
  with pytest.raises(UserError, match='python -m tfds_mese export'):
    command.main(['croissant', f'{sources["gaps"]}/'])
