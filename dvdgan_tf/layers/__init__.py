"""Layers: one idea a file, no knowledge of GANs."""
