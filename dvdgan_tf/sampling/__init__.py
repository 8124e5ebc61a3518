"""Turning latents into clips that people can look at."""
