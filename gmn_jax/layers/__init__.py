"""Layers: convolutions, affine maps and LSTM cells, of arrays alone.

Nothing here knows of senses, experts or scenes; all rooms may use it.
"""
