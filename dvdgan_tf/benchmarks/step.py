"""How fast the training step is: against the matrix product of the same machine, counting the operations of the plain
form.

The plain form convolves what the equations say: upsampling before a convolution and pooling after it are not folded
into it. (Left out of the count as any build would: the first ConvGRU's input part is the same at every frame, the state
before the first frame is zero, and 1x1 skips are done on the smaller side.)
"""

import collections
import functools
import glob
import os
import resource
import tempfile
import time
from collections.abc import Iterator

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.models import Generator, SpatialDiscriminator, TemporalDiscriminator, discriminators, generator
from dvdgan_tf.training.step import GanStep

_GIGA = 1e9


def generator_flops(resolution: int, num_frames: int, ch: int, channels: int = 3) -> float:
    """Floating-point operations of the plain form of G for one clip, a multiply-add as 2."""
    widths = [constant * ch for constant in generator.WIDTHS[resolution]]
    total, size = 0.0, generator.BASE_SIZE
    for index, (w, v) in enumerate(zip(widths, widths[1:])):
        pixels = size * size
        gates = 3 * 9 * w * w * pixels
        total += gates * (num_frames if index else 1) + gates * (num_frames - 1)
        total += num_frames * (2 * 9 * w * w * pixels + (9 * w * v + 9 * v * v) * 4 * pixels + w * v * pixels)
        size *= 2
    return 2 * (total + num_frames * 9 * widths[-1] * channels * size * size)


def discriminator_flops(resolution: int, ch: int, size: int, frames: int, blocks_3d: int, channels: int = 3) -> float:
    """Floating-point operations of the plain form of D_S (no 3-D blocks) or D_T for one clip."""
    widths = [channels, *[constant * ch for constant in discriminators.WIDTHS[resolution]]]
    total = 0.0
    for index, (w, v) in enumerate(zip(widths, widths[1:])):
        in_3d, last = index < blocks_3d, index == len(widths) - 2
        total += frames * (27 if in_3d else 9) * (w * v + v * v) * size * size
        if not last:
            size //= 2
            frames = -(-frames // 2) if in_3d else frames
            total += frames * w * v * size * size
    return 2 * total


def step_flops(resolution: int, num_frames: int, ch: int, batch: int, spatial_frames: int = 8) -> float:
    """Two updates of D (G forward; D forward and backward on real and generated), one of G (backward through D to its
    input).
    """
    both = discriminator_flops(resolution, ch, resolution, spatial_frames, 0)
    both += discriminator_flops(resolution, ch, resolution // 2, num_frames, discriminators.BLOCKS_3D)
    return batch * ((2 + 3) * generator_flops(resolution, num_frames, ch) + (2 * 2 * 3 + 2) * both)


def matmul_flops_per_second(size: int = 2048, times: int = 10) -> float:
    """The rate of a float32 matrix product in this process: best of three rounds."""
    matrix = tf.random.stateless_normal([size, size], [0, 0])
    tf.matmul(matrix, matrix)
    best = 0.0
    for _ in range(3):
        started = time.perf_counter()
        for _ in range(times):
            product = tf.matmul(matrix, matrix)
        product.numpy()
        best = max(best, 2.0 * size**3 * times / (time.perf_counter() - started))
    return best


def make_step(
    resolution: int, num_frames: int, ch: int, batch: int, classes: int = 4
) -> tf.types.experimental.GenericFunction:
    """A traced training step on fixed random clips; calling it trains once and returns the metrics."""
    adam = functools.partial(keras.optimizers.Adam, beta_1=0.0, beta_2=0.999, jit_compile=False)
    step = GanStep(
        generator=functools.partial(Generator, resolution, num_frames, classes, ch),
        spatial_discriminator=functools.partial(SpatialDiscriminator, resolution, classes, ch),
        temporal_discriminator=functools.partial(TemporalDiscriminator, resolution, classes, ch),
        generator_optimizer=lambda: adam(1e-4),
        discriminator_optimizer=lambda: adam(5e-4),
        global_batch=batch,
        seed=0,
    )
    clip = tf.random.stateless_uniform([batch, num_frames, resolution, resolution, 3], [0, 0], -1, 1)
    pair = clip, tf.zeros([batch], tf.int32)
    return tf.function(lambda: step([pair] * step.batches_per_step), autograph=False)


def time_by_operation(function: tf.types.experimental.GenericFunction) -> list[tuple[str, float]]:
    """Milliseconds of one call by kind of operation, most first, from TensorFlow's profiler."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            tf.nest.map_structure(lambda value: value.numpy(), function())
        space = xplane_pb2.XSpace()
        (path,) = glob.glob(os.path.join(folder, '**', '*.xplane.pb'), recursive=True)
        with open(path, 'rb') as file:
            space.ParseFromString(file.read())
    spent: dict[str, float] = collections.Counter()
    for plane in space.planes:
        for line in plane.lines if 'CPU' in plane.name else ():
            for event in line.events:
                name, separator, kind = plane.event_metadata[event.metadata_id].name.rpartition(':')
                # Not a call of a function, nor an event of the executor, like EagerExecutor::Run.
                if separator and not name.endswith(':') and kind.isidentifier() and not kind.startswith('__inference'):
                    spent[kind] += event.duration_ps / _GIGA
    return sorted(spent.items(), key=lambda item: -item[1])


def report(resolution: int = 64, num_frames: int = 12, ch: int = 16, batch: int = 8, steps: int = 5) -> Iterator[str]:
    """Lines of text: the step's speed, the matrix product's, their ratio, memory, and where the time goes."""
    threads = (
        tf.config.threading.get_intra_op_parallelism_threads()
        or os.environ.get('TF_NUM_INTRAOP_THREADS')
        or os.cpu_count()
    )
    yield f'training step at {resolution}x{resolution}x{num_frames}, ch {ch}, batch {batch}, float32, {threads} threads'
    function = make_step(resolution, num_frames, ch, batch)
    started = time.perf_counter()
    function()['loss/generator'].numpy()
    yield f'tracing and first step: {time.perf_counter() - started:.1f} s'
    seconds = []
    for _ in range(steps):
        started = time.perf_counter()
        function()['loss/generator'].numpy()
        seconds.append(time.perf_counter() - started)
    peak, best = matmul_flops_per_second(), min(seconds)
    rate = step_flops(resolution, num_frames, ch, batch) / best
    every = ', '.join(f'{each:.2f}' for each in seconds)
    yield f'best of {steps} steps: {best:.2f} s, {1 / best:.3f} step/s (all: {every})'
    yield f'plain form: {rate * best / _GIGA:.0f} GFLOP a step, {rate / _GIGA:.0f} GFLOP/s'
    yield f'matrix product 2048: {peak / _GIGA:.0f} GFLOP/s; ratio {rate / peak:.2f}'
    yield f'peak memory of the process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.2f} GB'
    spent = time_by_operation(function)
    total = sum(each for _, each in spent)
    yield f'where the time goes ({total:.0f} ms of operations):'
    for kind, each in spent[:12]:
        yield f'  {100 * each / total:5.1f} %  {each:8.1f} ms  {kind}'
