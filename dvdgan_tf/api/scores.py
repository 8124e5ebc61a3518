"""Scores of one model under one protocol, by the same evaluation as `bin/evaluate`."""

from __future__ import annotations

import logging
import os
import tempfile
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from dvdgan_tf.data.in_memory import InMemoryClips
from dvdgan_tf.data.scales import Scale
from dvdgan_tf.data.stream import ClipSource
from dvdgan_tf.errors import InputError
from dvdgan_tf.evaluation import during_training, evaluate, protocols, recognition
from dvdgan_tf.evaluation.extraction import Extractor
from dvdgan_tf.evaluation.jobs import Model
from dvdgan_tf.evaluation.results import report
from dvdgan_tf.sampling import video
from dvdgan_tf.saved_run import Run

_BATCH = 16
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Asked:
    """What is to be scored, see `dvdgan_tf.Model.score`."""

    protocol: str
    num_samples: int | None
    truncation: float
    seed: int
    i3d: str | None


def find_clips(run: Run | None, real: np.ndarray | None, scale: Scale) -> ClipSource:
    """The real clips: those given, or the run's.

    Raises:
        InputError: there are none.
    """
    if real is not None:
        return InMemoryClips(real, scale, run.facts.stride if run else 1)
    if run is None:
        raise InputError('an export knows no real clips to compare with; give some as real, or open the run.')
    return run.data


def score(
    asked: Asked, generator: tf.Module, clips: ClipSource, identity: dict[str, object], output: str | None
) -> dict[str, object]:
    """One result.

    Args:
        asked: the protocol and its settings.
        generator: live or exported.
        clips: real ones.
        identity: of the generator.
        output: the folder where the result is kept; with None it is not.

    Raises:
        InputError: protocol, model, clips and networks do not fit.
    """
    with tempfile.TemporaryDirectory() as temporary:
        folder = output or temporary
        video.make_folder(folder)
        report.check_writable(os.path.join(folder, report.FILE_NAME))
        if asked.protocol == recognition.NAME:
            judged = recognition.Recognition(asked.num_samples or recognition.SAMPLES, seed=asked.seed)
            return judged.evaluate(generator, clips, identity, folder, asked.truncation, log=_LOG.info)
        if protocols.find(asked.protocol).truncations:
            raise InputError(f'{asked.protocol} is a curve, which bin/evaluate draws; score at one truncation a time.')
        extractor = Extractor(during_training.load_networks([asked.i3d] if asked.i3d else []), _BATCH)
        options = evaluate.Options(num_samples=asked.num_samples, truncation=asked.truncation, seed=asked.seed)
        model, places = Model(generator, identity, clips), evaluate.Places(folder, folder)
        (result,) = evaluate.evaluate([asked.protocol], model, extractor, places, options, log=_LOG.info)
        return result
