"""Croissant metadata (mlcommons.org/croissant): what files there are, and what a record holds.

`mlcroissant` reads the records of Parquet files by them. Of other files it knows what they hold,
but cannot read it.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mese_env import GENERATOR_VERSION
from tfds_mese import stored
from tfds_mese.export.columns import Column
from tfds_mese.export.manifest import FOLDER, File, Manifest
from tfds_mese.export.meanings import is_built, meanings

NAME = stored.CROISSANT
_VERSION = 'http://mlcommons.org/croissant/1.1'
_LICENCE = 'https://www.apache.org/licenses/LICENSE-2.0'
_PAPER = 'https://arxiv.org/abs/1910.02344'
_CITATION = pathlib.Path(__file__).parents[1] / 'CITATIONS.bib'
_FILES = 'files'
_ABOUT_BUILT = {
  'description': 'Objects of coloured cubes, seen in images from many camera poses and felt in '
  'grasps by a simulated human hand (MESE).',
  'url': _PAPER,
  'license': _LICENCE,
  'citeAs': _CITATION.read_text().strip(),
}
_ABOUT_OWN = {'description': 'Scenes that were looked at and touched from known poses.'}
# As the format asks for it, word by word.
_CONTEXT = {
  '@language': 'en',
  '@vocab': 'https://schema.org/',
  'data': {'@id': 'cr:data', '@type': '@json'},
  'dataType': {'@id': 'cr:dataType', '@type': '@vocab'},
  'description': {'@container': '@language'},
  'examples': {'@id': 'cr:examples', '@type': '@json'},
  'name': {'@container': '@language'},
  'cr': 'http://mlcommons.org/croissant/',
  'dct': 'http://purl.org/dc/terms/',
  'rai': 'http://mlcommons.org/croissant/RAI/',
  'sc': 'https://schema.org/',
  'conformsTo': 'dct:conformsTo',
} | {
  word: f'cr:{word}'
  for word in (
    'arrayShape', 'citeAs', 'column', 'containedIn', 'equivalentProperty', 'extract', 'field',
    'fileObject', 'fileProperty', 'fileSet', 'format', 'includes', 'isArray', 'isLiveDataset',
    'jsonPath', 'key', 'md5', 'parentField', 'path', 'recordSet', 'references', 'regex', 'repeated',
    'replace', 'samplingRate', 'separator', 'source', 'subField', 'transform',
  )
}  # fmt: skip
_TYPES = {'bool': 'sc:Boolean'} | {
  f'{kind}{bits}': f'cr:{word}{bits}'
  for kind, word, sizes in (
    ('int', 'Int', (8, 16, 32, 64)),
    ('uint', 'UInt', (8, 16, 32, 64)),
    ('float', 'Float', (16, 32, 64)),
  )
  for bits in sizes
}


class Described(NamedTuple):
  """A dataset to describe.

  Attributes:
    name: of it.
    media_type: of its files of scenes.
    files: of scenes, by their paths beside the description.
    pattern: which no other files there match.
    columns: of a scene.
    pictures: whether its images are pictures, in the form of the hub, and not arrays.
    metadata: as `Dataset.metadata`.
  """

  name: str
  media_type: str
  files: Sequence[File]
  pattern: str
  columns: Sequence[Column]
  pictures: bool
  metadata: Mapping[str, Any]


def of_export(whole: Manifest) -> Described:
  """What is described of an export."""
  form = whole.format
  pattern = f'{FOLDER}/*{pathlib.PurePath(form.template).suffix}'
  return Described(
    whole.name, form.media_type, whole.files, pattern, whole.columns, True, whole.metadata
  )


def write(described: Described, folder: pathlib.Path) -> pathlib.Path:
  """Writes the description; returns its path."""
  path = folder / NAME
  path.write_text(json.dumps(describe(described), indent=1) + '\n')
  return path


def describe(described: Described) -> dict[str, Any]:
  """The description, as JSON-LD."""
  splits = list(dict.fromkeys(file.split for file in described.files))
  files = [_file(file, described.media_type) for file in described.files]
  return {
    '@context': _CONTEXT,
    '@type': 'sc:Dataset',
    'conformsTo': _VERSION,
    'name': described.name,
    'version': GENERATOR_VERSION,
    **(_ABOUT_BUILT if is_built(described.metadata) else _ABOUT_OWN),
    'distribution': [*files, _all_files(described)],
    'recordSet': [_splits(splits), _scenes(described, splits)],
  }


def _file(file: File, media_type: str) -> dict[str, Any]:
  return {
    '@type': 'cr:FileObject',
    '@id': file.path,
    'name': file.path,
    'contentUrl': file.path,
    'contentSize': f'{file.bytes} B',
    'encodingFormat': media_type,
    'sha256': file.sha256,
  }


def _all_files(described: Described) -> dict[str, Any]:
  # Contained in nothing, as `mlcroissant` then looks beside the description; where each of several
  # files is said to contain the set, it reads none of them.
  return {
    '@type': 'cr:FileSet',
    '@id': _FILES,
    'encodingFormat': described.media_type,
    'includes': described.pattern,
  }


def _splits(splits: Sequence[str]) -> dict[str, Any]:
  return {
    '@type': 'cr:RecordSet',
    '@id': 'splits',
    'dataType': 'cr:Split',
    'key': {'@id': 'splits/name'},
    'field': [{'@type': 'cr:Field', '@id': 'splits/name', 'dataType': 'sc:Text'}],
    'data': [{'splits/name': split} for split in splits],
  }


def _scenes(described: Described, splits: Sequence[str]) -> dict[str, Any]:
  words = meanings(described.columns, described.metadata)
  split = {
    '@type': 'cr:Field',
    '@id': 'scenes/split',
    'description': 'Split of the scene, by the name of its file.',
    'dataType': 'sc:Text',
    'references': {'field': {'@id': 'splits/name'}},
    'source': {
      'fileSet': {'@id': _FILES},
      'extract': {'fileProperty': 'fullpath'},
      # Also of the name alone, as `mlcroissant` takes it of what it took already.
      'transform': {'regex': f'^(?:.*[/-])?({"|".join(splits)})(?:[-.][^/]*)?$'},
    },
  }
  fields = [_field(column, words[column.name], described) for column in described.columns]
  return {
    '@type': 'cr:RecordSet',
    '@id': 'scenes',
    'description': 'One record for each scene.',
    'field': [split, *fields],
  }


def _field(column: Column, meaning: str, described: Described) -> dict[str, Any]:
  source: dict[str, Any] = {'fileSet': {'@id': _FILES}, 'extract': {'column': column.name}}
  shape, kind, listed = column.shape, _TYPES[column.dtype], {}
  if column.is_images and described.pictures:
    shape, kind = column.shape[:1], 'sc:ImageObject'
    # The word of Croissant 1.0 for lists; `mlcroissant` opens several pictures by it alone.
    listed = {'repeated': True}
    source['transform'] = {'jsonPath': 'bytes'}
  lengths = {'isArray': True, 'arrayShape': ','.join(map(str, shape))} if shape else {}
  return {
    '@type': 'cr:Field',
    '@id': f'scenes/{column.name}',
    **({'description': meaning} if meaning else {}),
    'dataType': kind,
    **lengths,
    **listed,
    'source': source,
  }
