#!/usr/bin/env python3
"""A small stand-in for TensorFlow Serving: local_server.py exported/1606

It speaks the same gRPC and REST protocols for Predict, with the same protocol buffers and statuses, from the SavedModel
alone. It is for trying and testing clients where no server binary can be had; it neither batches nor reloads.
"""

import argparse
import concurrent.futures
import http.server
import json
import signal
import sys
import threading

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

MODEL = 'dvdgan'
MAX_MESSAGE_BYTES = 1 << 28


class Refused(Exception):
    """A request that cannot be answered.

    Args:
      status: a gRPC status code.
      reason: what to tell the client.
    """

    def __init__(self, status: grpc.StatusCode, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


class Servable:
    """A SavedModel and its signatures.

    Args:
      folder: the version folder.
    """

    def __init__(self, folder: str) -> None:
        self._signatures = tf.saved_model.load(folder).signatures

    def predict(self, model: str, signature: str, inputs: dict) -> dict:
        """Name to array, to name to array.

        Raises:
          Refused: there is no such model or signature, or it cannot answer these inputs.
        """
        if model != MODEL:
            raise Refused(grpc.StatusCode.NOT_FOUND, f'Servable not found for request: Latest({model})')
        if signature not in self._signatures:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f'Serving signature key "{signature}" not found.')
        function = self._signatures[signature]
        specs = {spec.name: spec for spec in function.structured_input_signature[1].values()}
        if set(inputs) != set(specs):
            reason = f'input must hold {", ".join(sorted(specs))}, not {", ".join(sorted(inputs))}'
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, reason)
        try:
            # As arrays may come from JSON, they take the type that the signature wants.
            fed = {name: tf.constant(np.asarray(value), specs[name].dtype) for name, value in inputs.items()}
            return {name: value.numpy() for name, value in function(**fed).items()}
        except (tf.errors.InvalidArgumentError, TypeError, ValueError) as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, str(getattr(error, 'message', error))) from error


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """The gRPC service.

    Args:
      servable: what answers.
    """

    def __init__(self, servable: Servable) -> None:
        self._servable = servable

    def Predict(self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext):  # noqa: N802
        """Answers one request."""
        signature = request.model_spec.signature_name or 'serving_default'
        try:
            inputs = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
            outputs = self._servable.predict(request.model_spec.name, signature, inputs)
        except Refused as refused:
            context.abort(refused.status, refused.reason)
        except (TypeError, ValueError) as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, f'a tensor cannot be read: {error}')
        response = predict_pb2.PredictResponse()
        response.model_spec.name = MODEL
        response.model_spec.signature_name = signature
        for name, value in outputs.items():
            response.outputs[name].CopyFrom(tf.make_tensor_proto(value))
        return response


def rest_handler(servable: Servable) -> type:
    """The class of an HTTP server's handlers: POST /v1/models/dvdgan:predict with a body of columns or rows."""

    class Handler(http.server.BaseHTTPRequestHandler):
        """Answers in JSON."""

        def do_POST(self) -> None:  # noqa: N802
            """Answers one request."""
            try:
                status, answer = 200, self._answer()
            except Refused as refused:
                status = {grpc.StatusCode.NOT_FOUND: 404}.get(refused.status, 400)
                answer = {'error': refused.reason}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _answer(self) -> dict:
            path, _, verb = self.path.rpartition(':')
            if verb != 'predict' or not path.startswith('/v1/models/'):
                raise Refused(grpc.StatusCode.NOT_FOUND, f'Malformed request: POST {self.path}')
            try:
                body = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                rows = body.get('instances')
                inputs = body['inputs'] if rows is None else {name: [row[name] for row in rows] for name in rows[0]}
                inputs = dict(inputs)
            except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f'JSON Parse error: {error!r}') from error
            signature = body.get('signature_name', 'serving_default')
            outputs = servable.predict(path[len('/v1/models/') :], signature, inputs)
            outputs = {name: value.tolist() for name, value in outputs.items()}
            (only,) = outputs.values()
            return {'predictions': only} if rows is not None else {'outputs': only}

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', help='A version folder.')
    parser.add_argument('--port', type=int, default=8500, help='gRPC; 0 for any.')
    parser.add_argument('--rest_port', type=int, default=8501, help='REST; 0 for any.')
    parser.add_argument('--threads', type=int, default=8, help='Requests that are answered at the same time.')
    arguments = parser.parse_args()
    servable = Servable(arguments.folder)
    limits = [('grpc.max_receive_message_length', MAX_MESSAGE_BYTES)]
    server = grpc.server(concurrent.futures.ThreadPoolExecutor(arguments.threads), options=limits)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionService(servable), server)
    port = server.add_insecure_port(f'localhost:{arguments.port}')
    rest = http.server.ThreadingHTTPServer(('localhost', arguments.rest_port), rest_handler(servable))
    threading.Thread(target=rest.serve_forever, daemon=True).start()
    server.start()
    print(f'gRPC on localhost:{port}, REST on localhost:{rest.server_port}', flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.wait_for_termination()
    except KeyboardInterrupt:
        pass
    finally:
        server.stop(1)


if __name__ == '__main__':
    main()
