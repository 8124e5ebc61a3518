"""What long clips cost: reading windows of them, inspecting an hour, preparing raw frames of 1080p, cutting films.

  python studies/long_clips.py reading inspect raw film

reading: windows of 12 frames at 64 pixels out of clips of 18,000 frames and of 100, in turns, per CPU second.
inspect: the memory of bin/inspect for a clip of an hour.
raw: the memory of bin/prepare, and of bin/inspect, for 12 seconds of raw 1080p.
film: a film of two hours and one of ten minutes, whose cuts are known, cut into clips with and without --scenes, one of
them held out: counts, lengths, groups and splits of what is stored have to be right.
Memory is the most that all processes of the program held together, sampled 20 times a second: their resident pages, and
in brackets the proportional set size, in which a page that several share counts once.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

_HOUR, _LONG, _SHORT = 90_000, 18_000, 100
_RATE = 1  # frames a second of the films


def main():
    """Runs the parts that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('parts', nargs='+', choices=['reading', 'inspect', 'raw', 'film'])
    with tempfile.TemporaryDirectory(prefix='dvdgan-long-') as folder:
        for part in parser.parse_args().parts:
            {'reading': reading, 'inspect': inspecting, 'raw': raw, 'film': film}[part](pathlib.Path(folder))


def drawn(path, clips, frames):
    """Noisy frames that JPEG compresses about as it does pictures, as [clips, frames, 64, 64, 3]."""
    array = np.lib.format.open_memmap(path, 'w+', np.uint8, (clips, frames, 64, 64, 3))
    some = np.random.default_rng(0).integers(0, 256, (50, 8, 8, 3)).repeat(8, 1).repeat(8, 2)
    some = (some + np.random.default_rng(1).integers(0, 20, some.shape)).clip(0, 255).astype(np.uint8)
    for clip in array:
        for first in range(0, frames, len(some)):
            clip[first : first + len(some)] = some[: frames - first]


def prepared(folder, name, clips, frames):
    """Records of drawn clips."""
    drawn(folder / f'{name}.npy', clips, frames)
    prepare(folder / f'{name}.npy', folder / name, '--source=npz', '--encoding=jpeg')
    (folder / f'{name}.npy').unlink()
    return str(folder / name)


def prepare(source, output, *flags):
    """What bin/prepare held."""
    return most_megabytes('prepare', f'--input={source}', f'--output={output}', '--processes=2', *flags)


def most_megabytes(program, *flags):
    """Runs a program; what it and its processes held together at most, as words."""
    process = subprocess.Popen([sys.executable, ROOT / 'bin' / program, *flags], stdout=subprocess.DEVNULL)
    most = {'Rss': 0, 'Pss': 0}
    while process.poll() is None:
        held = [memory(pid) for pid in family(process.pid)]
        most = {kind: max(most[kind], sum(each.get(kind, 0) for each in held)) for kind in most}
        time.sleep(0.05)
    if process.returncode:
        sys.exit(f'bin/{program} ended with {process.returncode}')
    return f'{most["Rss"] / 1e6:.0f} MB ({most["Pss"] / 1e6:.0f})'


def family(pid):
    """A process and all below it."""
    found = [pid]
    for parent in found:
        try:
            found += map(int, pathlib.Path(f'/proc/{parent}/task/{parent}/children').read_text().split())
        except OSError:
            pass  # it has ended
    return found


def memory(pid):
    """Bytes of a process by kind; nothing if it has ended."""
    try:
        lines = pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()[1:]
    except OSError:
        return {}
    return {name: 1024 * int(size.split()[0]) for name, size in (line.split(':') for line in lines)}


def reading(folder):
    """Windows of long and of short clips, in turns."""
    import tensorflow as tf

    from dvdgan_tf.data.pipeline import RecordClips

    sets = {'long': prepared(folder, 'long', 2, _LONG), 'short': prepared(folder, 'short', 360, _SHORT)}
    # One example after the other and nothing ahead, so that no work of one falls into the time of the other.
    batches = {
        name: iter(tf.data.Dataset.range(10**6).map(RecordClips(records, 64, 12).example).batch(8))
        for name, records in sets.items()
    }
    spent = dict.fromkeys(sets, 0.0)
    for turn in range(12):
        for name, source in batches.items():
            began = time.process_time()
            for _ in range(20):
                next(source)
            if turn >= 2:
                spent[name] += time.process_time() - began
    rates = {name: 10 * 20 * 8 * 12 / seconds for name, seconds in spent.items()}
    for length, name in ((_LONG, 'long'), (_SHORT, 'short')):
        print(f'windows from clips of {length} frames: {rates[name]:.0f} frames a CPU second')
    print(f'ratio {rates["long"] / rates["short"]:.2f}', flush=True)


