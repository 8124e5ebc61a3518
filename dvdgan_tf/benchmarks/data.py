"""How fast data are: preparing against PyAV's own decoding, reading against decoding the videos for every example.

Two sets of videos: small ones (Weizmann, or drawn at 64x64 where no folder is given), and ten-second films at 340x256
as Kinetics is usually kept. Run it under `taskset -c 0,1` for the numbers of two cores.
"""
from __future__ import annotations

import os
import random
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
from PIL import Image

from dvdgan_tf.data import pipeline
from dvdgan_tf.data.pipeline import RecordClips
from dvdgan_tf.data.synthetic import SyntheticClips
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.decoders import pyav
from dvdgan_tf.prepare.listing import Listing, Part, Rules
from dvdgan_tf.prepare.sources import folders

RESOLUTION, NUM_FRAMES, BATCH = 64, 12, 8
av = pyav.av  # says what to do where it is missing


def report(
    videos: str | None = None, films: str | None = None, examples: int = 2000, with_step: bool = True
) -> Iterator[str]:
    """Lines of text with everything that is measured.

    Args:
        videos: folder of class folders of small videos; None draws some.
        films: folder of ordinary videos, which are brought to 340x256 and ten seconds; None draws some.
        examples: how many each reading takes; five times as many show that memory stays flat.
        with_step: also time the training step at ch 16, to compare with what it consumes.
    """
    cores = len(os.sched_getaffinity(0))
    yield f'data on {cores} cores: windows of {RESOLUTION}x{RESOLUTION}x{NUM_FRAMES}, batches of {BATCH}'
    rates = []
    with tempfile.TemporaryDirectory(prefix='dvdgan-benchmark-') as scratch:
        sets = {
            'small videos': videos or _draw(f'{scratch}/drawn', 64, 64, 60, 24),
            'films of 340x256': _as_films(films, f'{scratch}/films')
            if films
            else _draw(f'{scratch}/films', 340, 256, 300, 6),
        }
        for number, (name, folder) in enumerate(sets.items()):
            listing = folders.list_folder(folder)
            yield f'{name}: {len(listing.clips)} clips'
            yield from _preparing(listing, f'{scratch}/records{number}', cores)
            source = RecordClips(f'{scratch}/records{number}', RESOLUTION, NUM_FRAMES)
            line, rate = _reading(source, examples)
            rates.append(rate)
            yield line
            yield _direct(listing, rate, max(20, examples // 20))
            yield _count(source)
        yield _memory(RecordClips(f'{scratch}/records0', RESOLUTION, NUM_FRAMES), 5 * examples)
    if with_step:
        yield _consumption(min(rates))


def _encode(path: str, frames: Sequence[np.ndarray], rate: int) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with av.open(path, 'w') as output:
        stream = output.add_stream('libx264', rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], 'yuv420p'
        for frame in frames:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        output.mux(stream.encode())


def _draw(folder: str, width: int, height: int, length: int, count: int) -> str:
    """Videos of moving shapes with a little noise."""
    source = SyntheticClips(max(width, height), length)
    noise = np.random.default_rng(0)
    for number, (clip, label, _) in enumerate(source.evaluation(1).take(count)):
        pixels = ((clip[0, :, :height, :width].numpy() + 1) * 127.5).astype(np.int16)
        pixels = np.clip(pixels + noise.normal(0, 3, pixels.shape), 0, 255).astype(np.uint8)
        _encode(f'{folder}/{int(label[0])}/{number}.mp4', list(pixels), 25)
    return folder


def _as_films(source: str, folder: str) -> str:
    """From each video of a folder four films of 340x256, 30 frames/s and ten seconds, with different beginnings."""
    for number, clip in enumerate(folders.list_folder(source).clips):
        pictures = []
        for frame in pyav.video_frames(clip.path, Rules()):
            pictures.append(np.asarray(Image.fromarray(frame.pixels).resize((340, 256), Image.Resampling.BILINEAR)))
        for start in range(0, 240, 60):
            chosen = [pictures[(start + time) % len(pictures)] for time in range(300)]
            _encode(f'{folder}/films/{number}-{start}.mp4', chosen, 30)
    return folder


def _preparing(listing: Listing, output: str, cores: int) -> Iterator[str]:
    """Frames per second of PyAV alone (one process, its own threads on all cores) and of the whole preparation."""
    rules = Rules(short_side=RESOLUTION)
    started, cpu, frames = time.perf_counter(), time.process_time(), 0
    reformatter = av.video.reformatter.VideoReformatter()
    for clip in listing.clips:
        with av.open(clip.path) as container:
            stream = container.streams.video[0]
            stream.thread_type = 'AUTO'
            width, height = rules.scaled_size(stream.width * float(stream.sample_aspect_ratio or 1), stream.height)
            for frame in container.decode(stream):
                reformatter.reformat(frame, width, height, 'rgb24').to_ndarray()
                frames += 1
    alone, alone_cpu = frames / (time.perf_counter() - started), frames / (time.process_time() - cpu)
    yield f'  PyAV alone, one reformatter, {cores} threads: {alone:.0f} frames/s, {alone_cpu:.0f} a CPU second'
    source = {'name': 'folder', 'input': 'benchmark'}
    cpu = time.process_time()
    preparation.prepare(listing, rules, output, source=source, processes=1)
    per_cpu = frames / (time.process_time() - cpu)
    stamps = []  # from the first finished clip on: the start of the processes is not counted

    def stamp(progress: preparation.Progress) -> None:
        stamps.append((time.perf_counter(), progress.frames))

    preparation.prepare(listing, rules, f'{output}-parallel', source=source, processes=cores, report=stamp)
    rate = (stamps[-1][1] - stamps[0][1]) / (stamps[-1][0] - stamps[0][0])
    yield (
        f'  bin/prepare, {cores} processes: {rate:.0f} frames/s; one process: {per_cpu:.0f} a CPU second; '
        f'ratio {rate / alone:.2f} of PyAV on the same cores, {per_cpu / alone_cpu:.2f} a CPU second'
    )


def _reading(source: RecordClips, examples: int) -> tuple[str, float]:
    batches = iter(source.training(0, BATCH, BATCH))
    for _ in range(5):
        next(batches)
    started, cpu = time.perf_counter(), time.process_time()
    for _ in range(examples // BATCH):
        next(batches)
    frames = examples // BATCH * BATCH * NUM_FRAMES
    rate, per_core = frames / (time.perf_counter() - started), frames / (time.process_time() - cpu)
    return f'  reading records: {rate:.0f} frames/s, {per_core:.0f} a CPU second', rate


def _direct(listing: Listing, rate: float, examples: int) -> str:
    """Decoding the window of every example from its video, as a loader without records does."""
    rules, choose = Rules(short_side=RESOLUTION), random.Random(0)
    started = time.perf_counter()
    for _ in range(examples):
        clip = choose.choice(listing.clips)
        with av.open(clip.path) as container:
            stream = container.streams.video[0]
            length = stream.frames / float(stream.average_rate)
        span = NUM_FRAMES / float(stream.average_rate)
        start = choose.uniform(0, max(0.0, length - span))
        frames = pyav.video_frames(clip.path, rules, Part(start, start + span))
        np.stack([frame.pixels for _, frame in zip(range(NUM_FRAMES), frames)])
    direct = examples * NUM_FRAMES / (time.perf_counter() - started)
    return (
        f'  decoding the videos for every example: {direct:.0f} frames/s; records are {rate / direct:.1f} times as fast'
    )


def _count(source: RecordClips, examples: int = 20) -> str:
    """Counts the frames that are decoded for some examples."""
    counter, original = tf.Variable(0, dtype=tf.int64), pipeline.decode_frame

    def counting(*arguments: tf.Tensor) -> tf.Tensor:
        counter.assign_add(1)
        return original(*arguments)

    pipeline.decode_frame = counting
    try:
        for number in range(examples):
            source.example(tf.constant(number, tf.int64))
    finally:
        pipeline.decode_frame = original
    return f'  frames decoded for {examples} windows of {NUM_FRAMES}: {int(counter)}'


def _resident_megabytes() -> float:
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * resource.getpagesize() / 1e6


def _memory(source: RecordClips, examples: int) -> str:
    batches, seen = iter(source.training(0, BATCH, BATCH)), []
    for number in range(examples // BATCH):
        next(batches)
        if number % max(1, examples // BATCH // 10) == 0:
            seen.append(_resident_megabytes())
    return f'memory over {examples} examples: {seen[1]:.0f} MB after a tenth, {seen[-1]:.0f} MB at the end'


def _consumption(rate: float) -> str:
    from dvdgan_tf.benchmarks import memory, step

    function = step.on_fixed_clips(memory.make_step(memory.Options(), RESOLUTION, NUM_FRAMES, 16, BATCH))
    function()['loss/generator'].numpy()
    started = time.perf_counter()
    for _ in range(3):
        function()['loss/generator'].numpy()
    consumed = 2 * BATCH * NUM_FRAMES * 3 / (time.perf_counter() - started)
    return f'a training step at ch 16 consumes {consumed:.0f} frames/s; reading gives {rate / consumed:.1f} times that'
