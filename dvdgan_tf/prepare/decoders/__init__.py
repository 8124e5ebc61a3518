"""Frames out of files: videos and arrays, scaled and in the colours that are meant."""
