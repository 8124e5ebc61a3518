"""The package from Python: `dvdgan_tf.open` gives a model that takes and returns NumPy arrays."""
