"""DVD-GAN in TensorFlow 2: adversarial video generation on complex data sets (Clark, Donahue, Simonyan; arXiv 1907.06571)."""

__version__ = '0.1.0'
