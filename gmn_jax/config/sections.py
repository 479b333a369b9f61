"""The sections of a config. Each field's comment is its documentation: what it does, its unit or
range, why its default is what it is.

Defaults are those of the preset `small`, which a laptop's CPU trains in minutes; `presets.py` has
what `medium` and `full` change. A field named here can be set as `--config.<field>=` on the command
line.
"""

import dataclasses

from gmn_jax.config.setting import Section, setting
from gmn_jax.model import POOLINGS, VARIANTS
from gmn_jax.optimisers import OPTIMISERS
from gmn_jax.senses.rendering import RENDERINGS
from gmn_jax.senses.sets import modality_set
from gmn_jax.trackers import read_names
from mese_env.errors import UserError

LARGEST_BATCH = 65_536
# Of 32 bits with a sign, a round number below their largest.
_MOST_COUNTED = 2_000_000_000
_COUNTED = 'steps and scenes are counted in 32 bits'
# What float32 can compute with: its squares, sums of them and reciprocals stay finite and above 0.
_LEAST_RATE, _MOST_RATE = 1e-12, 1e3
_RATED = 'a step of another size is lost, or loses all, in float32'


@dataclasses.dataclass(frozen=True, kw_only=True)
class ModelConfig(Section):
  """The network: what it sees, how it combines experts, how large it is."""

  # Which experts there are: 'apoe' (the paper's: one set of parameters for all modalities), 'poe'
  # (one set for each modality), or 'baseline' (one expert on the sum of the representations).
  variant: str = setting('apoe', choices=VARIANTS)
  # How what the experts believe becomes one belief: 'product' (the paper's), 'anchored' (their
  # precisions are added to that of a learned belief without context, which counts once whatever is
  # sensed), or the rivals 'gpoe' and 'log-opinion', whose exponents sum to one (docs/pooling.md).
  # All but 'product' are new, and none has been shown to be better.
  pooling: str = setting('product', choices=POOLINGS)
  # Whether the prior of the first draw step knows the context, by one more update of its LSTM. In
  # the authors' code it does not: with two draw steps half of the latents are drawn without it.
  informed: bool = setting(False)
  # How images are imagined: 'paper' (a recurrent network for each view) or 'volume' (z becomes a
  # volume of density and colour once, through which each look marches along its camera's rays; for
  # cameras as the simulator's, 1 m from the origin and facing it: docs/renderers.md).
  renderer: str = setting('paper', choices=RENDERINGS)
  # Into how many modalities images and grasps are cut: 'm2', 'm5', 'm8' or 'm14'. The smallest.
  modalities: str = setting('m2')
  # What the expert of a modality without a view does: 'mask' (it takes no part, the paper's Eq. 2
  # and 5) or 'prior' (it multiplies all the same, as in the authors' code; 'anchored' and 'gpoe'
  # need 'mask'). What 'mask' gains and costs: docs/small_preset.md.
  absent: str = setting('mask', choices=('prior', 'mask'))
  # Whether each modality's representation is a latent too (the paper's Eq. 3). The paper's main
  # experiments have none.
  hierarchical: bool = setting(False)
  # Side of the image in pixels, before it is cut; a multiple of 4 with m2, of 8 otherwise. Images
  # of another size are resized to it.
  image_size: int = setting(
    16, at_least=4, at_most=4_096, since='a view is cut from that many pixels squared'
  )
  # Sensors of a grasp: the simulated hand's 132, or those of your own data (docs/own_data.md).
  haptic_channels: int = setting(
    132, at_least=1, at_most=100_000, since='each grasp has so many numbers'
  )
  # Hidden channels of the LSTMs; all other widths are fixed multiples of it.
  width: int = setting(
    16, at_least=1, at_most=8_192, since='kernels grow with its square: 8,192 are gigabytes each'
  )
  # Draw steps: how many latents z is a sequence of, and in how many steps a view is rendered.
  draw_steps: int = setting(
    2, at_least=1, at_most=1_000, since='each is computed, and kept, one after the other'
  )
  # Channels of z per draw step.
  latent: int = setting(6, at_least=1, at_most=8_192, since='kernels grow with it')
  # What convolutions and matrix products are computed in. Parameters, sums and the loss are float32
  # in any case. 'bfloat16' is for accelerators.
  dtype: str = setting('float32', choices=('float32', 'bfloat16'))
  # Whether draw steps are computed once more in the backward pass instead of kept
  # (rematerialisation): less memory, more time.
  remat: bool = setting(False, may_change=True)

  def __post_init__(self) -> None:
    super().__post_init__()
    modality_set(self.modalities, self.image_size, self.haptic_channels)
    if POOLINGS[self.pooling].anchored and self.absent != 'mask':
      raise UserError(
        f"pooling is '{self.pooling}', in which an absent sense takes no part, and absent is "
        f"'{self.absent}'; give absent='mask'."
      )


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataConfig(Section):
  """The scenes: from where, and how many a step."""

  # Name of a built dataset, a config of `tfds build tfds_mese`; or with a slash, as in ./robot, a
  # folder of your own scenes (docs/own_data.md).
  dataset: str = setting('shepard_metzler_5_tiny')
  # Folder of the built datasets. Empty: $TFDS_DATA_DIR, or ~/tensorflow_datasets.
  data_dir: str = setting('', may_change=True)
  # Curriculum: the first `few_steps` steps see only the first `few_scenes` training scenes, each
  # many times. What all scenes share but rarely show, such as colours, is then learned sooner
  # (docs/small_preset.md).
  few_scenes: int = setting(1_800, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED)
  # Length of the curriculum in steps. 0: none, every step sees all scenes.
  few_steps: int = setting(1_800, at_least=0, at_most=_MOST_COUNTED, since=_COUNTED)
  # Scenes per step, over all devices. The authors take 12, and 9 with m14.
  batch_size: int = setting(
    32, at_least=1, at_most=LARGEST_BATCH, since='a scene takes .2 MB: 65,536 are 13 GB'
  )


