"""Damaged inputs for bin/prepare, bin/inspect and reading: only sentences may come out, soon, and in little memory.

  python studies/fuzz_data.py --videos=2000 --manifests=500 --indexes=500 --lists=500 --arrays=500 --seconds=1200

Videos in six containers, manifests, indexes, lists and arrays are mutated at random, but the same for the same seed.
A video must be read or be refused with a reason, each within 20 seconds and without more than 300 MB; whatever reads a
manifest, an index, a list or an array must succeed or raise an InputError. Exit status 1 says that something else
happened.
"""

import argparse
import collections
import contextlib
import copy
import json
import os
import pathlib
import random
import resource
import shutil
import sys
import tempfile
import time

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

import av  # noqa: E402
import numpy as np  # noqa: E402
import pebble  # noqa: E402

from dvdgan_tf.errors import InputError  # noqa: E402
from dvdgan_tf.prepare import frames  # noqa: E402
from dvdgan_tf.prepare.listing import BadClip, Part, Rules, SourceClip  # noqa: E402

_LONGEST_SECONDS, _MOST_MEGABYTES = 20.0, 300.0
_CODECS = {
    '.mp4': ('libx264', 'yuv420p'),
    '.mkv': ('libx264', 'yuv444p'),
    '.avi': ('mpeg4', 'yuv420p'),
    '.webm': ('libvpx', 'yuv420p'),
    '.gif': ('gif', 'rgb8'),
    '.ts': ('mpeg2video', 'yuv420p'),
}
_JUNK = [None, True, -1, 0, 0.5, 1e308, 2**63, 10**400, 'x', '', '../x', '\ud800', '\u2028', [], {}, [[]], {'a': 1}]