def inspecting(folder):
    """bin/inspect of an hour."""
    records = prepared(folder, 'hour', 1, _HOUR)
    began = time.monotonic()
    most = most_megabytes('inspect', f'--data={records}')
    print(f'bin/inspect of {_HOUR} frames: {most}, {time.monotonic() - began:.0f} seconds', flush=True)


def raw(folder):
    """bin/prepare of raw 1080p."""
    import av

    (folder / 'film').mkdir()
    with av.open(str(folder / 'film' / 'a.mp4'), 'w') as output:
        stream = output.add_stream('libx264', rate=25, options={'preset': 'ultrafast'})
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, 'yuv420p'
        picture = np.random.default_rng(0).integers(0, 256, (1080, 1920, 3), dtype=np.uint8)
        for number in range(300):
            frame = np.roll(picture[::40, ::40].repeat(40, 0).repeat(40, 1)[:1080, :1920], 4 * number, 1)
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format='rgb24')))
        output.mux(stream.encode())
    most = prepare(folder / 'film', folder / 'raw', '--source=folder', '--encoding=raw')
    size = sum(path.stat().st_size for path in (folder / 'raw').iterdir()) / 1e6
    print(f'bin/prepare of 12 seconds of raw 1080p ({size:.0f} MB of records): {most}', flush=True)
    print(f'bin/inspect of them: {most_megabytes("inspect", "--data=" + str(folder / "raw"))}', flush=True)


def film(folder):
    """Two films cut into clips of ten seconds."""
    (folder / 'films').mkdir()
    scenes = {name: shoot(folder / 'films' / name, seconds) for name, seconds in (('a.mp4', 7200), ('b.mp4', 600))}
    for flags, lengths in (
        ([], {name: [sum(lasted)] for name, lasted in scenes.items()}),
        (['--scenes'], scenes),
    ):
        began, output = time.monotonic(), folder / f'cut{len(flags)}'
        most = prepare(folder / 'films', output, '--source=folder', '--clip_seconds=10', '--test_fraction=0.5', *flags)
        expected = {name: sum(frames // (10 * _RATE) for frames in lasted) for name, lasted in lengths.items()}
        stored = [
            (json.loads(line), path.name.split('-')[0])
            for path in sorted(output.glob('*.index.jsonl'))
            for line in path.read_text().splitlines()[1:]
        ]
        found = {name: sum(line['group'] == name for line, _ in stored) for name in scenes}
        splits = {name: {split for line, split in stored if line['group'] == name} for name in scenes}
        whole = sorted(map(len, splits.values())) == [1, 1] and splits['a.mp4'] != splits['b.mp4']
        if found != expected or not whole or {line['frames'] for line, _ in stored} != {10 * _RATE}:
            sys.exit(f'{flags}: {found} clips instead of {expected}, in the splits {splits}')
        print(f'{" ".join(flags) or "no --scenes"}: {found} of {10 * _RATE} frames, splits {splits}, {most}, ', end='')
        print(f'{time.monotonic() - began:.0f} seconds', flush=True)


def shoot(path, seconds):
    """Writes a film at _RATE frames a second, and returns how many frames each of its scenes has."""
    import av

    chance, scenes = np.random.default_rng(seconds), []
    while sum(scenes) < seconds * _RATE:
        scenes.append(min(int(chance.integers(20, 90)) * _RATE, seconds * _RATE - sum(scenes)))
    with av.open(str(path), 'w') as output:
        stream = output.add_stream('libx264', rate=_RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for number, frames in enumerate(scenes):
            picture = chance.integers(0, 90, (6, 8, 3), dtype=np.uint8).repeat(8, 0).repeat(8, 1)
            picture += np.uint8(number % 2 * 150)
            for _ in range(frames):
                picture = np.roll(picture, 1, 1)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format='rgb24')))
        output.mux(stream.encode())
    return scenes


if __name__ == '__main__':
    main()
