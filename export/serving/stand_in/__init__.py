"""A small stand-in for TensorFlow Serving: the same protocol and refusals, from the SavedModel alone."""
