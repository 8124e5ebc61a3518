"""Operations and memory read off a graph, against counts by hand."""

import tensorflow as tf

from dvdgan_tf.planning import graph_cost


def _graph(function, *shapes):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    return tf.function(function, autograph=False).get_concrete_function(*specs).graph


def _gradient(function):
    def gradients(*inputs):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            result = function(*inputs)
        return tape.gradient(result, inputs)

    return gradients


def _conv2d(frames, kernel):
    return tf.nn.conv2d(frames, kernel, 2, 'SAME')


def _conv3d(clip, kernel):
    return tf.nn.conv3d(clip, kernel, [1, 1, 2, 2, 1], 'SAME')


def _loop(matrix):
    step = lambda count, value: (count + 1, tf.tanh(tf.matmul(value, matrix)))  # noqa: E731
    return tf.while_loop(lambda count, _: count < 7, step, (0, tf.ones([5, 20])), maximum_iterations=7)[1]


def test_a_multiply_add_counts_as_two():
    assert graph_cost.flops(_graph(tf.matmul, [5, 20], [20, 30])) == 2 * 5 * 20 * 30
    assert graph_cost.flops(_graph(_conv2d, [2, 8, 8, 3], [3, 3, 3, 10])) == 2 * (2 * 4 * 4 * 10) * (3 * 3 * 3)
    conv3d = _graph(_conv3d, [2, 6, 8, 8, 3], [3, 3, 3, 3, 10])
    assert graph_cost.flops(conv3d) == 2 * (2 * 6 * 4 * 4 * 10) * (3 * 3 * 3 * 3)


def test_a_gradient_is_two_more_products_of_the_same_size():
    for function, shapes in [
        (tf.matmul, ([5, 20], [20, 30])),
        (_conv2d, ([2, 8, 8, 3], [3, 3, 3, 10])),
        (_conv3d, ([2, 6, 8, 8, 3], [3, 3, 3, 3, 10])),
    ]:
        forward = graph_cost.flops(_graph(function, *shapes))
        assert graph_cost.flops(_graph(_gradient(function), *shapes)) == 3 * forward


def test_a_loop_counts_as_often_as_it_runs_forwards_and_backwards():
    once = 2 * 5 * 20 * 20
    assert graph_cost.flops(_graph(_loop, [20, 20])) == 7 * once
    assert graph_cost.flops(_graph(_gradient(_loop), [20, 20])) == 3 * 7 * once


def test_bytes_are_those_of_what_a_product_reads_and_writes():
    product = lambda a, b: tf.nn.relu(tf.matmul(a, b))  # noqa: E731
    assert graph_cost.product_bytes(_graph(product, [5, 20], [20, 30])) == 4 * (5 * 20 + 20 * 30 + 5 * 30)
    of_one = 5 * 20 + 20 * 20 + 5 * 20
    assert graph_cost.product_bytes(_graph(_loop, [20, 20])) == 7 * 4 * of_one


def test_results_that_are_needed_later_are_alive_together():
    def chain(value):
        for _ in range(10):
            value = tf.tanh(value)
        return value

    size = 4 * 1000
    assert graph_cost.peak_bytes(_graph(chain, [1000])) <= 3 * size
    # The gradient of tanh needs each of the ten results.
    assert 10 * size <= graph_cost.peak_bytes(_graph(_gradient(chain), [1000])) <= 13 * size


def test_a_loop_keeps_what_its_gradient_needs():
    size = 4 * 5 * 20
    graphs = (_graph(function, [20, 20]) for function in (_loop, _gradient(_loop)))
    without, with_gradient = map(graph_cost.peak_bytes, graphs)
    assert with_gradient >= 2 * 7 * size
    assert without < with_gradient / 2
