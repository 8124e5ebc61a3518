"""The networks: golden inventories, and what reaches what."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from dvdgan_tf.errors import InputError
from dvdgan_tf.layers.attention import SelfAttention, SeparableAttention
from dvdgan_tf.layers.deep_residual import DeepDiscriminatorBlock, DeepGeneratorBlock
from dvdgan_tf.layers.moments import FixedMoments
from dvdgan_tf.models import Generator, Groups, SpatialDiscriminator, TemporalDiscriminator
from dvdgan_tf.models.variables import clip_spec, label_spec, latent_spec, make_variables

FRAMES, CLASSES = 4, 3


def _count(network):
    return sum(np.prod(weight.shape) for weight in network.trainable_weights)


def _generator_parameters(constants, ch, classes, channels=3):
    """Counted from the paper's constants, independently of the layers.

    Embedding classes x 120; linear 240 -> 4*4*w0 with bias; per group of input width w and output width v: three
    ConvGRU gates of 3x3x2w -> w with bias; a block w -> w (two 3x3 convolutions with bias, two norms of two linear maps
    240 -> w); a block w -> v (3x3 w -> v and v -> v, 1x1 skip w -> v, all with bias; norms of width w and v); at the
    end a norm with scale and offset, and 3x3 -> channels.
    """
    widths = [constant * ch for constant in constants]
    total = classes * 120 + 240 * 16 * widths[0] + 16 * widths[0]
    for w, v in zip(widths, widths[1:]):
        total += 3 * (9 * 2 * w * w + w)
        total += 2 * (9 * w * w + w) + 2 * 2 * 240 * w
        total += 9 * w * v + v + 9 * v * v + v + w * v + v + 2 * 240 * w + 2 * 240 * v
    return total + 2 * widths[-1] + 9 * widths[-1] * channels + channels


def _discriminator_parameters(constants, ch, classes, blocks_3d, channels=3):
    """Counted from the paper's constants: per block two convolutions with bias, 27 taps in 3-D and 9 in 2-D, and a 1x1
    skip with bias where the
    block pools (all but the last) or widens; then a linear map to 1 with bias and an embedding of classes x width.
    """
    widths = [channels, *[constant * ch for constant in constants]]
    total = 0
    for index, (w, v) in enumerate(zip(widths, widths[1:])):
        taps = 27 if index < blocks_3d else 9
        total += taps * w * v + v + taps * v * v + v
        total += w * v + v if index < len(constants) - 1 or w != v else 0
    return total + widths[-1] + 1 + classes * widths[-1]


# Resolution, ch, G's and D's constants (paper B.2 for 64 and 128).
_GOLDEN = [
    (16, 8, (8, 4, 2), (8, 16, 16)),
    (32, 8, (8, 8, 4, 2), (4, 8, 16, 16)),
    (64, 128, (8, 8, 8, 4, 2), (2, 4, 8, 16, 16)),
    (128, 96, (8, 8, 8, 4, 2, 1), (1, 2, 4, 8, 16, 16)),
    (256, 96, (8, 8, 8, 8, 4, 2, 1), (1, 2, 4, 8, 8, 16, 16)),
]
_KINDS = [(Generator, [FRAMES]), (SpatialDiscriminator, []), (TemporalDiscriminator, [])]
# Resolution and ch to the trainable parameters of G, D_S and D_T for 600 classes.
_INVENTORY = {
    (16, 8): (886915, 640833, 1160385),
    (32, 8): (1383043, 669665, 800417),
    (64, 128): (305282371, 154411777, 162683137),
    (128, 96): (176963139, 87356449, 88522849),
    (256, 96): (232117827, 98565409, 99731809),
}


@pytest.mark.parametrize('resolution, ch, generator_constants, discriminator_constants', _GOLDEN)
def test_parameter_inventory(resolution, ch, generator_constants, discriminator_constants):
    with tf.Graph().as_default():  # which is never run: the variables take no memory
        networks = [kind(resolution, *rest, 600, ch) for kind, rest in _KINDS]
        make_variables(networks[0], latent_spec(1, 120), label_spec(1))
        for network in networks[1:]:
            make_variables(network, clip_spec(1, FRAMES, resolution, 3), label_spec(1))
        counts = tuple(int(_count(network)) for network in networks)
    assert counts == (
        _generator_parameters(generator_constants, ch, 600),
        _discriminator_parameters(discriminator_constants, ch, 600, 0),
        _discriminator_parameters(discriminator_constants, ch, 600, 2),
    )
    assert counts == _INVENTORY[resolution, ch]


def _frame_encoder_parameters(constants, units, ch, context, channels):
    """Counted from the paper's constants: the spatial discriminator without its head, a linear map and an embedding of
    one class; then for each resolution, smallest first, 3x3 from the context's features side by side to the ConvGRU's
    width. Two blocks end at 4x4, of which the last one counts.
    """
    blocks = _discriminator_parameters(constants, ch, 1, 0, channels) - 2 * constants[-1] * ch - 1
    features = [constants[-1], *constants[-3::-1]]
    return blocks + sum(9 * context * f * ch * u * ch + u * ch for f, u in zip(features, units))


# Resolution, ch, context frames and channels of the presets for prediction to the trainable parameters of G:
# Kinetics-600 (table 4), BAIR (table 3), radar at 64 and 256 pixels.
_PREDICTION = {
    (64, 128, 5, 3): 629443963,
    (64, 128, 1, 3): 492604795,
    (64, 16, 4, 1): 10450265,
    (256, 16, 4, 1): 13250345,
}


@pytest.mark.parametrize('size', _PREDICTION, ids=str)
def test_parameter_inventory_of_prediction(size):
    resolution, ch, context, channels = size
    constants, of_encoder = next(golden[2:] for golden in _GOLDEN if golden[0] == resolution)
    with tf.Graph().as_default():
        network = Generator(resolution, FRAMES, 1, ch, channels, context)
        frames = clip_spec(1, context, resolution, channels)
        make_variables(network, latent_spec(1, 120), label_spec(1), frames)
        count = int(_count(network))
    expected = _generator_parameters(constants, ch, 1, channels)
    expected += _frame_encoder_parameters(of_encoder, constants[:-1], ch, context, channels)
    assert count == expected == _PREDICTION[size]


def test_parameter_inventory_of_attention():
    """Of width w: three passes of three matrices w x w, against w/8 twice, w/2 and back; and a gain."""
    counts = {}
    with tf.Graph().as_default():
        for name, attention in (('none', None), ('separable', SeparableAttention), ('full', SelfAttention)):
            network = Generator(16, FRAMES, 1, 8, groups=Groups(attention=attention and {8: attention}))
            make_variables(network, latent_spec(1, 120), label_spec(1))
            counts[name] = int(_count(network))
    width = 4 * 8
    assert counts['separable'] - counts['none'] == 3 * 3 * width**2 + 1
    assert counts['full'] - counts['none'] == 2 * width * width // 8 + 2 * width * width // 2 + 1


@pytest.mark.parametrize('channels', [1, 3])
def test_clip_shape_range_and_type(channels):
    generator = Generator(16, FRAMES, CLASSES, 1, channels)
    clip = generator(tf.random.stateless_normal([2, 120], [0, 1]), tf.constant([0, 2]), training=True)
    assert clip.shape == (2, FRAMES, 16, 16, channels)
    assert clip.dtype == tf.float32
    assert np.abs(clip).max() <= 1


@pytest.fixture(scope='module')
def generator():
    keras.utils.set_random_seed(0)  # of few channels all may be dead in the first frame
    generator = Generator(16, FRAMES, CLASSES, 1)
    make_variables(generator, latent_spec(1, 120), label_spec(1))
    return generator


@pytest.fixture(scope='module')
def latent():
    return tf.random.stateless_normal([3, 120], [1, 2])


def test_nothing_leaks_between_clips(generator, latent):
    labels = tf.constant([0, 1, 2])
    together = generator(latent, labels)
    for row in range(3):
        alone = generator(latent[row : row + 1], labels[row : row + 1])
        np.testing.assert_allclose(together[row], alone[0], atol=1e-5)


def test_a_label_reaches_its_own_clip_and_every_frame_of_it(generator, latent):
    before = generator(latent, tf.constant([0, 1, 2]))
    after = generator(latent, tf.constant([0, 2, 2]))
    changed = np.abs(after - before).max((2, 3, 4))
    np.testing.assert_array_equal(changed[[0, 2]], 0)
    assert (changed[1] > 1e-4).all()


def test_frames_of_training_do_not_depend_on_later_ones(latent):
    """A generator of more frames with the same weights begins with the same frames: causality, and statistics per
    timestep.
    """
    short, long = Generator(16, 3, CLASSES, 1), Generator(16, 5, CLASSES, 1)
    labels = tf.constant([0, 1, 2])
    short(latent, labels), long(latent, labels)
    for first, second in zip(short.trainable_variables, long.trainable_variables):
        second.assign(first)
    for first, second in zip(short.non_trainable_variables, long.non_trainable_variables):
        if first.shape == second.shape:
            second.assign(first)
    np.testing.assert_allclose(
        long(latent, labels, training=True)[:, :3], short(latent, labels, training=True), atol=1e-5
    )


def test_unrolled_equals_looped(generator, latent):
    unrolled = Generator(16, FRAMES, CLASSES, 1, groups=Groups(unroll=True))
    unrolled(latent, tf.constant([0, 1, 2]))
    unrolled.set_weights(generator.get_weights())
    np.testing.assert_allclose(
        unrolled(latent, tf.constant([0, 1, 2])), generator(latent, tf.constant([0, 1, 2])), atol=1e-5
    )


@pytest.mark.parametrize('kind', [SpatialDiscriminator, TemporalDiscriminator])
def test_each_clip_is_judged_alone_with_its_own_label(kind):
    network = kind(16, CLASSES, 1)
    clips, labels = tf.random.stateless_normal([3, FRAMES, 16, 16, 3], [0, 1]), tf.constant([0, 1, 2])
    logits = network(clips, labels)
    assert logits.shape == (3,)
    for row in range(3):
        np.testing.assert_allclose(
            logits[row], network(clips[row : row + 1], labels[row : row + 1])[0], rtol=1e-4, atol=1e-4
        )
    other = network(clips, tf.constant([0, 2, 2]))
    np.testing.assert_allclose(other.numpy()[[0, 2]], logits.numpy()[[0, 2]], rtol=1e-4, atol=1e-4)
    assert abs(other[1] - logits[1]) > 1e-3


def test_spatial_score_is_the_sum_over_frames_in_any_order():
    network = SpatialDiscriminator(16, CLASSES, 1)
    clips, labels = tf.random.stateless_normal([2, FRAMES, 16, 16, 3], [0, 1]), tf.constant([0, 1])
    each = [network(clips[:, frame : frame + 1], labels) for frame in range(FRAMES)]
    np.testing.assert_allclose(network(clips, labels), tf.add_n(each), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(network(clips[:, ::-1], labels), tf.add_n(each), rtol=1e-4, atol=1e-4)


def test_temporal_score_depends_on_the_order_of_frames():
    network = TemporalDiscriminator(16, CLASSES, 1)
    clips, labels = tf.random.stateless_normal([2, FRAMES, 8, 8, 3], [0, 1]), tf.constant([0, 1])
    assert np.abs(network(clips, labels) - network(clips[:, ::-1], labels)).max() > 1e-3


def test_projection_head_against_numpy():
    network = SpatialDiscriminator(16, CLASSES, 1)
    clip, label = tf.random.stateless_normal([1, 1, 16, 16, 3], [0, 1]), tf.constant([2])
    logit = network(clip, label)
    features = clip[:, 0]
    for block in network.blocks:
        features = block(features)
    pooled = np.maximum(features, 0).sum((1, 2))[0]
    weight, table = network.linear.spectral(None).numpy()[:, 0], network.projection.spectral(None).numpy()
    np.testing.assert_allclose(logit[0], pooled @ weight + network.linear.bias[0] + pooled @ table[2], rtol=1e-4)


@pytest.mark.parametrize('pool_time, steps', [(True, 3), (False, 9)])
def test_temporal_pooling_is_an_option(pool_time, steps):
    network = TemporalDiscriminator(16, CLASSES, 1, pool_time)
    make_variables(network, clip_spec(1, 9, 8, 3), label_spec(1))
    assert network._steps(9) == steps


def test_unknown_resolution_is_one_sentence():
    with pytest.raises(InputError, match='RESOLUTION is 48; the networks are defined for 16, 32, 64, 128, 256'):
        Generator(48, FRAMES, CLASSES, 1)


def _predictor():
    return Generator(32, FRAMES, 1, 1, context_frames=2)


def test_context_frames_set_the_state_of_the_conv_gru_of_their_resolution():
    network = _predictor()
    make_variables(network, latent_spec(1, 120), label_spec(1), clip_spec(1, 2, 32, 3))
    states = network.frame_encoder(tf.zeros([2, 2, 32, 32, 3]))
    assert [tuple(state.shape) for state in states] == [(2, 4, 4, 8), (2, 8, 8, 8), (2, 16, 16, 4)]
    assert [state.shape[-1] for state in states] == [group.gru.units for group in network.groups]
    assert [layer.spectral.kernel.shape[2] for layer in network.frame_encoder.states] == [2 * 16, 2 * 8, 2 * 4]


def test_prediction_depends_on_every_context_frame_of_its_own_clip(latent):
    network, labels = _predictor(), tf.zeros([3], tf.int32)
    context = np.random.RandomState(0).uniform(-1, 1, [3, 2, 32, 32, 3]).astype('float32')
    before = network(latent, labels, context)
    assert before.shape == (3, FRAMES, 32, 32, 3)
    for frame in range(2):
        changed = context.copy()
        changed[1, frame] *= -1
        difference = np.abs(network(latent, labels, changed) - before).max((2, 3, 4))
        np.testing.assert_array_equal(difference[[0, 2]], 0)
        assert (difference[1] > 1e-4).all()


def test_prediction_with_classes_is_one_sentence():
    with pytest.raises(
        InputError, match='NUM_CLASSES is 7 with 2 context frames; prediction has no classes: set it to 1'
    ):
        Generator(32, FRAMES, 7, 1, context_frames=2)


_VARIANTS = {
    'attention': {'groups': Groups(attention={8: SeparableAttention})},
    'deep': {'groups': Groups(DeepGeneratorBlock)},
    'no normalisation in blocks': {'groups': Groups(moments=FixedMoments)},
    'no last normalisation': {'last_moments': FixedMoments},
}


@pytest.mark.parametrize('variant', _VARIANTS, ids=str)
def test_variants_of_the_generator_make_clips(variant, latent):
    network = Generator(16, FRAMES, CLASSES, 1, **_VARIANTS[variant])
    assert network(latent, tf.constant([0, 1, 2]), training=True).shape == (3, FRAMES, 16, 16, 3)
    kinds = {type(layer).__name__ for layer in network.submodules}
    assert ('SeparableAttention' in kinds) == (variant == 'attention')
    assert ('DeepGeneratorBlock' in kinds) == (variant == 'deep')
    assert 'TimestepMoments' in kinds
    assert type(network.norm.moments).__name__ == ('FixedMoments' if 'last' in variant else 'TimestepMoments')


@pytest.mark.parametrize(
    'network, size, together',
    [
        (SpatialDiscriminator(16, CLASSES, 1, DeepDiscriminatorBlock, {8: SelfAttention}), 8, 1),
        (TemporalDiscriminator(16, CLASSES, 1, attention={8: SelfAttention}), 8, FRAMES // 2),
        (TemporalDiscriminator(32, CLASSES, 1, False, DeepDiscriminatorBlock, {2: SelfAttention}), 2, FRAMES),
    ],
    ids=lambda value: getattr(value, 'name', value),
)
def test_attention_in_a_discriminator_joins_the_frames_that_it_may(network, size, together):
    shapes = []
    network.attentions[0]._attend = lambda clips, training: shapes.append(clips.shape) or clips
    assert network(tf.zeros([2, FRAMES, 16, 16, 3]), tf.constant([0, 1])).shape == (2,)
    (shape,) = shapes
    assert shape[1:4] == (together, size, size)
    assert shape[0] == 2 * (FRAMES if together == 1 else 1)


def test_attention_where_there_is_no_such_size_is_one_sentence():
    with pytest.raises(InputError, match='at 16 pixels; the generator has it at 4, 8'):
        Generator(16, FRAMES, CLASSES, 1, groups=Groups(attention={16: SelfAttention}))
    judge = SpatialDiscriminator(16, CLASSES, 1, attention={3: SelfAttention})
    with pytest.raises(InputError, match='^attention was .* 3 pixels; spatial_discriminator has features of 8, 4.$'):
        judge(tf.zeros([1, 1, 16, 16, 3]), tf.constant([0]))


@pytest.mark.parametrize('context_frames, given', [(2, None), (2, 3), (0, 1)])
def test_another_context_than_was_asked_for_is_one_sentence(context_frames, given, latent):
    network = Generator(16, FRAMES, 1, 1, context_frames=context_frames)
    context = None if given is None else tf.zeros([3, given, 16, 16, 3])
    with pytest.raises(InputError, match=f'continues {context_frames} frames and was given {given or 0}'):
        network(latent, tf.zeros([3], tf.int32), context)


def test_no_frames_are_no_clip():
    for frames, context in ((0, 1), (2, -1)):
        with pytest.raises(InputError, match=f'{context} context and {frames} generated frames make no clip'):
            Generator(16, frames, 1, 1, context_frames=context)
