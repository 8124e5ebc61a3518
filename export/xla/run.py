#!/usr/bin/env python3
"""Compiles and runs the device's programs that `bin/benchmark --what=program` wrote: run.py FOLDER

It needs numpy and jaxlib alone, and takes the device that this jaxlib has, or with --plugin any other that comes with
a PJRT library: libtpu.so of the package libtpu for TPUs, xla_cuda_plugin.so of the package jax-cuda12-pjrt for NVIDIA
GPUs. Each program gets random inputs. Printed are the time to compile it, the median time of a run, operations a
second, clips a second and the memory it takes; results that are not finite end it with status 1.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence

import numpy as np

VERSION = 1  # of the folder's format
NEEDED = "pip install 'jaxlib>=0.4.30,<0.6'"


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder')
    parser.add_argument('--program', help='run this one alone: training_step or sampler')
    parser.add_argument('--plugin', help="PJRT library of another device than jaxlib's own")
    parser.add_argument('--times', type=int, default=5, help='runs whose median is told')
    arguments = parser.parse_args(words)
    try:
        if arguments.times < 1:
            raise ValueError(f'--times is {arguments.times}; give at least 1')
        manifest = read_manifest(arguments.folder)
        programs = chosen(manifest, arguments.program)
        device = Device(arguments.plugin)
        print(f'{device.name}, {manifest["precision"]}, {manifest["preset"]}')
        finite = [show(device, manifest, arguments.folder, name, arguments.times) for name in programs]
    except (ImportError, OSError, ValueError) as error:
        parser.error(f'{str(error).rstrip(".")}.')
    return 0 if all(finite) else 1


def read_manifest(folder: str) -> dict:
    """What the folder's manifest.json says."""
    path = os.path.join(folder, 'manifest.json')
    if not os.path.isfile(path):
        raise ValueError(f'{folder!r} holds no manifest.json; bin/benchmark --what=program --output={folder} makes one')
    with open(path) as file:
        try:
            manifest = json.load(file)
        except ValueError as error:
            raise ValueError(f'{path} is damaged ({error}); write the folder again') from error
    found = manifest.get('version') if isinstance(manifest, dict) else None
    if found != VERSION:
        raise ValueError(
            f'{folder!r} is a program folder of version {found} and this run.py reads version {VERSION}; write it with '
            'the bin/benchmark that this run.py came with'
        )
    return manifest


def chosen(manifest: dict, name: str | None) -> list[str]:
    """The programs to run."""
    known = list(manifest['programs'])
    if name not in (None, *known):
        raise ValueError(f'there is no program {name!r}; the folder has {" and ".join(known)}')
    return [name] if name else known


class Device:
    """The first device of a PJRT client.

    Args:
        plugin: a PJRT library; None for what jaxlib has itself, which is the CPU.
    """

    def __init__(self, plugin: str | None = None) -> None:
        try:
            import jaxlib
            from jaxlib import xla_client
        except ImportError as error:
            raise ImportError(f'there is no jaxlib ({error}); {NEEDED}') from error
        if not (0, 4, 30) <= tuple(map(int, jaxlib.__version__.split('.')[:3])) < (0, 6):
            raise ImportError(f'this is jaxlib {jaxlib.__version__}, whose interface is another; {NEEDED}')

        self._jax = xla_client
        if plugin is None:
            self._client = xla_client.make_cpu_client()
        elif os.path.isfile(plugin):
            try:
                xla_client.load_pjrt_plugin_dynamically('given', os.path.abspath(plugin))
                xla_client.initialize_pjrt_plugin('given')
                self._client = xla_client.make_c_api_client('given', {})
            except RuntimeError as error:
                raise ValueError(f'{plugin} gives no device ({first_line(error)})') from error
        else:
            raise ValueError(f'there is no PJRT library {plugin!r}; pip show --files names those of a package')
        self._settle()
        self._device = self._client.local_devices()[0]
        self.name = f'{self._client.platform}: {self._device.device_kind}'

    def compiled(self, serialized: bytes) -> object:
        """The program of a serialised HLO module, ready to run."""
        internals = self._internals()
        module = internals.mlir.xla_computation_to_mlir_module(self._jax.XlaComputation(serialized))
        return self._client.compile(module)

    def put(self, value: np.ndarray) -> object:
        """The array on the device."""
        return self._client.buffer_from_pyval(value, self._device)

    def _settle(self) -> None:
        """Sets what jax sets where it is there, without which older jaxlib ends the process."""
        settings = self._internals().jax_jit
        if hasattr(settings, 'set_thread_local_state_initialization_callback'):
            settings.set_thread_local_state_initialization_callback(lambda: None)
            state = settings.global_state()
            if hasattr(state, 'enable_memories'):
                state.enable_memories = False

    def _internals(self) -> object:
        """The compiled half of jaxlib, by the name it has in this version."""
        found = getattr(self._jax, '_xla', None)
        return found or importlib.import_module('jaxlib._jax')


