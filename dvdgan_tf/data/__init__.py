"""Clips: from videos, images and arrays to records on disk, and from records to batches."""
