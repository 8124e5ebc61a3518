"""DVD-GAN in TensorFlow 2: adversarial video generation on complex data sets (arXiv 1907.06571v2)."""

import os

# TensorFlow uses oneDNN by itself only on CPUs with VNNI; on older ones convolutions are 2.5 times slower without it.
os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '1')

__version__ = '0.1.0'
