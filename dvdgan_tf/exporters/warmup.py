"""Requests that TensorFlow Serving runs before it takes a model into service."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from dvdgan_tf.errors import InputError

PLACE = 'assets.extra/tf_serving_warmup_requests'


def write_warmup(folder: str, requests: dict[str, np.ndarray]) -> None:
    """Writes requests beside a SavedModel, where the server looks for them.

    Args:
        folder: the version folder.
        requests: arrays `signature/input/batch`; one request for each signature and batch, at most 1000.

    Raises:
        InputError: the server's protocol buffers are not installed.
    """
    try:
        from tensorflow_serving.apis import predict_pb2, prediction_log_pb2
    except ImportError as error:
        raise InputError('a SavedModel needs tensorflow-serving-api; pip install "dvdgan_tf[serving]".') from error
    logs = {}
    for name, value in requests.items():
        signature, argument, batch = name.split('/')
        request = logs.setdefault((signature, batch), predict_pb2.PredictRequest())
        request.model_spec.signature_name = signature
        request.inputs[argument].CopyFrom(tf.make_tensor_proto(value))
    tf.io.gfile.makedirs(f'{folder}/assets.extra')
    with tf.io.TFRecordWriter(f'{folder}/{PLACE}') as writer:
        for request in logs.values():
            log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
            writer.write(log.SerializeToString())
