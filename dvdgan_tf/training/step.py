"""One training step: two updates of the discriminators, then one of the generator (paper 2.2, 3.1, B.3, B.4).

The step runs in replica context and does no input or output. Every random number is a pure function of (seed, step, row
of the global batch), so a resumed run repeats the original and the number of replicas changes nothing.

Differences from the paper: none by default; `losses.GridCell` is of its descendant DGMR. Not stated there [inferred]:
the two discriminators' losses have equal weight; labels of generated clips are uniform over the classes; real and
generated clips are judged in one pass.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator, Sequence
from typing import Callable

import tensorflow as tf
import tf_keras as keras

from dvdgan_tf import losses
from dvdgan_tf.errors import InputError
from dvdgan_tf.layers import state
from dvdgan_tf.losses import GridCell
from dvdgan_tf.models.discriminator_inputs import DiscriminatorInputs
from dvdgan_tf.models.networks import Networks
from dvdgan_tf.models.variables import clip_spec, generator_specs, label_spec, make_variables
from dvdgan_tf.training.ema import ExponentialMovingAverage, MovingAverage, averaged_copy
from dvdgan_tf.training.optimizer import ScaledOptimizer, accumulated

Batch = tuple[tf.Tensor, tf.Tensor]
Metrics = dict[str, tf.Tensor]
_DRAWS_PER_STEP = 64
_MOST_SAMPLES = _DRAWS_PER_STEP // 5  # of at most five draws each: latent, label, augmentation, frames, place of phi


class GanStep(tf.Module):
    """The networks, their optimizers, the average of the generator, and the step that trains them.

    Make it inside `strategy.scope()`; call it in replica context.

    Args:
        networks: make the networks (the generator twice, the second time for its average).
        generator_optimizer: makes G's optimizer; the paper's is Adam, learning rate 1e-4, beta1 0, beta2 0.999.
        discriminator_optimizer: makes the optimizer of both discriminators; the paper's learning rate is 5e-4.
        global_batch: clips per update over all replicas.
        seed: of every random number.
        discriminator_inputs: what D_S and D_T see of a clip.
        discriminator_updates: updates of D per update of G.
        micro_batches: parts in which a replica goes through its share of a batch, one after the other, to save memory;
            the generator normalises by the moments of a part of all replicas.
        grid_cell: for prediction, how G is kept near the truth besides; None, as in the paper, for not at all.
        moving_average: how the average of the generator follows it.

    Attributes:
        shares: clips, any shape, to shares of the range of their numbers, of which spectra are taken; to be set before
            the first step where these are no pictures.
    """

    def __init__(
        self,
        *,
        networks: Networks,
        generator_optimizer: Callable[[], keras.optimizers.Optimizer],
        discriminator_optimizer: Callable[[], keras.optimizers.Optimizer],
        global_batch: int,
        seed: int,
        discriminator_inputs: DiscriminatorInputs = DiscriminatorInputs(),
        discriminator_updates: int = 2,
        micro_batches: int = 1,
        grid_cell: GridCell | None = None,
        moving_average: MovingAverage = MovingAverage(),
    ) -> None:
        super().__init__()
        self.global_batch = global_batch
        self.seed = seed
        self.discriminator_inputs = discriminator_inputs
        self.discriminator_updates = discriminator_updates
        self.micro_batches = micro_batches
        self.grid_cell = grid_cell
        self.shares: Callable[[tf.Tensor], tf.Tensor] = lambda clip: (clip + 1.0) / 2.0
        self.step = tf.Variable(
            0, trainable=False, dtype=tf.int64, aggregation=tf.VariableAggregation.ONLY_FIRST_REPLICA
        )
        self.generator = networks.generator()
        self.ema_generator = averaged_copy(networks.generator)
        self.spatial = networks.spatial_discriminator()
        self.temporal = networks.temporal_discriminator()
        self._check_sizes()
        self._make_variables()
        discriminator_variables = self.spatial.trainable_variables + self.temporal.trainable_variables
        self._generator_optimizer = ScaledOptimizer(generator_optimizer(), self.generator.trainable_variables)
        self._discriminator_optimizer = ScaledOptimizer(discriminator_optimizer(), discriminator_variables)
        self.generator_optimizer = self._generator_optimizer.optimizer
        self.discriminator_optimizer = self._discriminator_optimizer.optimizer
        self._average = ExponentialMovingAverage(self.generator, self.ema_generator, moving_average)
        for average, value in zip(self.ema_generator.variables, self.generator.variables):
            average.assign(value)

    @property
    def batches_per_step(self) -> int:
        """Global batches of real clips in a step: one per update of D, and in prediction one for G's contexts."""
        return self.discriminator_updates + (1 if self.generator.context_frames else 0)

    @property
    def reported(self) -> tuple[str, ...]:
        """The names of what a step returns."""
        networks = 'generator', 'spatial', 'temporal'
        return (
            *(f'{what}/{network}' for what in ('loss', 'gradient_norm') for network in networks),
            *(f'logits/{network}_{kind}' for network in networks[1:] for kind in ('real', 'fake')),
            *(('loss/grid_cell',) if self.grid_cell else ()),
            *(('loss/spectrum',) if self.grid_cell and self.grid_cell.spectrum_weight else ()),
        )

    @contextlib.contextmanager
    def learning_rates_kept(self) -> Iterator[None]:
        """Learning rates are after the block as before it: restoring a checkpoint may bring those of an earlier run."""
        optimizers = self._generator_optimizer, self._discriminator_optimizer
        rates = [optimizer.learning_rate for optimizer in optimizers]
        yield
        for optimizer, rate in zip(optimizers, rates):
            optimizer.learning_rate = rate

    def __call__(self, batches: Sequence[Batch]) -> Metrics:
        """Trains on `batches_per_step` batches (clip `[b, T, H, W, C]`, label `[b]`), b the replica's share of the
        global batch.

        Returns: scalars whose sum over the replicas is the value for the global batch, D's those of its last update.
        """
        metrics: Metrics = {}
        update_discriminators = self._traced_once(self.update_discriminators)
        for update in range(self.discriminator_updates):
            metrics.update(update_discriminators(batches[update], tf.constant(update, tf.int64)))
        metrics.update(self.update_generator(batches[-1]))
        self._average.update(tf.convert_to_tensor(self.step))
        self.step.assign_add(1)
        return metrics

    def update_discriminators(self, batch: Batch, update: int | tf.Tensor) -> Metrics:
        """One update of D_S and D_T; nothing of G changes."""
        of_part = functools.partial(self._discriminator_gradients, batch, update)
        gradients, metrics = accumulated(self.micro_batches, of_part)
        gradients = self._discriminator_optimizer.apply(gradients)
        count = len(self.spatial.trainable_variables)
        return {
            **metrics,
            'gradient_norm/spatial': _share(tf.linalg.global_norm(gradients[:count])),
            'gradient_norm/temporal': _share(tf.linalg.global_norm(gradients[count:])),
        }

    def update_generator(self, batch: Batch) -> Metrics:
        """One update of G; nothing of D_S and D_T changes."""
        gradients, metrics = accumulated(self.micro_batches, functools.partial(self._generator_gradients, batch))
        gradients = self._generator_optimizer.apply(gradients)
        return {**metrics, 'gradient_norm/generator': _share(tf.linalg.global_norm(gradients))}

    def _traced_once(self, update: Callable[..., Metrics]) -> Callable[..., Metrics]:
        """The same as a function of the graph that is traced, however often it is called.

        Replicas that meet inside an update may do so in no function of their own, and without a graph there is none.
        """
        if tf.executing_eagerly() or tf.distribute.get_strategy().num_replicas_in_sync > 1:
            return update
        return tf.function(update, autograph=False, experimental_attributes={'_noinline': True})

    def _discriminator_gradients(
        self, batch: Batch, update: int | tf.Tensor, part: int
    ) -> tuple[list[tf.Tensor], Metrics]:
        """Gradients of D_S and D_T, and what is reported, for one micro-batch."""
        clip, label = self._part(batch, part)
        draws = _Draws(self, update, part)
        if self.generator.context_frames:
            label = tf.zeros_like(label)  # "settling the class id of all samples to 0" (paper B.4)
        with state.collected():
            fake, fake_label = self._generate(clip, draws)
        real = self._seen(clip, draws)
        fake = self._seen(self._with_context(clip, fake), draws)
        labels = tf.concat([label, fake_label], 0)
        optimizer = self._discriminator_optimizer
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(optimizer.variables)
            logits = {
                name: tf.split(network(tf.concat([real[name], fake[name]], 0), labels, training=True), 2)
                for name, network in self._discriminators()
            }
            each = {name: self._mean(losses.discriminator_hinge(*pair)) for name, pair in logits.items()}
            scaled = optimizer.scaled(tf.add_n(list(each.values())))
        metrics = {}
        for name, (real_logits, fake_logits) in logits.items():
            metrics[f'loss/{name}'] = each[name]
            metrics[f'logits/{name}_real'] = self._mean(real_logits)
            metrics[f'logits/{name}_fake'] = self._mean(fake_logits)
        return tape.gradient(scaled, optimizer.variables), metrics

    def _generator_gradients(self, batch: Batch, part: int) -> tuple[list[tf.Tensor], Metrics]:
        """Gradients of G, and what is reported, for one micro-batch."""
        clip, _ = self._part(batch, part)
        draws = _Draws(self, self.discriminator_updates, part)
        optimizer = self._generator_optimizer
        metrics: Metrics = {}
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(optimizer.variables)
            count = self.grid_cell.samples if self.grid_cell else 1
            samples = [self._generate(clip, draws) for _ in range(count)]
            loss = tf.add_n([self._adversarial_loss(clip, fake, label, draws) for fake, label in samples]) / count
            if self.grid_cell:
                fakes, truth = [fake for fake, _ in samples], clip[:, self.generator.context_frames :]
                metrics['loss/grid_cell'] = self._mean(losses.grid_cell(fakes, truth))
                loss += self.grid_cell.weight_at(tf.convert_to_tensor(self.step)) * metrics['loss/grid_cell']
                if self.grid_cell.spectrum_weight:
                    *made, came = map(self.shares, [*fakes, truth])
                    metrics['loss/spectrum'] = self._mean(losses.spectrum(made, came))
                    loss += self.grid_cell.spectrum_weight * metrics['loss/spectrum']
            scaled = optimizer.scaled(loss)
        return tape.gradient(scaled, optimizer.variables), {**metrics, 'loss/generator': loss}

    def _adversarial_loss(self, clip: tf.Tensor, fake: tf.Tensor, label: tf.Tensor, draws: _Draws) -> tf.Tensor:
        """G's hinge loss of generated clips."""
        seen = self._seen(self._with_context(clip, fake), draws)
        logits = [network(seen[name], label, training=False) for name, network in self._discriminators()]
        return self._mean(losses.generator_hinge(tf.add_n(logits)))

    def _part(self, batch: Batch, number: int) -> Batch:
        """The micro-batch of this number."""
        return tuple(tf.split(rows, self.micro_batches)[number] for rows in batch)

    def _generate(self, clip: tf.Tensor, draws: _Draws) -> Batch:
        """As many clips as in `clip`, of fresh latents and uniform labels; in prediction they continue its context."""
        latent = draws.normal([self.generator.latent_size])
        label = tf.cast(draws.uniform([]) * self.generator.num_classes, tf.int32)
        context = clip[:, : self.generator.context_frames] if self.generator.context_frames else None
        fake = self.generator(latent, label, context, training=True)
        return self.discriminator_inputs.filled(fake, clip[:, self.generator.context_frames :]), label

    def _with_context(self, clip: tf.Tensor, fake: tf.Tensor) -> tf.Tensor:
        context_frames = self.generator.context_frames
        return tf.concat([clip[:, :context_frames], fake], 1) if context_frames else fake

    def _seen(self, clip: tf.Tensor, draws: _Draws) -> dict[str, tf.Tensor]:
        return self.discriminator_inputs.seen(clip, self.generator.context_frames, draws.uniform)

    def _discriminators(self) -> list[tuple[str, keras.Model]]:
        return [('spatial', self.spatial), ('temporal', self.temporal)]

    def _mean(self, values: tf.Tensor) -> tf.Tensor:
        """This replica's part of the mean over the global batch."""
        return tf.reduce_sum(values) / self.global_batch

    def _check_sizes(self) -> None:
        self.discriminator_inputs.check(self.generator.num_frames, self.generator.context_frames)
        if self.grid_cell and not self.generator.context_frames:
            raise InputError('grid_cell compares predictions with the truth; synthesis has none: set it to None.')
        if self.grid_cell and self.grid_cell.samples > _MOST_SAMPLES:
            raise InputError(f'grid cell samples are {self.grid_cell.samples}; choose 1 to {_MOST_SAMPLES}.')
        replicas = tf.distribute.get_strategy().num_replicas_in_sync
        if min(self.micro_batches, self.global_batch) < 1 or self.global_batch % (replicas * self.micro_batches):
            raise InputError(
                f'the global batch is {self.global_batch} and micro_batches {self.micro_batches}; make the batch a '
                f'multiple of {replicas} replica(s) x micro_batches.'
            )

    def _make_variables(self) -> None:
        generator = self.generator
        clip = clip_spec(
            1, generator.context_frames + generator.num_frames, generator.resolution, generator.video_channels
        )
        for network in (generator, self.ema_generator):
            make_variables(network, *generator_specs(network))

        def seen(clip: tf.Tensor) -> dict[str, tf.Tensor]:
            return self.discriminator_inputs.seen(clip, generator.context_frames, lambda shape: tf.zeros([1, *shape]))

        inputs = tf.function(seen, autograph=False).get_concrete_function(clip).structured_outputs
        for name, network in self._discriminators():
            make_variables(network, inputs[name], label_spec(1))


