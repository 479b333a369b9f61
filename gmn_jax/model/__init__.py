"""The model: experts, their pooling to a belief, the draw of latents, and the loss.

May use `layers` and `senses`; knows nothing of optimisers, files or commands.
"""

from gmn_jax.model.gmn import GMN, draw_noise, init_params, parameter_shapes

__all__ = ['GMN', 'draw_noise', 'init_params', 'parameter_shapes']
