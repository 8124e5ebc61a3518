"""How every script in bin/ and export/ starts and ends."""

import importlib
import logging
import os
import sys
from typing import Callable, Optional, Sequence

from absl import app, flags
from absl import logging as absl_logging

from dvdgan_tf.errors import EXIT_PEER_LOST, InputError, PeerLost

EXIT_INPUT_ERROR = 2
EXIT_INTERRUPTED = 130


def run_program(name: str) -> None:
    """Runs a module of `programs` as the main program: --help shows its flags, and its `main` is called."""
    program = importlib.import_module(f'dvdgan_tf.programs.{name}')
    for flag in flags.FLAGS.get_key_flags_for_module(program):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules['__main__'].__doc__ = program.__doc__
    run(program.main)


def run(main: Callable[[Sequence[str]], Optional[int]]) -> None:
    """Parses absl flags, calls `main(argv)` and exits with its return value (None is 0).

    An `InputError` or a damaged record becomes one line on stderr and exit status 2, a lost peer 75, Ctrl-C 130. Other
    exceptions keep their traceback.
    """

    def guarded(argv: Sequence[str]) -> int:
        if len(argv) > 1:
            print(f'error: unexpected arguments {argv[1:]}; every option is a --flag=value.', file=sys.stderr)
            return EXIT_INPUT_ERROR
        try:
            return main(argv) or 0
        except InputError as error:
            print(f'error: {error}', file=sys.stderr)
            return EXIT_INPUT_ERROR
        except PeerLost as error:
            print(f'error: {error}', file=sys.stderr)
            return EXIT_PEER_LOST
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            return EXIT_INTERRUPTED
        except Exception as error:
            # A record that fails its checksum while it is read. By name, because not every program needs TensorFlow.
            if type(error).__name__ != 'DataLossError':
                raise
            reason = str(error).splitlines()[0].rpartition('}} ')[2].rstrip('. ')
            print(f'error: a record is damaged ({reason}): bin/inspect --data= its folder names it.', file=sys.stderr)
            return EXIT_INPUT_ERROR

    def leave(argv: Sequence[str]) -> None:
        status = guarded(argv)
        sys.stdout.flush()
        sys.stderr.flush()
        if 'tensorflow_io' in sys.modules or status == EXIT_PEER_LOST:
            # Its s3 client aborts the process in a destructor at exit (tensorflow/io issue 1912), and without its peers
            # TensorFlow would wait for them.
            os._exit(status)
        sys.exit(status)

    _show_log()
    app.run(leave)


def _show_log() -> None:
    """Shows what the package logs as plain lines on stdout, and of libraries only warnings."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
    log = logging.getLogger('dvdgan_tf')
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    absl_logging.set_verbosity(absl_logging.WARNING)
