"""The amortised product of experts (APoE), the paper's contribution.

  python experiments/main.py --config=experiments/configs/apoe.py         # small, the default
  python experiments/main.py --config=experiments/configs/apoe.py:medium  # one GPU, minutes
  python experiments/main.py --config=experiments/configs/apoe.py:full    # the paper's sizes

Cost: small is for a laptop's CPU. Medium is small's recipe for images of twice the side and 23
times the arithmetic (docs/results/README.md, "Medium"). Full is the authors' recipe: 0.42 TFLOP a
scene with m2, 10 epochs of 1,000,000 scenes, which is a job for an accelerator and the dataset of
that size.
"""

from ml_collections import ConfigDict

from mese_env.errors import UserError

PRESETS = ('small', 'medium', 'full')


def get_config(preset: str = 'small') -> ConfigDict:
  """The config of a preset, 'small', 'medium' or 'full'; every field can be overridden with
  `--config.<field>=`.

  Raises:
    UserError: for another preset.
  """
  if preset not in PRESETS:
    raise UserError(
      f"there is no preset '{preset}'; use one of {', '.join(PRESETS)}, as in apoe.py:full."
    )
  small = preset != 'full'  # In all that `medium` below does not change.
  config = ConfigDict()

  # Which of the presets below this started from; names the default workdir.
  config.preset = preset

  # How experts combine: 'apoe' (shared parameters), 'poe' (one set each), 'baseline' (one on the
  # sum).
  config.variant = 'apoe'
  # What the senses are cut into: 'm2', 'm5', 'm8' or 'm14'.
  config.modalities = 'm2'
  # What the expert of a modality without a view does: 'prior' (it multiplies all the same, as the
  # authors' code has it) or 'mask' (it takes no part, the paper's Eq. 2 and 5; what that gains and
  # costs the small preset: docs/small_preset.md).
  config.absent = 'mask' if small else 'prior'
  # Make each modality's representation a latent too (the paper's Eq. 3).
  config.hierarchical = False
  # Pixels of a side of the image before it is cut; the dataset's 64 are resized to it.
  config.image_size = 16 if small else 64
  # Sensors of a grasp: the simulated hand's 132, or those of data of your own (docs/own_data.md).
  config.haptic_channels = 132
  # Hidden channels of the LSTMs; all other widths are fixed multiples of it.
  config.width = 16 if small else 64
  # Steps in which z is drawn, and in which a view is rendered.
  config.draw_steps = 2 if small else 12
  # Channels of z per draw step.
  config.latent = 6 if small else 3

  # Part of the training scenes of which the modalities without context are no targets either, so
  # that beliefs from the other senses alone are trained too (docs/small_preset.md); `missing`, with
  # its protocol, takes its place.
  config.withheld = 0.5 if small else 0.0
  # Part of the training scenes of which a random number of views is neither context nor target, so
  # that beliefs from few views are trained too (docs/small_preset.md); with `missing` as well.
  config.withheld_views = 0.5 if small else 0.0
  # Which modalities training scenes lack, an experiment of `gmn_jax/training/missing.py` such as
  # 'extrapol12'; empty: none.
  config.missing = ''
  # What lacking one means: 'reference' (hidden from the context) or 'strict' (not a target either).
  config.protocol = 'reference'

  # Which built dataset to train on, a config of `tfds build tfds_mese`; with a slash, as in
  # ./robot, a folder of your own scenes (docs/own_data.md).
  config.dataset = 'shepard_metzler_5_tiny' if small else 'shepard_metzler_5'
  # Where datasets are; empty: TFDS_DATA_DIR, or ~/tensorflow_datasets.
  config.data_dir = ''

  # How many training scenes, the first ones, the first `few_steps` steps see, each many times:
  # what all scenes have in common but rarely show, such as colours, is learned sooner so
  # (docs/small_preset.md).
  config.few_scenes = 1_800
  # In how many steps; 0: all steps see all scenes.
  config.few_steps = 1_800 if small else 0
  # Scenes per step, over all devices; the authors take 9 instead of 12 with m14.
  config.batch_size = 32 if small else 12
  # Over how many devices each parameter and its optimiser state are split; 1: all hold all.
  config.fsdp = 1
  # Steps in all; 833,333 are the authors' 10 epochs of 1,000,000 scenes.
  config.steps = 3_250 if small else 833_333
  # Start with silent latents, larger weights and the mean rendered, not from the authors' ranges
  # (`gmn_jax/training/quiet_start.py`).
  config.quiet_start = small
  # How gradients become updates: 'adam', or 'muon' for kernels and Adam for the rest
  # (`gmn_jax/training/optimizer.py`).
  config.optimizer = 'muon' if small else 'adam'
  # Its rate; by twice small's apoe gains and the baseline loses (docs/results/README.md, "Rates").
  config.learning_rate = 8e-3 if small else 1e-4
  # Adam's rate for what is no kernel, with 'muon'.
  config.bias_rate = 1e-3
  # Part of a kernel that a step takes away, over the rate, with 'muon'.
  config.weight_decay = 0.1
  # Steps over which the rate rises linearly from zero.
  config.warmup_steps = 50 if small else 0
  # Part of all steps, the last ones, over which it falls linearly to zero; a run that is given more
  # steps goes on at the rate which their number asks for.
  config.decay = 0.4 if small else 0.0
  # Global norm to which gradients are clipped.
  config.clip = 0.25
  # What convolutions and matrices are computed in, 'float32' or 'bfloat16'; parameters, sums and
  # the loss stay float32.
  config.dtype = 'float32'
  # Compute draw steps once more in the backward pass instead of keeping them: less memory, more
  # time.
  config.remat = False
  # In how many parts, one after the other, a batch is computed: less memory, the same update; with
  # small's 32 scenes 4 also takes a fifth less time on a CPU's core (docs/results/PLAN.md).
  config.accumulate = 1
  # Weight of the KL divergence in the loss.
  config.beta = 1.0
  # Standard deviation of the likelihood.
  config.std = 0.1 if small else 1.0
  # Train each scene also with context and target exchanged.
  config.opposite = True
  # How many updates in a row may be skipped for not being finite; 0: the first one ends the run.
  config.skip_nonfinite = 0
  # Of the initial weights, the order of the scenes, and everything drawn on the device.
  config.seed = 0

  # Steps between lines of metrics.
  config.log_every = 5 if small else 100
  # Steps between checkpoints; a kill loses at most so many.
  config.checkpoint_every = 50 if small else 1_000
  # Steps between validations; each is followed by a checkpoint, and the best one is kept.
  config.validate_every = 125 if small else 5_000
  # How many scenes of the validation split a validation takes, the first ones.
  config.validate_scenes = 100 if small else 1_000
  # Steps between sample pictures.
  config.sample_every = 125 if small else 5_000
  # Steps to profile, from the tenth on, into <workdir>/profile; 0: none.
  config.profile_steps = 0

  if preset == 'medium':
    config.update(image_size=32, width=32, draw_steps=4, latent=4, dtype='bfloat16')
    config.update(dataset='shepard_metzler_5', batch_size=64, steps=2_300, few_steps=575)
    config.update(learning_rate=1.6e-2, log_every=25, checkpoint_every=250, validate_every=250)
    config.update(sample_every=500)
  return config
