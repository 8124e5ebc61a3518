"""Strategies: which there are, and how they share a batch."""

import numpy as np
import pytest
import tensorflow as tf

from dvdgan_tf.distribute import strategy
from dvdgan_tf.errors import InputError


def test_an_unknown_strategy_is_refused_with_those_that_exist():
    with pytest.raises(InputError, match="'pod'; choose one of one_device, mirrored"):
        strategy.make_strategy('pod')


def test_mirrored_takes_every_cpu_where_there_is_no_gpu_and_says_so(caplog):
    mirrored = strategy.make_strategy('mirrored')
    assert mirrored.num_replicas_in_sync == 4
    assert 'no GPU, so it runs on 4 logical CPU' in caplog.text


@pytest.mark.parametrize('global_batch', [6, 0])
def test_a_batch_that_cannot_be_shared_is_refused(global_batch):
    with pytest.raises(InputError, match=f'global batch is {global_batch}; choose a multiple of the 4'):
        strategy.replica_batch(strategy.make_strategy('mirrored'), global_batch)


def test_replicas_get_consecutive_parts_of_each_global_batch():
    mirrored = strategy.make_strategy('mirrored')
    batches = iter(strategy.distribute(mirrored, lambda rows, host, hosts: tf.data.Dataset.range(80).batch(rows), 8))
    for first in (0, 8):
        parts = mirrored.experimental_local_results(next(batches))
        assert [list(part.numpy()) for part in parts] == np.arange(first, first + 8).reshape(4, 2).tolist()


def test_sums_over_replicas():
    mirrored = strategy.make_strategy('mirrored')

    @tf.function
    def sums():
        values = mirrored.run(lambda: {'one': tf.constant(1.0)})
        return strategy.sum_over_replicas(mirrored, values)

    assert float(sums()['one']) == 4.0


def test_a_driver_without_a_gpu_is_said_unless_gpus_are_hidden(monkeypatch, tmp_path, caplog):
    (tmp_path / 'version').touch()
    monkeypatch.setattr(strategy, '_DRIVER', str(tmp_path / 'version'))
    monkeypatch.setenv('CUDA_VISIBLE_DEVICES', '-1')
    strategy.make_strategy('one_device')
    assert not caplog.text
    monkeypatch.delenv('CUDA_VISIBLE_DEVICES')
    strategy.make_strategy('one_device')
    assert 'finds no GPU and takes the CPU: pip install "dvdgan_tf[cuda]"' in caplog.text