class _Draws:
    """Random numbers of one micro-batch: each call draws afresh, for its rows of the global batch."""

    def __init__(self, step: GanStep, update: int | tf.Tensor, part: int) -> None:
        self._rows = step.global_batch
        self._part, self._parts = part, step.micro_batches
        self._seed = step.seed
        first = (step.discriminator_updates + 1) * tf.convert_to_tensor(step.step) + update
        self._next = first * _DRAWS_PER_STEP

    def normal(self, shape: Sequence[int]) -> tf.Tensor:
        """`[b, *shape]` ~ N(0, 1)."""
        return self._mine(tf.random.stateless_normal([self._rows, *shape], self._fresh_seed()))

    def uniform(self, shape: Sequence[int]) -> tf.Tensor:
        """`[b, *shape]` in [0, 1)."""
        return self._mine(tf.random.stateless_uniform([self._rows, *shape], self._fresh_seed()))

    def _fresh_seed(self) -> tf.Tensor:
        self._next += 1
        return tf.stack([tf.constant(self._seed, tf.int64), self._next])

    def _mine(self, rows: tf.Tensor) -> tf.Tensor:
        """The micro-batch's rows: replicas have consecutive parts of the batch, micro-batches of their replica's."""
        context = tf.distribute.get_replica_context()
        count = self._rows // (context.num_replicas_in_sync * self._parts)
        first = (context.replica_id_in_sync_group * self._parts + self._part) * count
        return tf.slice(rows, [first] + [0] * (len(rows.shape) - 1), [count, *rows.shape[1:]])


def _share(value: tf.Tensor) -> tf.Tensor:
    """A value that every replica holds, divided so that the sum over replicas is the value."""
    return value / tf.distribute.get_replica_context().num_replicas_in_sync
