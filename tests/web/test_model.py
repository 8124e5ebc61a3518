"""The committed model and the page's own arithmetic in Node, on the WebAssembly backend."""

import json
import subprocess
from pathlib import Path

import conftest
import exported
import numpy as np
import playwright
import pytest
import tensorflow as tf
from PIL import Image

from dvdgan_tf.exporters import tfjs, tfjs_node
from dvdgan_tf.exporters.tfjs_graph import read_graph, write_graph
from dvdgan_tf.layers.attention import SelfAttention, SeparableAttention
from dvdgan_tf.layers.deep_residual import DeepGeneratorBlock
from dvdgan_tf.layers.moments import GroupMoments, LayerMoments
from dvdgan_tf.models import Generator, Groups
from dvdgan_tf.sampling.latents import interpolate, sample_latents
from dvdgan_tf.sampling.video import to_uint8

NODE = Path(playwright.__file__).parent / 'driver' / 'node'
SEEDS = (0, 1, -1, 12345, 2**32 - 1, 2**32, 2**53 + 1, 2**63 - 1, -(2**63))


def evaluated(tmp_path, code):
    """The JSON that a module prints which can import the page's modules."""
    module = tmp_path / 'module.mjs'
    module.write_text(code.replace('PAGE', conftest.PAGE.as_uri()))
    return json.loads(subprocess.run([NODE, module], capture_output=True, text=True, check=True).stdout)


def test_the_graph_model_runs_in_node_as_in_tensorflow(tmp_path):
    graph = read_graph(conftest.MODEL)
    label = np.arange(graph.num_classes, dtype=np.int32)
    latent = sample_latents(3, len(label)).numpy()
    requests, clips = tmp_path / 'requests.json', tmp_path / 'clips.bin'
    requests.write_text(json.dumps({'latent': latent.tolist(), 'classes': np.eye(len(label)).tolist()}))
    command = [NODE, conftest.PAGE / 'run_in_node.mjs', conftest.MODEL, requests, clips]
    subprocess.run(command, capture_output=True, check=True)
    expected = graph.generate(latent, label)
    assert expected.std() > 0.1
    np.testing.assert_allclose(np.fromfile(clips, '<f4').reshape(expected.shape), expected, atol=1e-4)


def test_a_seed_has_the_same_latent_in_the_page_and_in_python(tmp_path):
    code = f"""
        import {{ sampleLatent }} from 'PAGE/js/latents.js';
        const seeds = {json.dumps([str(seed) for seed in SEEDS])};
        console.log(JSON.stringify(seeds.map((seed) => [...sampleLatent(BigInt(seed), 120, 0.7)])));
    """
    expected = [sample_latents(seed, 1, 0.7)[0] for seed in SEEDS]
    np.testing.assert_allclose(evaluated(tmp_path, code), expected, atol=3e-6)


def test_between_two_latents_the_page_and_python_agree(tmp_path):
    latents = sample_latents(0, 2).numpy()
    pairs = [latents, latents[[0, 0]], np.stack([latents[0], np.zeros(120, np.float32)])]
    code = f"""
        import {{ interpolate }} from 'PAGE/js/latents.js';
        const between = (pair) => [...interpolate(...pair.map((latent) => Float32Array.from(latent)), 0.3)];
        console.log(JSON.stringify({json.dumps(np.array(pairs).tolist())}.map(between)));
    """
    first, second = (tf.constant(np.array(pairs)[:, end]) for end in (0, 1))
    expected = interpolate(first, second, tf.fill([len(pairs)], 0.3))
    np.testing.assert_allclose(evaluated(tmp_path, code), expected, atol=1e-5)


@pytest.mark.parametrize('channels', [1, 3])
def test_pixels_are_rounded_as_in_python(tmp_path, channels):
    values = np.concatenate([np.linspace(-1.1, 1.1, 3000), (np.arange(255) + 0.5) / 127.5 - 1]).astype(np.float32)
    values = values[: len(values) // channels * channels]
    code = f"""
        import {{ toPixels }} from 'PAGE/js/film.js';
        console.log(JSON.stringify([...toPixels(Float32Array.from({json.dumps(values.tolist())}), {channels})]));
    """
    pixels = np.array(evaluated(tmp_path, code)).reshape(-1, 4)
    expected = np.repeat(to_uint8(values).reshape(-1, channels), 3 // channels, axis=1)
    np.testing.assert_allclose(pixels[:, :3], expected, atol=1)  # halves may fall to either side
    assert (pixels[:, :3] == expected).mean() > 0.95
    assert (pixels[:, 3] == 255).all()


def test_a_gif_of_few_and_of_many_colours_is_read_back_exactly(tmp_path):
    random = np.random.default_rng(0)
    few = random.integers(0, 256, [250, 3])
    frames = np.stack([few[random.integers(0, 250, [64, 64])], np.full([64, 64, 3], 7)]).astype(np.uint8)
    pixels = np.pad(frames, [(0, 0)] * 3 + [(0, 1)]).reshape(2, -1).tolist()
    code = f"""
        import {{ encodeGif }} from 'PAGE/js/gif.js';
        const toImage = (values) => ({{ width: 64, height: 64, data: Uint8ClampedArray.from(values) }});
        const gif = await encodeGif({json.dumps(pixels)}.map(toImage), 10, 3);
        console.log(JSON.stringify([...new Uint8Array(await gif.arrayBuffer())]));
    """
    (tmp_path / 'film.gif').write_bytes(bytes(evaluated(tmp_path, code)))
    with Image.open(tmp_path / 'film.gif') as gif:
        for number, frame in enumerate(frames):
            gif.seek(number)
            np.testing.assert_array_equal(np.asarray(gif.convert('RGB'))[::3, ::3], frame)
            assert gif.info['duration'] == 100


def test_every_kind_of_layer_runs_in_node_as_it_does_live(tmp_path):
    groups = Groups(DeepGeneratorBlock, GroupMoments, {8: SeparableAttention, 4: SelfAttention})
    source = exported.of_generator(Generator(16, 2, 3, 1, 1, groups=groups, last_moments=LayerMoments))
    write_graph(tfjs._traced(source.frozen), 'float32', str(tmp_path))
    (tmp_path / 'metadata.json').write_text(json.dumps(source.about))
    clips, _ = tfjs_node.answers(source, str(tmp_path))
    assert source.probe.clips.std() > 0.05
    # Statistics of few values magnify the order of sums: 7e-5 with this network, up to 3e-3 with others.
    np.testing.assert_allclose(clips, source.probe.clips, atol=5e-4)


def test_a_grid_has_a_column_a_class_or_rows_that_hold_all_classes(tmp_path):
    code = """
        import { defaults } from 'PAGE/js/address.js';
        import { VIEWS } from 'PAGE/js/views.js';
        const grids = [1, 2, 4, 6, 10, 101].map((count) => {
          const classes = Array.from({ length: count }, (_, label) => `class_${label}`);
          const { cells, columns, headings } = VIEWS.grid(defaults(classes), { classes });
          return [cells.length, columns, headings.length, cells[1].caption, cells.at(-1).label];
        });
        console.log(JSON.stringify(grids));
    """
    assert evaluated(tmp_path, code) == [
        [12, 4, 0, 'seed 1', 'class 0, seed 11'],
        [6, 2, 2, 'seed 0', 'class 1, seed 2'],
        [12, 4, 4, 'seed 0', 'class 3, seed 2'],
        [18, 6, 6, 'seed 0', 'class 5, seed 2'],
        [10, 5, 0, 'class 1', 'class 9, seed 0'],
        [36, 6, 0, 'class 1', 'class 35, seed 0'],
    ]
