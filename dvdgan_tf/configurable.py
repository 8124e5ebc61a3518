"""What a configuration may name without being code: the classes and functions that this package makes configurable.

`bin/train` takes any gin file, which is code like a program's own. The configuration saved in a run folder may come
from someone else: it is data, and names nothing else, unless the user trusts it (docs/security.md).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dvdgan_tf.errors import InputError

# Module -> what of it an experiment may bind. Making one of these reads files at most, and writes none.
NAMES = {
    'dvdgan_tf.losses': ('GridCell',),
    'dvdgan_tf.models': (
        *('Networks', 'Generator', 'Groups', 'SpatialDiscriminator', 'TemporalDiscriminator', 'DiscriminatorInputs'),
    ),
    'dvdgan_tf.models.discriminator_inputs': (
        *('identity', 'average_pool_2x2', 'average_pool_4x4', 'random_half_crop'),
    ),
    'dvdgan_tf.layers.attention': ('SelfAttention', 'SeparableAttention'),
    'dvdgan_tf.layers.residual': ('GeneratorBlock', 'DiscriminatorBlock'),
    'dvdgan_tf.layers.deep_residual': ('DeepGeneratorBlock', 'DeepDiscriminatorBlock'),
    'dvdgan_tf.layers.moments': (
        *('InstanceMoments', 'LayerMoments', 'GroupMoments', 'FixedMoments', 'TimestepMoments', 'AllFrameMoments'),
    ),
    'dvdgan_tf.data.pipeline': ('RecordClips', 'Field'),
    'dvdgan_tf.data.synthetic': ('SyntheticClips',),
    'dvdgan_tf.evaluation.during_training': ('ProtocolScores',),
    'dvdgan_tf.training.augmentation': ('DifferentiableAugmentation',),
    'dvdgan_tf.training.ema': ('MovingAverage',),
    'dvdgan_tf.training.health': ('Health',),
    'dvdgan_tf.training.loop': ('train',),
    'dvdgan_tf.training.schedule': ('Checkpoints', 'Previews'),
    'dvdgan_tf.training.step': ('GanStep',),
    'gin.config': (),  # imported, and nothing of it named, where a binding gave a required macro its value
    'tf_keras.optimizers': (
        *('Adadelta', 'Adafactor', 'Adagrad', 'Adam', 'AdamW', 'Adamax', 'Ftrl', 'Lion', 'Nadam', 'RMSprop', 'SGD'),
    ),
    'tf_keras.optimizers.schedules': (
        *('CosineDecay', 'CosineDecayRestarts', 'ExponentialDecay', 'InverseTimeDecay'),
        *('PiecewiseConstantDecay', 'PolynomialDecay'),
    ),
}
_DYNAMIC = '__gin__.dynamic_registration'


def check_is_data(statements: Iterable, path: str) -> None:
    """Stops at the first name that is not configurable, and at includes, before anything is imported or called.

    Args:
        statements: of the configuration, as gin's parser gives them, references as objects with a `selector`.
        path: the configuration's, for the message.

    Raises:
        InputError: it names something else.
    """
    modules: dict[str, str] = {}
    for statement in statements:
        kind = type(statement).__name__
        if kind == 'ImportStatement':
            if statement.module not in (*NAMES, _DYNAMIC):
                raise _refusal(path, f'imports {statement.module}')
            name = statement.module.rpartition('.')[2] if statement.is_from else statement.module
            modules[statement.alias or name] = statement.module
        elif kind == 'IncludeStatement':
            raise _refusal(path, f'includes {statement.filename!r}')
        elif kind == 'BindingStatement':
            named = [statement.selector] if statement.arg_name else []
            for selector in (*named, *_called(statement.value)):
                module, _, name = selector.rpartition('.')
                if name not in NAMES.get(modules.get(module, ''), ()):
                    raise _refusal(path, f'names {selector}')
        else:
            raise _refusal(path, f'has a {kind}')


def references_in(value: object) -> Iterator:
    """The references in a parsed value, however deep."""
    if isinstance(value, dict):
        yield from references_in([*value, *value.values()])
    elif isinstance(value, (list, tuple)) and not hasattr(value, 'selector'):
        for item in value:
            yield from references_in(item)
    elif hasattr(value, 'selector'):
        yield value


def _called(value: object) -> Iterator[str]:
    """What a value refers to, macros aside: those are values that the configuration itself gives."""
    return (reference.selector for reference in references_in(value) if not reference.written.startswith('%'))


def _refusal(path: str, what: str) -> InputError:
    return InputError(
        f'{path} {what}, which is not among what this package makes configurable, so opening it could run code of '
        'whoever wrote it; add --trust (in Python trust=True) if you trust them.'
    )