def show(device: Device, manifest: dict, folder: str, name: str, times: int) -> bool:
    """Prints what a program takes; whether its results are finite."""
    program = manifest['programs'][name]
    began = time.perf_counter()
    executable = compile_program(device, manifest, folder, name)
    print(f'{name}: compiled in {time.perf_counter() - began:.1f} s')
    values, seconds = run(device, executable, list(make_inputs(program['inputs'])), times)
    median = statistics.median(seconds)
    clips, flops = program['clips'] / median, program['flops'] / median
    print(f'  median of {times}: {median:.4g} s, {flops / 1e9:,.1f} GFLOP/s, {clips:.4g} clips/s')
    memory = executable.get_compiled_memory_stats()
    kinds = ('argument', 'output', 'temp', 'generated_code')
    sizes = [getattr(memory, f'{kind}_size_in_bytes') / 1e6 for kind in kinds]
    print('  memory: ' + ', '.join(f'{kind.replace("_", " ")} {size:,.1f} MB' for kind, size in zip(kinds, sizes)))
    broken = sum(not np.isfinite(value).all() for value in values)
    print(f'  {len(values)} results, ' + (f'{broken} of them NOT FINITE' if broken else 'all finite'))
    return not broken


def compile_program(device: Device, manifest: dict, folder: str, name: str) -> object:
    """The named program of a folder, compiled."""
    program = manifest['programs'][name]
    path = os.path.join(folder, program['file'])
    with open(path, 'rb') as file:
        serialized = file.read()
    if hashlib.sha256(serialized).hexdigest() != program['sha256']:
        raise ValueError(f'{path} is not what its manifest describes; write the folder again')
    try:
        return device.compiled(serialized)
    except RuntimeError as error:
        raise ValueError(
            f'{device.name} does not take {name} in {manifest["precision"]} ({first_line(error)}); choose another '
            '--precision for bin/benchmark --what=program, or another device'
        ) from error


def make_inputs(wanted: Sequence[dict], seed: int = 0) -> Iterator[np.ndarray]:
    """Random arrays: `zeros`, `positive` ones from 0.5 to 1.5, or `normal` ones of deviation 0.1."""
    random = np.random.default_rng(seed)
    for one in wanted:
        shape, kind = one['shape'], one['values']
        if kind == 'zeros':
            value = np.zeros(shape)
        else:
            value = random.uniform(0.5, 1.5, shape) if kind == 'positive' else random.normal(0.0, 0.1, shape)
        yield np.asarray(value, one['dtype'])


def run(
    device: Device, executable: object, inputs: Sequence[np.ndarray], times: int
) -> tuple[list[np.ndarray], list[float]]:
    """The results of the program, and the seconds of each run after the first."""
    seconds = []
    for _ in range(times + 1):
        placed = [device.put(value) for value in inputs]  # each time: a run may write its results over them
        for each in placed:
            each.block_until_ready()
        began = time.perf_counter()
        results = executable.execute(placed)
        for result in results:
            result.block_until_ready()
        seconds.append(time.perf_counter() - began)
    return [np.asarray(result) for result in results], seconds[1:]


def first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip('. ')


if __name__ == '__main__':
    raise SystemExit(main())