@dataclasses.dataclass(frozen=True, kw_only=True)
class EpisodesConfig(Section):
  """The episodes: which views of a scene are context, and which are targets."""

  # Fraction of the training scenes in which modalities without context are no targets either. It
  # trains beliefs from the other senses alone (docs/small_preset.md). Not used with `missing`.
  withheld: float = setting(0.5, fraction_of='scenes')
  # Fraction of the training scenes of which a random number of views is neither context nor target.
  # It trains beliefs from few views (docs/small_preset.md). Also used with `missing`.
  withheld_views: float = setting(0.5, fraction_of='scenes')
  # Experiment with missing modalities, such as 'extrapol12' (`gmn_jax/model/missing.py` lists
  # them). Empty: training scenes lack none.
  missing: str = setting('')
  # What a missing modality is: 'reference' (no context, but a target, as in the authors' code) or
  # 'strict' (neither, as in the paper).
  protocol: str = setting('reference', choices=('reference', 'strict'))
  # Whether each scene is also trained with context and target exchanged, as the authors do.
  opposite: bool = setting(True)


@dataclasses.dataclass(frozen=True, kw_only=True)
class OptimiserConfig(Section):
  """The objective, a weighted ELBO, and its optimiser."""

  # Weight of the KL divergence in the loss; 1: the ELBO.
  beta: float = setting(
    1.0, at_least=0, at_most=1e6, since='beyond it, float32 has no digits left for the likelihood'
  )
  # Standard deviation of the Gaussian likelihood, in the units of the scaled senses: images in
  # [0, 1], sensors of a grasp in about [-1, 1]. With the authors' 1.0 the KL divergence weighs 100
  # times as much against the squared error.
  std: float = setting(
    0.1, at_least=1e-6, at_most=1e6, since='its square divides the squared error in float32'
  )
  # Training steps in all. With `decay`, the learning rate follows the number that is asked for.
  steps: int = setting(3_250, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True)
  # Whether to start with latents that carry nothing, larger weights, and the mean view rendered
  # (`gmn_jax/training/quiet_start.py`), instead of from the authors' initialisation. Not used with
  # `start_from`, nor does the seed decide the parameters then.
  quiet_start: bool = setting(True)
  # Folder of a run, or of a saved model, whose last parameters training begins with; read once, at
  # step 0. Its images may be smaller: what belongs to the latent grid is interpolated. Images of 32
  # pixels are learned in less time after 16 pixels (docs/learning.md). Empty: begin anew.
  start_from: str = setting('')
  # 'adam' (the authors'), or 'muon' for kernels with NAdam for the rest
  # (`gmn_jax/optimisers/optimiser.py`). With Muon small learns more in the same time.
  optimizer: str = setting('muon', choices=OPTIMISERS)
  # Peak learning rate. At twice this value apoe gains and the baseline loses
  # (docs/results/runs.md, "Rates").
  learning_rate: float = setting(8e-3, at_least=_LEAST_RATE, at_most=_MOST_RATE, since=_RATED)
  # With 'muon', the peak learning rate of NAdam for parameters that are no kernels.
  bias_rate: float = setting(1e-3, at_least=_LEAST_RATE, at_most=_MOST_RATE, since=_RATED)
  # With 'muon', the decoupled weight decay of kernels, multiplied by the learning rate at each
  # step. Without any, small overfits its 1,800 scenes.
  weight_decay: float = setting(
    0.1, at_least=0, at_most=1e3, since='times the learning rate it is what a step takes away'
  )
  # Steps in which the learning rate rises linearly from zero (warm-up).
  warmup_steps: int = setting(50, at_least=0, at_most=_MOST_COUNTED, since=_COUNTED)
  # Fraction of all steps, the last ones, in which the learning rate falls linearly to zero.
  decay: float = setting(0.4, fraction_of='steps')
  # Global norm to which gradients are clipped; the authors'.
  clip: float = setting(
    0.25, at_least=1e-9, at_most=1e9, since='float32 squares what is left of the gradient'
  )
  # Gradient accumulation: in how many parts, one after the other, a batch is computed; divides
  # `batch_size`. The same update in less memory. With small's 32 scenes, 4 also takes a fifth less
  # time on one core (docs/results/PLAN.md).
  accumulate: int = setting(
    1, at_least=1, at_most=65_536, since='it divides batch_size', may_change=True
  )
  # With renderer 'volume', how many rays a training step follows of each look in each modality that
  # is cut from it, that is, how many pixels it renders, drawn anew at every step; the loss is an
  # unbiased estimate of that of all. 0: all, which takes longer and teaches no more
  # (docs/renderers.md). Without effect with renderer 'paper'.
  rays: int = setting(64, at_least=0, at_most=2**24, since='no image has more pixels')
  # How many updates in a row may be skipped for not being finite. 0: the first one ends the run.
  skip_nonfinite: int = setting(0, at_least=0, at_most=_MOST_COUNTED, since=_COUNTED)


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunConfig(Section):
  """The run: its seed, its devices, and how often it reports and saves."""

  # Name of the preset that the values started from; part of the default workdir.
  preset: str = setting('small', is_name=True, may_change=True)
  # Decides the initial parameters, the order of the scenes, and all random numbers on the device.
  # 32 bits, since the input pipeline takes no more.
  seed: int = setting(0, at_least=0, at_most=2**32 - 1, since='it has 32 bits')
  # Fully sharded data parallelism: over how many devices each parameter and its optimiser state are
  # split; divides the number of devices. 1: every device holds all.
  fsdp: int = setting(
    1, at_least=1, at_most=65_536, since='it divides the number of devices', may_change=True
  )
  # Steps between lines of metrics.
  log_every: int = setting(5, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True)
  # Steps between checkpoints. One is written while the next steps are trained, and the one after it
  # only when it is on disk: a killed run loses at most twice so many.
  checkpoint_every: int = setting(
    50, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True
  )
  # Steps between validations. A checkpoint follows each, and the one with the best ELBO is kept.
  validate_every: int = setting(
    125, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True
  )
  # Scenes of the validation split that a validation takes, the first ones.
  validate_scenes: int = setting(
    100, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True
  )
  # Steps between sample pictures.
  sample_every: int = setting(
    125, at_least=1, at_most=_MOST_COUNTED, since=_COUNTED, may_change=True
  )
  # Where numbers go: any of 'jsonl' (metrics.jsonl, which evaluations and comparisons read),
  # 'tensorboard', 'wandb' and 'mlflow', with commas between them. The last two are packages of
  # their own, and have environment variables that say where to. Empty: nowhere.
  track: str = setting('jsonl,tensorboard', may_change=True)
  # Steps to profile into <workdir>/profile, from the tenth on. 0: none.
  profile_steps: int = setting(
    0,
    at_least=0,
    at_most=1_000,
    since='each adds megabytes that are kept in memory',
    may_change=True,
  )

  def __post_init__(self) -> None:
    super().__post_init__()
    read_names(self.track)