def main():
    """Mutates, counts what comes out, and prints it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ('videos', 'manifests', 'indexes', 'lists', 'arrays', 'seed'):
        default = {'videos': 2000, 'seed': 0}.get(name, 500)
        parser.add_argument(f'--{name}', type=int, default=default)
    parser.add_argument('--seconds', type=float, default=1800.0, help='no new mutation is begun after so long')
    asked = parser.parse_args()
    started, outcomes = time.monotonic(), collections.Counter()
    left = lambda: time.monotonic() - started < asked.seconds  # noqa: E731
    with tempfile.TemporaryDirectory(prefix='dvdgan-fuzz-') as folder:
        folder = pathlib.Path(folder)
        fuzz_videos(folder, outcomes, left, asked)
        records = make_records(folder)
        use(records / 'records')  # TensorFlow's import and what whole records take are not counted
        for name, count, fuzz in (
            ('manifest', asked.manifests, fuzz_manifest),
            ('index', asked.indexes, fuzz_index),
            ('list', asked.lists, fuzz_list),
            ('array', asked.arrays, fuzz_array),
        ):
            before = megabytes()
            for number in range(count):
                if left():
                    outcomes[f'{name}: {judged(fuzz, records, random.Random(f"{asked.seed} {name} {number}"))}'] += 1
            outcomes[f'{name}: MB above the start'] = round(megabytes() - before)
    for outcome, count in sorted(outcomes.items()):
        print(f'{count:6} {outcome}')
    print(f'{time.monotonic() - started:.0f} seconds')
    bad = [outcome for outcome in outcomes if 'FAULT' in outcome]
    grown = [name for name, count in outcomes.items() if 'MB above' in name and count > _MOST_MEGABYTES]
    sys.exit(1 if bad or grown else 0)


def megabytes():
    """Most that this process has held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def mutated_bytes(data, chance):
    """Flips, cuts, repeats, swaps and overwrites."""
    data = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 40))):
        place, length = chance.randrange(len(data)), chance.choice((1, 2, 4, 16, 200))
        kind = chance.randrange(6)
        if kind == 0:
            data[place] ^= 1 << chance.randrange(8)
        elif kind == 1:
            data[place : place + length] = chance.randbytes(length)
        elif kind == 2:
            data[place : place + length] = b''
        elif kind == 3:
            data[place:place] = data[place : place + length]
        elif kind == 4:
            data[place : place + 4] = chance.choice((b'\0\0\0\0', b'\xff\xff\xff\xff', b'\x7f\xff\xff\xff'))
        else:
            del data[chance.randrange(len(data) // 2, len(data)) :]
        if len(data) < 4:
            return bytes(data) + b'end.'
    return bytes(data)


def make_video(path):
    """A small video in the container of the path."""
    codec, pixels = _CODECS[path.suffix]
    noise = np.random.default_rng(0)
    with av.open(str(path), 'w') as output:
        stream = output.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        for time_ in range(30):
            picture = noise.integers(0, 60, (48, 64, 3), dtype=np.uint8)
            picture[8:40, 2 * time_ % 50 : 2 * time_ % 50 + 10] = 230
            output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
        output.mux(stream.encode())
    return path.read_bytes()


def decode(path, number):
    """(what came out, MB that this process has taken since its start); runs in a process of its own."""
    before = megabytes()
    part = (None, None, Part(0.2, 0.8), Part(skip=3, frames=10))[number % 4]
    rules = (Rules(), Rules(short_side=32), Rules(fps=12.5), Rules(channels=1))[number // 4 % 4]
    try:
        count = sum(1 for _ in frames.clip_frames(SourceClip('x', path, part=part), rules))
        outcome = 'read' if count else 'FAULT: no frame and no reason'
    except BadClip as reason:
        outcome = 'refused: ' + ' '.join(str(reason).split()[:2])
    except Exception as error:
        outcome = f'FAULT {type(error).__name__}: {error}'
    return outcome, megabytes() - before


def fuzz_videos(folder, outcomes, left, asked):
    """Decodes mutated videos in a process of its own."""
    bases = {suffix: make_video(folder / f'base{suffix}') for suffix in _CODECS}
    largest, longest = 0.0, 0.0
    with pebble.ProcessPool(1) as pool:
        for number in range(asked.videos):
            if not left():
                return
            chance = random.Random(f'{asked.seed} video {number}')
            suffix = chance.choice(sorted(bases))
            path = folder / f'mutated{suffix}'
            path.write_bytes(mutated_bytes(bases[suffix], chance))
            began = time.monotonic()
            try:
                outcome, memory = pool.schedule(decode, (str(path), number), timeout=_LONGEST_SECONDS).result()
                largest = max(largest, memory)
            except TimeoutError:
                outcome = f'FAULT: more than {_LONGEST_SECONDS:g} seconds'
            except pebble.ProcessExpired as error:
                outcome = f'the process ends ({error.exitcode}), which bin/prepare turns into a reason'
            if 'FAULT' in outcome:
                shutil.copy(path, f'fault-{number}{suffix}')
            longest = max(longest, time.monotonic() - began)
            outcomes[f'video: {outcome}'] += 1
    outcomes['video: MB above the start'] = round(largest)
    outcomes['video: longest, milliseconds'] = round(1000 * longest)


def make_records(folder):
    """A folder of records and lists to mutate."""
    from dvdgan_tf.prepare import preparation
    from dvdgan_tf.prepare.sources import array_files

    array = np.random.default_rng(0).integers(0, 255, (4, 40, 16, 16, 1), dtype=np.uint8)
    np.savez(folder / 'in.npz', x=array, labels=np.arange(4) % 2)
    np.savez_compressed(folder / 'packed.npz', x=array, labels=np.arange(4) % 2)
    np.save(folder / 'in.npy', array)
    listing = array_files.array_files(str(folder / 'in.npz'))
    source = {'name': 'npz', 'input': 'x'}
    preparation.prepare(listing, Rules('raw'), str(folder / 'records'), source=source, shard_clips=2)
    (folder / 'clips.csv').write_text('path,label,split,start,end\n' + 'a.mp4,run,train,0,1:05\nb.mp4,2,Test,,\n' * 4)
    rows = [{'path': f'{n}.mp4', 'label': n, 'split': 'train', 'start': 1.5} for n in range(5)]
    (folder / 'clips.jsonl').write_text('\n'.join(map(json.dumps, rows)))
    return folder


def judged(fuzz, folder, chance):
    """What came out of one mutation: a sentence, or a fault."""
    began = time.monotonic()
    try:
        outcome = fuzz(folder, chance)
    except InputError as error:
        sentence = str(error)
        whole = len(sentence.splitlines()) == 1 and len(sentence) < 2000
        outcome = 'a sentence' if whole else f'FAULT: {sentence!r:.200}'
    except Exception as error:
        outcome = f'FAULT {type(error).__name__}: {str(error)!r:.200}'
    return outcome if time.monotonic() - began < _LONGEST_SECONDS else 'FAULT: too slow'


def mutated_json(value, chance):
    """A value of the structure is replaced, removed or repeated."""
    value = copy.deepcopy(value)
    for _ in range(chance.choice((1, 1, 2, 5))):
        holder = value
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = chance.choice(keys)
            if not isinstance(holder[key], (dict, list)) or not holder[key] or chance.random() < 0.15:
                kind = chance.randrange(4)
                if kind == 0:
                    del holder[key]
                elif kind == 1 and isinstance(holder, list):
                    holder.append(holder[key])
                elif kind == 1:
                    holder[chance.choice(('../x', '', '\u2028', 'x' * 300))] = holder[key]
                else:
                    holder[key] = chance.choice(_JUNK)
                break
            holder = holder[key]
    return value


def use(folder):
    """Everything that reads records, as far as it gets."""
    from dvdgan_tf.data import inspect, showing
    from dvdgan_tf.data.pipeline import RecordClips
    from dvdgan_tf.data.records import read_manifest

    manifest = read_manifest(str(folder))
    for split in manifest['splits']:
        RecordClips(str(folder), 16, 4, split=split)
        showing.find_clip(str(folder), manifest, split, 0)
    report = inspect.inspect(str(folder), 4)
    inspect.describe(report)
    return 'used, with errors' if report['errors'] else 'used'


def fuzz_manifest(folder, chance):
    """Uses records whose manifest is mutated."""
    target = folder / 'target'
    shutil.copytree(folder / 'records', target, dirs_exist_ok=True)
    data = (target / 'manifest.json').read_bytes()
    if chance.random() < 0.3:
        data = mutated_bytes(data, chance)
    else:
        data = json.dumps(mutated_json(json.loads(data), chance)).encode()
    (target / 'manifest.json').write_bytes(data)
    return use(target)


def fuzz_index(folder, chance):
    """The manifest has the hash of the mutated index in two of three cases, so that its content is looked at."""
    import hashlib

    from dvdgan_tf.prepare.split_writer import finished_shards

    target = folder / 'target'
    shutil.copytree(folder / 'records', target, dirs_exist_ok=True)
    path = target / 'train-00000.index.jsonl'
    if chance.random() < 0.3:
        data = mutated_bytes(path.read_bytes(), chance)
    else:
        lines = mutated_json([json.loads(line) for line in path.read_text().splitlines()], chance)
        data = ''.join(json.dumps(line) + '\n' for line in lines).encode()
    path.write_bytes(data)
    if chance.random() < 0.67:
        manifest = json.loads((target / 'manifest.json').read_text())
        manifest['splits']['train']['shards'][0]['index_sha256'] = hashlib.sha256(data).hexdigest()
        (target / 'manifest.json').write_text(json.dumps(manifest))
    finished_shards(str(target), 'train')
    return use(target)


def fuzz_list(folder, chance):
    """Reads a mutated list."""
    from dvdgan_tf.prepare.sources import lists

    suffix = chance.choice(('.csv', '.jsonl'))
    data = (folder / f'clips{suffix}').read_bytes()
    if suffix == '.jsonl' and chance.random() < 0.6:
        rows = mutated_json([json.loads(line) for line in data.splitlines()], chance)
        data = '\n'.join(map(json.dumps, rows)).encode()
    else:
        data = mutated_bytes(data, chance)
    path = folder / f'mutated{suffix}'
    path.write_bytes(data)
    listing = lists.list_clips(str(path))
    return f'{"some" if listing.clips else "no"} clips'


def fuzz_array(folder, chance):
    """Lists mutated arrays and reads their clips."""
    from dvdgan_tf.prepare.sources import array_files

    name = chance.choice(('in.npz', 'packed.npz', 'in.npy'))
    (folder / f'mutated-{name}').write_bytes(mutated_bytes((folder / name).read_bytes(), chance))
    listing, read = array_files.array_files(str(folder / f'mutated-{name}')), 0
    for clip in listing.clips:
        with contextlib.suppress(BadClip):
            read += sum(1 for _ in frames.clip_frames(clip, Rules())) > 0
    return f'{"all" if read == len(listing.clips) > 0 else "some" if read else "no"} clips'


if __name__ == '__main__':
    main()
