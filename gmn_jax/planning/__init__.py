"""Planning: what a run would take on a TPU slice that is not there.

May use `senses`, `config` and `training`; nothing else uses it.
"""
