#!/usr/bin/env python3
"""A small stand-in for TensorFlow Serving: local_server.py exported

It speaks the same gRPC and REST protocols with the same protocol buffers and statuses, from the SavedModel alone, and
listens to this machine only. It is for trying and testing clients where no server binary can be had; it neither batches
nor reloads. SIGTERM lets it answer what it accepted, then it tells how many that were.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import signal
import sys
import threading
from collections.abc import Sequence

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import grpc  # noqa: E402
from stand_in import grpc_services, rest  # noqa: E402
from stand_in.servable import Servable, Tally  # noqa: E402

HOST = '127.0.0.1'
GRACE_SECONDS = 60.0  # for requests that were accepted
WAKING_SECONDS = 0.2
LAST_SECONDS = 2.0  # for telling clients that nobody is there any more


class Server:
    """Both services, started.

    Args:
        servable: what answers.
        port: of gRPC, 0 for any.
        rest_port: of REST, 0 for any.
        bounds: what a client may ask for.

    Raises:
        OSError: somebody else has a port.
    """

    def __init__(self, servable: Servable, port: int, rest_port: int, bounds: rest.Bounds) -> None:
        self.tally = Tally()
        self._rest = rest.RestServer((HOST, rest_port), servable, self.tally, bounds)
        options = [('grpc.max_receive_message_length', bounds.most_bytes), ('grpc.so_reuseport', 0)]
        self._grpc = grpc.server(
            concurrent.futures.ThreadPoolExecutor(bounds.most_connections),
            options=options,
            maximum_concurrent_rpcs=bounds.most_connections,
        )
        grpc_services.add_services(self._grpc, servable, self.tally, bounds.most_bytes)
        try:
            self.port, self.rest_port = self._grpc.add_insecure_port(f'{HOST}:{port}'), self._rest.server_port
        except RuntimeError as error:
            self._rest.server_close()
            raise OSError(f'port {port} is taken') from error
        self._grpc.start()
        threading.Thread(target=self._rest.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Takes no more requests and waits for those that were accepted."""
        self._rest.finish()
        # Closed before gRPC stops: what comes while it stops may be cancelled without an answer, or keep it waiting.
        self.tally.close(GRACE_SECONDS)
        self._grpc.stop(LAST_SECONDS).wait()


def main(words: Sequence[str] | None = None) -> None:
    parser = make_parser()
    arguments = parser.parse_args(words)
    if min(arguments.threads, arguments.max_connections, arguments.max_bytes) < 1 or not arguments.seconds > 0:
        parser.error('--threads, --max_connections, --max_bytes and --seconds must be above 0.')
    try:
        servable = Servable(arguments.folder, arguments.model, arguments.threads, arguments.seconds)
        bounds = rest.Bounds(arguments.max_bytes, arguments.max_connections)
        server = Server(servable, arguments.port, arguments.rest_port, bounds)
    except ValueError as error:
        parser.error(f'{error}.')
    except (OSError, OverflowError) as error:
        parser.error(f'cannot listen on ports {arguments.port} and {arguments.rest_port} ({error}); choose others.')
    told = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: told.set())
    print(
        f'version {servable.version} of {servable.name}: gRPC on {HOST}:{server.port}, '
        f'REST on {HOST}:{server.rest_port}',
        flush=True,
    )
    while not told.wait(WAKING_SECONDS):
        pass  # a signal that another thread receives is handled when this one wakes
    server.stop()
    print(f'accepted {server.tally.accepted} requests and answered {server.tally.answered}', flush=True)


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', help='What bin/export --format=savedmodel wrote, or one version of it.')
    parser.add_argument('--model', default='dvdgan', help='Its name for clients.')
    parser.add_argument('--port', type=int, default=8500, help='gRPC; 0 for any.')
    parser.add_argument('--rest_port', type=int, default=8501, help='REST; 0 for any.')
    processors = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count() or 1
    parser.add_argument('--threads', type=int, default=processors, help='Requests that run at the same time.')
    parser.add_argument('--seconds', type=float, default=30.0, help='After which a waiting request is given up.')
    parser.add_argument('--max_connections', type=int, default=64, help='At the same time, of each service.')
    parser.add_argument('--max_bytes', type=int, default=1 << 26, help='Of a request.')
    return parser


if __name__ == '__main__':
    main()
