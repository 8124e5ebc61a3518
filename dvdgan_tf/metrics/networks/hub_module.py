"""TF-Hub: the only file that imports tensorflow_hub. Finds modules by address and runs the I3D module itself."""

from __future__ import annotations

from typing import Callable

import tensorflow as tf

from dvdgan_tf.errors import InputError


def resolve(address: str) -> str:
    """The local folder of a TF-Hub module, downloaded or from TFHUB_CACHE_DIR.

    Raises:
        InputError: TF-Hub does not hand it out.
    """
    import tensorflow_hub as hub  # slow to import, and needed by few

    try:
        return hub.resolve(address)
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f'TF-Hub did not give {address} ({str(error).strip().splitlines()[0]}); it answers 403 to some, so give a '
            'local copy of the module, or the same weights as the checkpoint data/checkpoints/rgb_scratch (400 '
            'classes) or rgb_scratch_kin600 (600) of github.com/google-deepmind/kinetics-i3d.'
        ) from error


def load(folder: str) -> Callable[[tf.Tensor], dict[str, tf.Tensor]]:
    """The I3D module's own graph in inference mode.

    Its signature gives only the logits, so the graph is cut at its one AvgPool3D as well.

    Returns:
        A function of clips [B, T >= 9, 224, 224, 3] float32 in [-1, 1] to `avgpool` [B, 1024] and `logits`
        [B, classes].

    Raises:
        InputError: the folder is no I3D module.
    """
    import tensorflow_hub as hub  # slow to import, and needed by few

    try:
        module = hub.load(folder, tags=[])  # the graph tagged 'train' normalises by the batch
    except (OSError, ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().splitlines()[0]
        sentence = f'{folder} cannot be loaded as a TF-Hub module ({reason}); give i3d-kinetics-400/1.'
        raise InputError(sentence) from error
    pools = [op for op in module.graph.get_operations() if op.type == 'AvgPool3D']
    signature = module.signatures['default']
    if len(pools) != 1 or len(signature.outputs) != 1:
        raise InputError(f'{folder} is a TF-Hub module but not I3D; give i3d-kinetics-400/1 or i3d-kinetics-600/1.')
    outputs = {'avgpool': pools[0].outputs[0].name, 'logits': signature.outputs[0].name}
    pruned = module.prune('input_frames:0', outputs)

    def features(clips: tf.Tensor) -> dict[str, tf.Tensor]:
        found = pruned(clips)
        return {'avgpool': tf.reduce_mean(found['avgpool'], [1, 2, 3]), 'logits': found['logits']}

    return features
