"""What `python -m tfds_mese` takes: the flags of `tfds build`, and commands besides.

Loads nothing of TFDS, which takes seconds; a test holds the flags against those that TFDS reads.
"""

from collections.abc import Sequence

from mese_env import folders
from mese_env.command import Command, Group
from mese_env.command_line import Parser

_BUILDS = """Builds the MESE dataset without TensorFlow, with the flags of `tfds build`.

Without --config all listed configs are built. shepard_metzler_5_100_10_10 names a config of 100, 10
and 10 scenes of train, val and test, objects of 5 cubes."""
_SELDOM = 'flags of tfds build that this dataset seldom needs'
_FORMATS = 'tfrecord, riegeli, array_record, parquet or bagz'


def _build(program: str, _: Sequence[str]) -> Parser:
  parser = Parser(program, _BUILDS, '--config=shepard_metzler_5_tiny')
  text = 'name of the config, or its fields as JSON; all listed ones if not given'
  parser.option('config,c', str, None, text, metavar='NAME')
  folder = 'where datasets are; TFDS_DATA_DIR or ~/tensorflow_datasets if not given'
  parser.option('data_dir', str, None, folder, metavar='DIR')
  parser.option('overwrite', bool, False, 'builds again what is there')
  parser.option('fail_if_exists', bool, False, 'ends with an error if it is there')
  few = 'only so many scenes of each split; 1 if no number follows'
  parser.option('max_examples_per_split', int, None, few, nargs='?', const=1)
  share = "this machine's share, as in 2/4; then build where all folders chunks-* are together"
  parser.option('shards', str, None, share, metavar='SHARE')
  modules = 'modules to import first, such as one that enters an object type'
  parser.option('imports,module_import,i', str, None, modules, metavar='MODULE,MODULE')
  number = 'number of a listed config, instead of --config'
  parser.option('config_idx,builder_config_id', int, None, number)
  text = f'of the files: {_FORMATS}'
  parser.option('file_format', str, None, text, metavar='FORMAT')
  parser.option('num_shards', int, None, 'files of each split')
  parser.option('max_shard_size_mb', int, None, 'megabytes of a file at most')
  # TFDS says of each what it is.
  for name in ('publish_dir', 'download_dir', 'extract_dir', 'manual_dir'):
    parser.option(name, str, None, group=_SELDOM, metavar='DIR')
  for name in ('download_config', 'beam_pipeline_options', 'exclude_datasets'):
    parser.option(name, str, None, group=_SELDOM)
  parser.option('datasets,dataset', str, None, group=_SELDOM)
  parser.option('num_processes,num-processes', int, 1, group=_SELDOM)
  for name in (
    'add_name_to_manual_dir',
    'download_only',
    'update_metadata_only',
    'register_checksums',
    'force_checksums_validation',
    'nondeterministic_order',
    'skip_if_published',
    'experimental_latest_version',
  ):
    parser.option(name, bool, False, group=_SELDOM)
  return parser


def _verify(program: str, _: Sequence[str]) -> Parser:
  about = 'Checks a built dataset: digests, metadata, and scenes that are generated again.'
  example = '~/tensorflow_datasets/tfds_mese/shepard_metzler_5_tiny/1.0.0'
  parser = Parser(program, about, example, 'DIR [OPTIONS]')
  folder = folders.argument('DIR')
  parser.add_argument('folder', type=folder, metavar='DIR', help='that holds the dataset_info.json')
  parser.option('scenes', int, 20, 'scenes of each split to generate again and compare')
  return parser


def _stats(program: str, _: Sequence[str]) -> Parser:
  about = "Prints a dataset's objects by split and the values of its haptic channels."
  parser = Parser(program, about, 'shepard_metzler_5_tiny', 'NAME [OPTIONS]')
  what = 'of the config; or a folder of scenes, such as ./robot'
  parser.add_argument('name', metavar='NAME', help=what)
  parser.option('data_dir', folders.argument('--data_dir'), None, 'where it was built')
  parser.option('per_sensor', bool, False, 'one row for each channel')
  return parser


def _export(program: str, _: Sequence[str]) -> Parser:
  about = """Writes a dataset as Parquet or WebDataset files, which other tools know.

The folder also gets a card (README.md) that the hub and datasets.load_dataset understand, and
Croissant metadata. tfds_mese.open_dataset reads it back, bit for bit."""
  example = 'shepard_metzler_5_tiny --format=parquet --out=./tiny'
  parser = Parser(program, about, example, 'NAME --format=FORMAT --out=DIR [OPTIONS]')
  what = 'of a built dataset; or a folder of scenes, such as ./robot'
  parser.add_argument('name', metavar='NAME', help=what)
  parser.option('format', str, None, 'parquet or webdataset', required=True, metavar='FORMAT')
  out = folders.argument('--out')
  parser.option('out', out, None, 'the folder to make', required=True, metavar='DIR')
  parser.option('data_dir', folders.argument('--data_dir'), None, 'where it was built')
  return parser


def _croissant(program: str, _: Sequence[str]) -> Parser:
  about = 'Writes the Croissant metadata of a built dataset beside its files.'
  parser = Parser(program, about, 'shepard_metzler_5_tiny', 'NAME [OPTIONS]')
  parser.add_argument('name', metavar='NAME', help='of a built dataset, or its folder')
  parser.option('data_dir', folders.argument('--data_dir'), None, 'where it was built')
  return parser


DATA = Group(
  'Builds datasets, and looks at built ones.',
  {
    'verify': Command('Checks a built dataset.', _verify, 'tfds_mese.__main__:verify'),
    'stats': Command(
      "Prints a dataset's statistics.", _stats, 'tfds_mese.__main__:print_statistics'
    ),
    'export': Command(
      'Writes it as Parquet or WebDataset files.', _export, 'tfds_mese.export.command:export'
    ),
    'croissant': Command(
      'Writes its Croissant metadata.', _croissant, 'tfds_mese.export.built:describe'
    ),
  },
  '--config=shepard_metzler_5_tiny',
  Command(
    'Builds a dataset.',
    _build,
    'tfds_mese.__main__:build',
    'the finished scenes stay, and the same command continues from them.',
  ),
)
