"""Training: from scenes and a config to checkpoints.

May use all other rooms but `authors`.
"""
