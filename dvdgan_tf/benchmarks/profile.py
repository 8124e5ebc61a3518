"""Where the time of one call goes, by TensorFlow's profiler: kinds of operation, networks, kinds of layer."""

from __future__ import annotations

import collections
import glob
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from typing import Callable, NamedTuple

import tensorflow as tf

from dvdgan_tf.benchmarks.timing import finish

_PS_PER_MS = 1e9
_GRADIENT = 'gradient_tape/'
_REST = 'the rest: draws, losses, averages, optimizers'
_LAYERS = (
    ('spectral normalisation', r'/spectral/'),
    ('ConvGRU', r'/gru/'),
    ('normalisation', r'/norm\d?/'),
    ('convolution', r'/(?:conv\d|skip|to_video)/'),
    ('dense, embedding, projection', r'/(?:base|linear|embedding|projection)/'),
)
_OTHER_LAYERS = 'activations, pooling, sums'


class Operation(NamedTuple):
    """One operation of the call: its name in the graph, its kind, milliseconds."""

    name: str
    kind: str
    milliseconds: float


def operations(function: Callable[[], object]) -> list[Operation]:
    """Every operation of one call of a traced function, on a CPU."""
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            finish(function())
        space = xplane_pb2.XSpace()
        (path,) = glob.glob(os.path.join(folder, '**', '*.xplane.pb'), recursive=True)
        with open(path, 'rb') as file:
            space.ParseFromString(file.read())
    found = []
    for plane in space.planes:
        for line in plane.lines if 'CPU' in plane.name else ():
            for event in line.events:
                name, separator, kind = plane.event_metadata[event.metadata_id].name.rpartition(':')
                # Not a call of a function, nor an event of the executor, like EagerExecutor::Run.
                if separator and not name.endswith(':') and kind.isidentifier() and not kind.startswith('__inference'):
                    found.append(Operation(name, kind, event.duration_ps / _PS_PER_MS))
    return found


def network_of(name: str) -> str:
    """The network, forwards or backwards, that an operation of this name is of."""
    direction = 'backward' if name.startswith(_GRADIENT) else 'forward'
    network = name.removeprefix(_GRADIENT).split('/')[0]
    known = {'generator': 'G', 'spatial_discriminator': 'D_S', 'temporal_discriminator': 'D_T'}
    return f'{known[network]} {direction}' if network in known else _REST


def layer_of(name: str) -> str:
    """The kind of layer that an operation of a network is of."""
    if network_of(name) == _REST:
        return _REST
    return next((layer for layer, pattern in _LAYERS if re.search(pattern, name)), _OTHER_LAYERS)


def table(found: Iterable[Operation], most: int = 12) -> Iterator[str]:
    """Shares of the time as lines of text, by network, kind of layer and kind of operation."""
    found = list(found)
    total = sum(each.milliseconds for each in found)
    groups = {
        'by network': lambda each: network_of(each.name),
        'by kind of layer': lambda each: layer_of(each.name),
        'by kind of operation': lambda each: each.kind,
    }
    for title, group in groups.items():
        yield f'where the time goes {title} ({total:.0f} ms of operations):'
        spent: dict[str, float] = collections.Counter()
        for each in found:
            spent[group(each)] += each.milliseconds
        for what, milliseconds in sorted(spent.items(), key=lambda item: -item[1])[:most]:
            yield f'  {100 * milliseconds / total:5.1f} %  {milliseconds:8.1f} ms  {what}'
