"""What a run leaves to look at: TensorBoard, `metrics.jsonl`, and previews as files."""
from __future__ import annotations

import collections
import json
import logging
import os
import time

import numpy as np
import tensorflow as tf

from dvdgan_tf import files
from dvdgan_tf.errors import InputError
from dvdgan_tf.sampling import sheets, video
from dvdgan_tf.work_dir import event_files

_LOG = logging.getLogger(__name__)
_METRICS_FILE = 'metrics.jsonl'
_WARNINGS_FILE = 'warnings.jsonl'
_PREVIEW_DIRECTORY = 'previews'
_RECENT = 2000  # records


class RunLog:
    """Writes the records of one work directory; `recent` are the newest 2,000, also of the run before a restart.

    Resuming at a step drops what stands after it in `metrics.jsonl`, `warnings.jsonl` and for TensorBoard, since it
    will be written again, and removes what kills left half written.

    Args:
        work_dir: the work directory, made if it is missing.
        first_step: the step at which this run starts.

    Raises:
        InputError: the work directory cannot be written.
    """

    def __init__(self, work_dir: str, first_step: int) -> None:
        self._metrics_path = os.path.join(work_dir, _METRICS_FILE)
        self._warnings_path = os.path.join(work_dir, _WARNINGS_FILE)
        self._previews = os.path.join(work_dir, _PREVIEW_DIRECTORY)
        try:
            tf.io.gfile.makedirs(self._previews)
            for folder in (work_dir, self._previews):
                files.remove_orphans(folder)
            # A run that starts shows the real clips and its first previews, also where one before it was killed then.
            kept_until = first_step or -1
            lines = _cut_after(self._metrics_path, kept_until)
            _cut_after(self._warnings_path, kept_until)
            self.recent = collections.deque(map(json.loads, lines[-_RECENT:]), _RECENT)
            events = os.path.join(work_dir, 'tensorboard')
            event_files.cut_after(events, kept_until)
            self._writer = tf.summary.create_file_writer(events)
        except tf.errors.OpError as error:
            raise _cannot_write(work_dir, error) from error

    def scalars(self, step: int, values: dict[str, float]) -> None:
        """Records numbers at a step; names are grouped in TensorBoard by what stands before their slash.

        What a run recorded at its last step before it was killed, and records again, stays one line of `metrics.jsonl`.

        Raises:
            InputError: there is no room, or no permission, to write.
        """
        record = {'step': step, 'time': round(time.time(), 3), **values}
        known = any(each['step'] == step and each.keys() == record.keys() for each in self.recent)
        try:
            if not known:
                self.recent.append(record)
                _append(self._metrics_path, record)
            with self._writer.as_default(step=step):
                for name, value in values.items():
                    tf.summary.scalar(name, value)
            self._writer.flush()
        except tf.errors.OpError as error:
            raise _cannot_write(self._metrics_path, error) from error

    def warning(self, step: int, check: str, sentence: str) -> None:
        """Records what a health check says at a step, in `warnings.jsonl` and as a text for TensorBoard.

        Raises:
            InputError: there is no room, or no permission, to write.
        """
        try:
            _append(self._warnings_path, {'step': step, 'check': check, 'warning': sentence})
            with self._writer.as_default(step=step):
                tf.summary.text(f'warning/{check}', sentence)
            self._writer.flush()
        except tf.errors.OpError as error:
            raise _cannot_write(self._warnings_path, error) from error

    def clips(self, name: str, step: int, clips: np.ndarray, fps: float) -> None:
        """Records clips as a playing grid in TensorBoard and as a GIF and a contact sheet under `previews`.

        Args:
            name: what is shown; file names begin with it.
            step: the step it belongs to.
            clips: [N, T, H, W, C], uint8 or float in [-1, 1].
            fps: frames per second.

        Raises:
            InputError: there is no room, or no permission, to write.
        """
        grid = video.magnify(video.tile_clips(clips, gap=1), video.viewing_factor(clips.shape[-2]))
        path = os.path.join(self._previews, f'{name}-{step:08d}')
        gif = video.encode_gif(grid, fps)
        try:
            with self._writer.as_default(step=step):
                tf.summary.write(name, _as_image(gif, grid), metadata=_image_metadata())
            self._writer.flush()
        except tf.errors.OpError as error:
            raise _cannot_write(path, error) from error
        files.write_atomically(f'{path}.gif', gif)
        sheets.contact_sheet(f'{path}.png', clips)


def sigmas(model: tf.Module) -> dict[str, float]:
    """Returns the largest and the smallest sigma of the spectrally normalised kernels of a model."""
    values = [float(module.sigma()) for module in model.submodules if hasattr(module, 'sigma')]
    return {'largest': max(values), 'smallest': min(values)} if values else {}


def _append(path: str, record: dict[str, object]) -> None:
    with tf.io.gfile.GFile(path, 'a') as file:
        file.write(json.dumps(record) + '\n')


def _cut_after(path: str, step: int) -> list[str]:
    """Drops the records after a step from a file, and damaged lines; returns what is kept, a line each."""
    if not tf.io.gfile.exists(path):
        return []
    kept = _lines_until(path, step)
    files.write_atomically(path, ''.join(kept))
    return kept


def _lines_until(path: str, step: int) -> list[str]:
    """The records of a file up to and including a step, a line each; damaged lines are left out."""
    with tf.io.gfile.GFile(path, 'rb') as file:
        lines = [line for line in file.read().split(b'\n') if line.strip()]
    steps = [_step_of(line) for line in lines]
    damaged = steps.count(None)
    if damaged:
        _LOG.warning('%s: %d damaged line(s) left out', path, damaged)
    return [line.decode() + '\n' for line, found in zip(lines, steps) if found is not None and found <= step]


def _step_of(line: bytes) -> float | None:
    """The step of a record; None where the line is none."""
    try:
        record = json.loads(line.decode())
    except ValueError:
        return None
    found = record.get('step') if isinstance(record, dict) else None
    return found if isinstance(found, (int, float)) and not isinstance(found, bool) else None


def _as_image(gif: bytes, grid: np.ndarray) -> tf.Tensor:
    """TensorBoard's image plugin shows the bytes as they are, so a GIF plays."""
    _, height, width, _ = grid.shape
    return tf.constant([str(width).encode(), str(height).encode(), gif])


def _image_metadata() -> tf.compat.v1.SummaryMetadata:
    metadata = tf.compat.v1.SummaryMetadata()
    metadata.plugin_data.plugin_name = 'images'
    return metadata


def _cannot_write(path: str, error: tf.errors.OpError) -> InputError:
    return InputError(f'could not write {path} ({error.message}); make room or choose another work directory.')
