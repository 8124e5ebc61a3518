"""I3D weights by name from where users have them: a TF-Hub module, a TensorFlow checkpoint, or the TF-Hub address."""

from __future__ import annotations

import os
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError
from dvdgan_tf.metrics.networks import hub_module
from dvdgan_tf.metrics.networks.i3d import CLASSES, InceptionI3D
from dvdgan_tf.metrics.networks.weights import digest

_LOGITS = 'Logits/Conv3d_0c_1x1/conv_3d/w'


def checkpoint_prefix(source: str) -> str:
    """The prefix of the TensorFlow checkpoint that `source` holds.

    Args:
        source: folder of a TF-Hub module, folder or prefix of a checkpoint (with or without .index), or https address.

    Raises:
        InputError: there is none.
    """
    if source.endswith(('.tar.gz', '.tgz', '.tar', '.zip')):
        raise InputError(f'{source} is an archive; unpack it and give the folder.')
    if source.startswith(('http://', 'https://')):
        source = hub_module.resolve(source)
    if source.endswith('.index'):
        source = source[: -len('.index')]
    if tf.io.gfile.exists(f'{source}.index'):
        return source
    for folder in (os.path.join(source, 'variables'), source):
        found = tf.io.gfile.glob(os.path.join(folder, '*.index'))
        if len(found) == 1:
            return found[0][: -len('.index')]
    raise InputError(
        f'no I3D weights in {source}; give the folder of the TF-Hub module i3d-kinetics-400/1 or 600/1, or the '
        'checkpoint rgb_scratch/model.ckpt or rgb_scratch_kin600/model.ckpt of google-deepmind/kinetics-i3d.'
    )


def read(source: str) -> dict[str, np.ndarray]:
    """Every tensor of the checkpoint that an I3D can hold, float32, by its name without prefix.

    The TF-Hub modules prefix names with RGB/inception_i3d/, rgb_scratch_kin600 does not and adds Momentum slots.

    Raises:
        InputError: the files cannot be read or hold no I3D.
    """
    prefix = checkpoint_prefix(source)
    try:
        reader = tf.train.load_checkpoint(prefix)
        names = reader.get_variable_to_shape_map()
        weights = {_plain(name): reader.get_tensor(name) for name in names if name.rsplit('/', 1)[-1] in _LEAVES}
    except (tf.errors.OpError, ValueError, RuntimeError, IndexError) as error:
        raise InputError(f'I3D weights in {source} cannot be read ({_first_line(error)}); fetch them again.') from error
    if _LOGITS not in weights:
        raise InputError(f'{source} holds {len(names)} tensors but no I3D (RGB) among them; give its RGB weights.')
    return {
        name: np.asarray(value, np.float32).reshape(value.shape if name.endswith('/w') else (-1,))
        for name, value in weights.items()
    }


_LEAVES = ('w', 'b', 'beta', 'moving_mean', 'moving_variance')


def _plain(name: str) -> str:
    return name.split('inception_i3d/', 1)[-1]


def _first_line(error: Exception) -> str:
    return str(error).strip().split('\n', 1)[0]


def load(source: str, width_divisor: int = 1) -> tuple[InceptionI3D, str]:
    """The Keras port with the weights of `source`, and their hash.

    Raises:
        InputError: the weights are unreadable, or those of another network.
    """
    weights = read(source)
    classes = weights[_LOGITS].shape[-1]
    if classes not in CLASSES:
        raise InputError(f'I3D weights in {source} have {classes} classes; give those of Kinetics-400 or Kinetics-600.')
    network = InceptionI3D(classes, width_divisor)
    assign(network, weights, source)
    return network, digest(weights)


def assign(network: InceptionI3D, weights: Mapping[str, np.ndarray], source: str) -> None:
    """Sets every variable of the network by name.

    Raises:
        InputError: names or shapes differ.
    """
    variables = network.named_variables()
    missing = sorted(variables.keys() - weights.keys())
    unknown = sorted(weights.keys() - variables.keys())
    if missing or unknown:
        raise InputError(
            f'weights in {source} are those of another network: I3D lacks {len(missing)} of its variables there '
            f'(such as {(missing or unknown)[0]}) and {len(unknown)} are unknown to it; give the RGB I3D.'
        )
    for name, variable in variables.items():
        if tuple(variable.shape) != weights[name].shape:
            raise InputError(
                f'weights in {source} are those of another network: {name} has shape {weights[name].shape} where I3D '
                f'has {tuple(variable.shape)}; give the RGB I3D.'
            )
        variable.assign(weights[name])
