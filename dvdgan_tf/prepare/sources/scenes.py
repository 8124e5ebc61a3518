"""Changes of the scene in films, found by PySceneDetect. The only place that imports it."""

from __future__ import annotations

import logging

from dvdgan_tf.data import remote
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip


def check() -> None:
    """Raises InputError unless PySceneDetect is installed."""
    try:
        import scenedetect  # noqa: F401
        from scenedetect.backends.pyav import VideoStreamAv  # noqa: F401
    except ImportError as error:
        raise InputError(f'--scenes cannot be used ({error}): pip install "dvdgan_tf[scenes]".') from None


def scene_cuts(path: str) -> list[float]:
    """Seconds after the first frame at which another scene begins; every frame is decoded for it.

    Raises:
        BadClip: the film cannot be read.
        InputError: PySceneDetect is not installed.
    """
    check()
    import scenedetect
    from scenedetect.backends.pyav import VideoStreamAv

    logging.getLogger('pyscenedetect').setLevel(logging.WARNING)  # it says of every film that it begins
    manager = scenedetect.SceneManager()
    manager.add_detector(scenedetect.ContentDetector())
    try:
        with remote.open_input(path) as file:
            manager.detect_scenes(VideoStreamAv(file))
    except Exception as error:  # whatever its decoder raises is this film's
        raise BadClip(f'cannot be searched for scenes ({type(error).__name__}: {error})') from None
    starts = [start.seconds for start, _ in manager.get_scene_list()]
    return [start - starts[0] for start in starts[1:]]
