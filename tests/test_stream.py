"""The endless stream: nothing seen twice or lost, the same for any hosts and replicas, resumed by number."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.data import stream
from dvdgan_tf.errors import InputError


def numbers(first_example, global_batch, replica_batch, host_index=0, host_count=1, batches=6):
    def example(number):
        return tf.cast(number, tf.float32), tf.cast(number, tf.int32)

    dataset = stream.training_stream(example, first_example, global_batch, replica_batch, host_index, host_count)
    return np.stack([label.numpy() for _, label in dataset.take(batches)])


def test_one_host_and_one_replica_read_in_order():
    np.testing.assert_array_equal(numbers(0, 4, 4).ravel(), np.arange(24))
    np.testing.assert_array_equal(numbers(8, 4, 4).ravel(), np.arange(8, 32))


@pytest.mark.parametrize('host_count, replica_batch', [(1, 12), (1, 3), (2, 6), (2, 2), (3, 4), (3, 1), (6, 2)])
def test_hosts_and_replicas_share_each_global_batch(host_count, replica_batch):
    global_batch, batches = 12, 4
    rows = global_batch // host_count
    parts = [
        numbers(24, global_batch, replica_batch, host, host_count, batches * rows // replica_batch).reshape(
            batches, rows
        )
        for host in range(host_count)
    ]
    together = np.concatenate(parts, axis=1)
    np.testing.assert_array_equal(together, 24 + np.arange(48).reshape(4, 12))


@pytest.mark.parametrize('arguments', [(0, 10, 4), (0, 12, 4, 0, 2), (0, 0, 1), (0, 4, 0), (-1, 4, 4), (0, 4, 4, 1, 1)])
def test_batches_that_do_not_divide_and_places_that_do_not_exist_are_refused(arguments):
    with pytest.raises(InputError):
        numbers(*arguments)


@pytest.mark.parametrize('num_clips, batch_size', [(1, 4), (8, 4), (9, 4), (3, 1)])
def test_evaluation_delivers_every_clip_once_and_masks_the_rest(num_clips, batch_size):
    def example(number):
        return tf.cast(number, tf.float32) + 1.0, tf.cast(number, tf.int32) + 1

    batches = list(stream.evaluation_pass(example, num_clips, batch_size))
    assert all(len(part) == batch_size for batch in batches for part in batch)
    clips, labels, valid = (np.concatenate([batch[part] for batch in batches]) for part in range(3))
    np.testing.assert_array_equal(labels[valid], np.arange(num_clips) + 1)
    assert valid.sum() == num_clips and not clips[~valid].any() and not labels[~valid].any()
    with pytest.raises(InputError):
        stream.evaluation_pass(example, num_clips, 0)


def test_seeds_differ_by_every_part():
    parts = [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (2**40, 0, 0), (0, 0, 2**40)]
    seeds = {tuple(stream.stateless_seed(*part).numpy()) for part in parts}
    assert len(seeds) == len(parts)
