"""Preparing data sets: from videos, images and arrays to the records that training reads."""
