"""Kills bin/prepare again and again: what it leaves in the end must be the bytes of a run that was left alone.

  python studies/prepare_kills.py --kills=15
"""

import argparse
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import av
import numpy as np

ROOT = pathlib.Path(__file__).resolve().parent.parent


def main():
    """Exit status 1 if a folder differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--kills', type=int, default=15)
    parser.add_argument('--seed', type=int, default=0)
    asked = parser.parse_args()
    chance, kills, folders = random.Random(asked.seed), 0, 0
    with tempfile.TemporaryDirectory(prefix='dvdgan-kills-') as scratch:
        scratch = pathlib.Path(scratch)
        draw(scratch / 'in')
        began = time.monotonic()
        start(scratch / 'through', scratch).wait()
        lasted, expected = time.monotonic() - began, files(scratch / 'through')
        while kills < asked.kills:
            output, finished = scratch / f'killed{folders}', False
            while not finished:
                process = start(output, scratch)
                try:
                    process.wait(chance.uniform(0.3, 0.95) * lasted if kills < asked.kills else None)
                    finished = True
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                    kills += 1
            folders += 1
            if files(output) != expected:
                sys.exit(f'after {kills} kills the bytes differ')
    print(f'{kills} kills, {folders} folders finished, all of them the bytes of the run that was left alone')


def draw(folder):
    """Sixty small videos, and one that is none."""
    folder.mkdir()
    noise = np.random.default_rng(0)
    for number in range(60):
        with av.open(str(folder / f'{number:02}.mp4'), 'w') as output:
            stream = output.add_stream('libx264', rate=25, options={'preset': 'ultrafast'})
            stream.width, stream.height, stream.pix_fmt = 320, 240, 'yuv420p'
            for _ in range(60):
                picture = noise.integers(0, 256, (24, 32, 3), dtype=np.uint8).repeat(10, 0).repeat(10, 1)
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
            output.mux(stream.encode())
    (folder / 'bad.mp4').write_text('no video')


def start(output, scratch):
    """bin/prepare into a folder."""
    flags = [f'--input={scratch / "in"}', f'--output={output}', '--processes=2', '--shard_clips=4']
    command = [sys.executable, ROOT / 'bin' / 'prepare', '--source=folder', *flags]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files(folder):
    """All bytes of a folder by name."""
    found = {path.name: path.read_bytes() for path in sorted(folder.rglob('*')) if path.is_file()}
    return found if 'manifest.json' in found else sys.exit(f'{folder} is not finished: {os.listdir(folder)}')


if __name__ == '__main__':
    main()
