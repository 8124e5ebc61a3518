"""The REST interface, with the paths and statuses of tensorflow_serving/model_servers/http_rest_api_util.cc and
http_server.cc of github.com/tensorflow/serving, and with bounds that those leave to the network before them.
"""

from __future__ import annotations

import http.server
import inspect
import json
import re
import select
import socket
import threading
from typing import NamedTuple

from google.protobuf import json_format
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from stand_in import grpc_services
from stand_in.json_tensors import read_request, write_answer
from stand_in.servable import Code, Refused, Servable, Tally, refuse

_VERSION = r'(?:/versions/(\d+)|/labels/([^/:]+))?'
_PREDICT = re.compile(rf'/v1/models/([^/:]+){_VERSION}:(classify|regress|predict)', re.IGNORECASE)
_STATUS = re.compile(rf'/v1/models/([^/:]+){_VERSION}(/metadata)?', re.IGNORECASE)
_HTTP = {
    Code.INVALID_ARGUMENT: 400,
    Code.FAILED_PRECONDITION: 400,
    Code.OUT_OF_RANGE: 400,
    Code.NOT_FOUND: 404,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.DEADLINE_EXCEEDED: 504,
}
# protobuf 26 renamed it.
_NAMES = ('including_default_value_fields', 'always_print_fields_with_no_presence')
_WITH_DEFAULTS = {name: True for name in inspect.signature(json_format.MessageToJson).parameters if name in _NAMES}
_BUSY = b'HTTP/1.0 503 Service Unavailable\r\nContent-Type: application/json\r\n\r\n{"error": "the server is busy"}'


class Bounds(NamedTuple):
    """most_bytes of a request; most_connections at the same time; seconds within which a request has come, and within
    which an answer has gone.
    """

    most_bytes: int = 1 << 26
    most_connections: int = 64
    read_seconds: float = 10.0
    write_seconds: float = 60.0


class RestServer(http.server.ThreadingHTTPServer):
    """Answers in JSON; a thread each request, as many as there may be connections.

    Args:
        address: host and port, 0 for any.
        servable: what answers.
        tally: counts requests.
        bounds: what a client may ask for.

    Raises:
        OSError: somebody else has the port.
    """

    daemon_threads = False  # so that closing waits for them
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], servable: Servable, tally: Tally, bounds: Bounds) -> None:
        self.servable, self.tally, self.bounds = servable, tally, bounds
        self._places = threading.BoundedSemaphore(bounds.most_connections)
        super().__init__(address, Handler)

    def process_request(self, request: socket.socket, client_address: tuple) -> None:
        """Takes a request, or says that there are too many."""
        if self._places.acquire(blocking=False):
            super().process_request(request, client_address)
            return
        try:
            request.settimeout(1.0)
            request.sendall(_BUSY)
        except OSError:
            pass  # it is gone already
        self.shutdown_request(request)

    def process_request_thread(self, request: socket.socket, client_address: tuple) -> None:
        """Answers a request in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def finish(self) -> None:
        """Stops taking requests, answers those that came before, and waits until they are answered."""
        self.shutdown()
        while select.select([self.socket], [], [], 0)[0]:
            self.handle_request()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no fault of the server's."""


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one request."""

    server: RestServer

    def setup(self) -> None:
        """Gives the client a time within which all of its request has to come."""
        self._late = threading.Timer(self.server.bounds.read_seconds, self._give_up)
        self._late.daemon = True
        self._late.start()
        self.timeout = self.server.bounds.write_seconds
        super().setup()

    def finish(self) -> None:
        """Ends that time."""
        self._late.cancel()
        super().finish()

    def do_GET(self) -> None:  # noqa: N802
        """Status and metadata."""
        self._late.cancel()
        self._answer(self._describe)

    def do_POST(self) -> None:  # noqa: N802
        """Predictions."""
        self._answer(self._predict)

    def log_message(self, *_: object) -> None:
        """Says nothing."""

    def _give_up(self) -> None:
        try:
            self.connection.shutdown(socket.SHUT_RD)
        except OSError:
            pass  # it is closed already

    def _answer(self, make) -> None:
        with self.server.tally:
            try:
                status, content = 200, make()
            except Refused as refused:
                status = _HTTP.get(refused.status, 500)
                content = json.dumps({'error': refused.reason})
            except _TooLarge as error:
                status, content = 413, json.dumps({'error': str(error)})
            except Exception as error:  # a fault of this server ends one request, not the server
                status, content = 500, json.dumps({'error': repr(error)})
            encoded = content.encode()
            self.send_response(status)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(encoded)))
            self.end_headers()
            self.wfile.write(encoded)
            if status == 413:
                self._discard()

    def _discard(self) -> None:
        """Reads what is not wanted until the client has seen the answer, which closing with unread data would lose."""
        self.connection.shutdown(socket.SHUT_WR)
        while self.rfile.read1(1 << 16):
            pass

    def _predict(self) -> str:
        body = self._read_body()
        matched = _PREDICT.fullmatch(self.path)
        if not matched:
            refuse(f'Malformed request: POST {self.path}', _unless_ours(self.path))
        name, version, label, verb = matched.groups()
        servable = self.server.servable
        if verb.lower() != 'predict':
            refuse(f'this model has signatures for predict, and none to {verb.lower()}')
        servable.find(_spec(name, version, label))
        signature, in_rows, inputs = read_request(body, lambda one: servable.inputs_of(one, Code.INVALID_ARGUMENT))
        return json.dumps(write_answer(servable.predict(signature, inputs), in_rows))

    def _describe(self) -> str:
        matched = _STATUS.fullmatch(self.path)
        if not matched:
            refuse(f'Malformed request: GET {self.path}', _unless_ours(self.path))
        name, version, label, metadata = matched.groups()
        spec, servable = _spec(name, version, label), self.server.servable
        if not metadata:
            request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
            answer = grpc_services.status(servable, request)
            return json_format.MessageToJson(answer, **_WITH_DEFAULTS)
        request = get_model_metadata_pb2.GetModelMetadataRequest(model_spec=spec, metadata_field=['signature_def'])
        answer = grpc_services.metadata(servable, request)
        return json_format.MessageToJson(answer, preserving_proto_field_name=True, **_WITH_DEFAULTS)

    def _read_body(self) -> bytes:
        length, most = self.headers.get('Content-Length', ''), self.server.bounds.most_bytes
        if not (length.isascii() and length.isdecimal()) or 'Transfer-Encoding' in self.headers:
            refuse('the request has no Content-Length')
        if int(length[:20]) > most:
            raise _TooLarge(f'the request has {length[:20]} bytes; {most} are allowed')
        body = self.rfile.read(int(length))
        self._late.cancel()
        if len(body) < int(length):
            refuse(f'the request came to {len(body)} of {length} bytes in time')
        return body


class _TooLarge(Exception):
    """A body beyond the bound, which is not read."""


def _spec(name: str, version: str | None, label: str | None) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=name)
    if version is not None:
        if int(version[:20]) >= 1 << 63:
            refuse(f'Failed to convert version: {version} to numeric.')
        spec.version.value = int(version)
    if label is not None:
        spec.version_label = label
    return spec


def _unless_ours(path: str):
    return Code.INVALID_ARGUMENT if path.lower().startswith('/v1/') else Code.NOT_FOUND
