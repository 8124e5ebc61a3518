"""What share of its time training waits for clips: the loop on the preset's data beside the loop on one fixed batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Callable

import tensorflow as tf

from dvdgan_tf.benchmarks.preset import Preset
from dvdgan_tf.benchmarks.record import Record
from dvdgan_tf.benchmarks.timing import side_by_side
from dvdgan_tf.distribute.strategy import distribute, make_strategy
from dvdgan_tf.training.device_loop import dated, make_device_loop, training_batches


def report(record: Record, preset: Preset, times: int) -> Iterator[str]:
    """Lines of text: the time of a step each way, and the share that the clips cost.

    Args:
        record: keeps the numbers.
        preset: with data that can be read.
        times: steps of each, of which the median is told.
    """
    distribution, data = make_strategy('one_device'), preset.clips()
    step = preset.gan_step()
    batches = training_batches(distribution, step, data, 0)

    def fixed(rows: int, *unused: int) -> tf.data.Dataset:
        return dated(data.training(0, rows, rows).take(1).cache().repeat())

    always_the_same = iter(distribute(distribution, fixed, step.global_batch))
    run_steps = make_device_loop(distribution, step)

    def one_step(iterator: Iterator) -> Callable[[], tf.Tensor]:
        return lambda: run_steps(iterator, tf.constant(1, tf.int64))[0]['loss/generator']

    functions = {'step on the data': one_step(batches), 'step on one fixed batch': one_step(always_the_same)}
    found = side_by_side(functions, times)
    for name, spent in found.items():
        yield record.line(f'{name}, seconds', spent.seconds, 's')
        yield record.line(f'{name}, CPU', spent.cpu, 'CPU s')
    read, still = (spent.seconds for spent in found.values())
    yield record.line('share of the time that goes by for clips', max(0.0, 1.0 - still / read), '')
