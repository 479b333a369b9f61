"""The one place for the project's dependencies and extras; `uv.lock` pins them."""

import setuptools

_REQUIRED = [
  'absl-py',
  'array-record; sys_platform != "win32"',
  'chex',
  'flax',
  'grain',
  # tensorflow-datasets needs it on every Python but declares it only for those before 3.9.
  'importlib_resources',
  'jax',
  'matplotlib',
  'ml-collections',
  # The release on which the simulated touch was held against its published figures.
  'mujoco>=4.0',
  'numpy>=2',
  'optax',
  'orbax-checkpoint',
  'pillow',
  'tensorboardX',
  # The release whose builder and reader run here without TensorFlow.
  'tensorflow-datasets>=4.9.10',
  'tqdm',
]

_EXTRAS = {
  # What the stock `tfds` command imports at its start; nothing else here needs any of it.
  'tfds': [
    'apache-beam',
    'mlcroissant',
    'tensorflow-cpu; sys_platform == "linux"',
    'tensorflow; sys_platform != "linux"',
  ],
  'cuda': ['jax[cuda13]; sys_platform == "linux"'],
  'tpu': ['jax[tpu]; sys_platform == "linux"'],
  # Animated figures, and the linear probe of --mode=represent.
  'viz': ['imageio[ffmpeg]', 'scikit-learn'],
  'dev': ['ipykernel', 'nbclient', 'nbformat', 'pip', 'pytest', 'pytest-xdist', 'ruff', 'uv'],
}

setuptools.setup(
  version='0.1.0',
  description='Generative multisensory networks in JAX, the MESE environment and its dataset.',
  packages=setuptools.find_packages(
    include=['gmn_jax', 'gmn_jax.*', 'mese_env', 'mese_env.*', 'tfds_mese', 'tfds_mese.*']
  ),
  package_data={
    'gmn_jax': ['authors/data/*'],
    'mese_env': ['data/*'],
    'tfds_mese': ['README.md', 'CITATIONS.bib', 'TAGS.txt'],
  },
  install_requires=_REQUIRED,
  extras_require=_EXTRAS,
)
