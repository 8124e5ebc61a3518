"""Exported generators, called as the live one is: latents and labels, or contexts, to clips in [-1, 1]."""

from __future__ import annotations

import json
import os

import numpy as np
import tensorflow as tf

from dvdgan_tf.api import graphs
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import tfjs_graph, tflite

ABOUT = 'metadata.json'


class Exported(tf.Module):
    """What every export says of itself, under the names that the live generator has for it.

    Args:
        about: of metadata.json.
    """

    def __init__(self, about: dict) -> None:
        super().__init__(name='exported')
        self.resolution: int = about['resolution']
        self.num_frames: int = about['num_frames']
        self.video_channels: int = about['video_channels']
        self.context_frames: int = about['context_frames']
        self.latent_size: int = about['latent_size']
        self.class_names: tuple[str, ...] = tuple(about['classes']) or ('all',)
        self.num_classes = len(self.class_names)
        self.step: int = about['step']
        self.sha256 = str(about.get('sha256', ''))
        self.scale = Scale(**about.get('scale', {}))


class SavedModelGenerator(Exported):
    """A SavedModel of `bin/export`; its requests may be larger than a server's.

    Args:
        folder: holds saved_model.pb.
        trust: whether its graph may hold any op, such as one that writes files.
    """

    def __init__(self, folder: str, trust: bool) -> None:
        super().__init__(_read_about(os.path.join(folder, 'assets')))
        if not trust:
            graphs.check_saved_model(folder)
        self._network = tf.saved_model.load(folder).network

    def __call__(
        self, latent: tf.Tensor, label: tf.Tensor | None, context: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        if label is None:  # as the live generator: class 0, the only one of prediction
            label = tf.zeros_like(latent[:, 0], tf.int32)
        return self._network.generate(latent, label, *(() if context is None else (context,)))

    def embedding(self, label: tf.Tensor) -> tf.Tensor:
        """Labels [B] to [B, 120]."""
        return tf.gather(self._network.embeddings, label)

    def from_embedding(self, latent: tf.Tensor, embedding: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Latents [B, 120] and embeddings [B, 120], of classes or between them, to clips."""
        return self._network.from_embedding(latent, embedding)


class TfjsGenerator(Exported):
    """A graph model for browsers.

    Args:
        folder: holds model.json and its weights.
        trust: whether its graph may hold any op.
    """

    def __init__(self, folder: str, trust: bool) -> None:
        super().__init__(_read_about(folder))
        if not trust:
            graphs.check_graph_model(folder)
        self._graph = tfjs_graph.read_graph(folder)

    def __call__(self, latent: tf.Tensor, label: tf.Tensor, training: bool = False) -> tf.Tensor:
        return self.from_embedding(latent, self.embedding(label))

    def embedding(self, label: tf.Tensor) -> tf.Tensor:
        """Labels [B] to [B, num_classes], one-hot, which the graph itself embeds."""
        return tf.one_hot(label, self.num_classes)

    def from_embedding(self, latent: tf.Tensor, embedding: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Latents [B, 120] and classes [B, num_classes], one-hot or mixtures, to clips."""
        return self._graph.function(latent, embedding)


class TFLiteGenerator(Exported):
    """A TFLite model, which makes one clip at a time; it mixes no classes.

    Args:
        path: of the file, which lies beside its metadata.json.
        trust: whether it may hold custom ops.
    """

    def __init__(self, path: str, trust: bool) -> None:
        super().__init__(_read_about(os.path.dirname(path)))
        if not trust:
            graphs.check_tflite(path)
        self._interpreter = tflite.Interpreter(path, tflite.processors(), self.scale)

    def __call__(
        self, latent: tf.Tensor, label: tf.Tensor, context: tf.Tensor | None = None, training: bool = False
    ) -> tf.Tensor:
        second = label if context is None else context
        clips = tf.numpy_function(self._clips, [latent, second], tf.float32)
        return tf.ensure_shape(
            clips, [latent.shape[0], self.num_frames, self.resolution, self.resolution, self.video_channels]
        )

    def embedding(self, label: tf.Tensor) -> tf.Tensor:
        """The labels themselves."""
        return tf.convert_to_tensor(label)

    def from_embedding(self, latent: tf.Tensor, embedding: tf.Tensor, training: bool = False) -> tf.Tensor:
        """As a call."""
        return self(latent, embedding)

    def _clips(self, latent: np.ndarray, second: np.ndarray) -> np.ndarray:
        name = 'context' if self.context_frames else 'label'
        rows = (slice(row, row + 1) for row in range(len(latent)))
        return np.concatenate([self._interpreter({'latent': latent[row], name: second[row]}) for row in rows])


def _read_about(folder: str) -> dict:
    """What an export says of itself, by the names of metadata.json.

    Raises:
        InputError: it cannot be read, or is not that of an export.
    """
    path = os.path.join(folder, ABOUT)
    try:
        with tf.io.gfile.GFile(path) as file:
            about = json.load(file)
        if not isinstance(about['classes'], list) or not isinstance(about['step'], int):
            raise ValueError('classes or step are malformed')
        sizes = ('resolution', 'num_frames', 'video_channels', 'context_frames', 'latent_size')
        if not all(isinstance(about[size], int) for size in sizes):
            raise ValueError('sizes are malformed')
        return about
    except (tf.errors.OpError, KeyError, TypeError, ValueError) as error:
        reason = getattr(error, 'message', None) or error
        raise InputError(f'cannot read {path} ({reason}), so this is no export of bin/export; export again.') from error
