"""What a traced function costs: floating-point operations and memory, read off its graph without running it."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf

# Their result is their input, or a variable that is counted elsewhere.
_ALIASES = ('Identity', 'Reshape', 'ExpandDims', 'Squeeze', 'StopGradient', 'ReadVariableOp', 'Const', 'Placeholder')
_WHILE = ('While', 'StatelessWhile')
_ITEM = {'TensorListPushBack': 1, 'TensorListSetItem': 2}  # which input is the item
_CALL = ('PartitionedCall', 'StatefulPartitionedCall')


def flops(graph: tf.Graph) -> int:
    """Counts the floating-point operations of convolutions and matrix products, a multiply-add as 2.

    Args:
        graph: of a concrete function, with static shapes. A loop counts as often as its `maximum_iterations`.

    Returns:
        the operations of one call.
    """
    return sum(times * _products(operation) for operation, times in _operations(graph, 1))


def product_bytes(graph: tf.Graph) -> int:
    """Counts the bytes that convolutions and matrix products read and write, each by itself, as `flops` counts."""
    return sum(
        times * sum(_bytes(tensor) for tensor in (*operation.inputs, *operation.outputs))
        for operation, times in _operations(graph, 1)
        if _products(operation)
    )


def peak_bytes(graph: tf.Graph) -> int:
    """Estimates the most bytes of results that are needed at one time, operations taken in the order of tracing.

    Args:
        graph: of a concrete function, with static shapes.

    Returns:
        bytes, without variables and without the working memory of single operations.
    """
    operations = graph.get_operations()
    root: dict[str, str] = {}
    last_use: dict[str, int] = {}
    for index, operation in enumerate(operations):
        for tensor in operation.inputs:
            last_use[root.get(tensor.name, tensor.name)] = index
        if operation.type in _ALIASES and operation.inputs:
            root[operation.outputs[0].name] = root.get(operation.inputs[0].name, operation.inputs[0].name)
    dying: list[int] = [0] * (len(operations) + 1)
    live = peak = 0
    for index, operation in enumerate(operations):
        for position, tensor in enumerate(operation.outputs):
            size = 0 if operation.type in _ALIASES else _size(graph, operation, position)
            live += size
            dying[last_use.get(tensor.name, index)] += size
        peak = max(peak, live + _inside(graph, operation))
        live -= dying[index]
    return peak


def _operations(graph: tf.Graph, times: int) -> Iterator[tuple[tf.Operation, int]]:
    """Every operation with how often it runs, those inside loops and calls included."""
    for operation in graph.get_operations():
        yield operation, times
        if operation.type in _WHILE:
            yield from _operations(_body(graph, operation, 'body'), times * _trips(operation))
        elif operation.type in _CALL:
            yield from _operations(_body(graph, operation, 'f'), times)


def _products(operation: tf.Operation) -> int:
    """Floating-point operations of one convolution or matrix product, 0 for anything else."""
    kind = operation.type
    if kind in ('Conv2D', 'Conv3D'):
        kernel = operation.inputs[1].shape
        return 2 * operation.outputs[0].shape.num_elements() * kernel[:-1].num_elements()
    if kind in ('Conv2DBackpropInput', 'Conv3DBackpropInputV2'):
        kernel = operation.inputs[1].shape
        return 2 * operation.inputs[2].shape.num_elements() * kernel[:-1].num_elements()
    if kind in ('Conv2DBackpropFilter', 'Conv3DBackpropFilterV2'):
        kernel = operation.outputs[0].shape
        return 2 * operation.inputs[2].shape.num_elements() * kernel[:-1].num_elements()
    if kind in ('MatMul', 'BatchMatMulV2'):
        transposed = operation.get_attr('transpose_a' if kind == 'MatMul' else 'adj_x')
        inner = operation.inputs[0].shape[-2 if transposed else -1]
        return 2 * operation.outputs[0].shape.num_elements() * inner
    return 0


def _size(graph: tf.Graph, operation: tf.Operation, position: int) -> int:
    """Bytes of one result; a list that a loop fills holds what every pass of it pushes."""
    tensor = operation.outputs[position]
    if tensor.dtype == tf.variant and operation.type in _WHILE:
        body = _body(graph, operation, 'body')
        writes = [use for use in body.inputs[position].consumers() if use.type in _ITEM]
        return _trips(operation) * sum(_bytes(use.inputs[_ITEM[use.type]]) for use in writes)
    return _bytes(tensor)


def _bytes(tensor: tf.Tensor) -> int:
    if tensor.dtype in (tf.variant, tf.resource, tf.string):
        return 0
    return (tensor.shape.num_elements() or 0) * tensor.dtype.size


def _inside(graph: tf.Graph, operation: tf.Operation) -> int:
    """What one pass of a loop or a call holds by itself."""
    if operation.type in _WHILE:
        return peak_bytes(_body(graph, operation, 'body'))
    return peak_bytes(_body(graph, operation, 'f')) if operation.type in _CALL else 0


def _body(graph: tf.Graph, operation: tf.Operation, attribute: str) -> tf.Graph:
    return graph._get_function(operation.get_attr(attribute).name).graph


def _trips(operation: tf.Operation) -> int:
    """How often a loop runs: its second input is `maximum_iterations`."""
    return max(1, int(tf.get_static_value(operation.inputs[1])))
