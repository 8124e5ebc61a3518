"""How every program starts and ends: `dvdgan NAME` of an installation, bin/NAME and export/ of a checkout."""

from __future__ import annotations

import ast
import contextlib
import difflib
import gc
import importlib
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import os
import pkgutil
import re
import signal
import sys
import types
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Callable

from dvdgan_tf import __version__, native_stderr, programs, shipped, versions
from dvdgan_tf.errors import EXIT_PEER_LOST, InputError, PeerLost
from dvdgan_tf.progress import Seldom

EXIT_INPUT_ERROR = 2
EXIT_INTERRUPTED = 130
PROGRAMS = sorted(module.name for module in pkgutil.iter_modules(programs.__path__))


def dvdgan() -> None:
    """Runs the program that the first word of the command line names: `dvdgan train --gin_file=...`."""
    word = sys.argv[1] if len(sys.argv) > 1 else ''
    if word in PROGRAMS:
        del sys.argv[1]
        own_command[1:] = [sys.argv[0], word]
        run_program(word)
    elif word == '--version':
        print(__version__)
    elif word in ('', 'help', '-h', '--help', '--helpshort', '--helpfull'):
        print(_overview())
    else:
        nearest = ''.join(f' (the nearest is {name})' for name in difflib.get_close_matches(word, PROGRAMS, 1))
        print(f'error: there is no subcommand {word!r}{nearest}; dvdgan --help lists all.', file=sys.stderr)
        sys.exit(EXIT_INPUT_ERROR)


# What starts this program again, before its flags.
own_command = [sys.executable, sys.argv[0]]


def _overview() -> str:
    """What there is: a line for each program, the first of its docstring, read without importing it."""
    lines = ['dvdgan COMMAND --flag=value ...; dvdgan COMMAND --help shows the flags.', '']
    for name in PROGRAMS:
        text = (Path(programs.__path__[0]) / f'{name}.py').read_text()
        first = re.split(r'(?<=\w)[.:;]\s', ast.get_docstring(ast.parse(text)).replace('\n', ' '))[0]
        lines.append(f'  {name:<10} {first.rstrip(".")}.')
    lines += ['', f'Presets for --gin_file, such as gin/quickstart.gin, are in {shipped.ROOT}.']
    lines += [f'The web page is shown by: python {shipped.ROOT / "export" / "tfjs" / "serve"}']
    return '\n'.join(lines)


def run_program(name: str) -> None:
    """Runs a module of `programs` as the main program: --help shows its flags, and its `main` is called.

    What TensorFlow itself logs is left out, unless TF_CPP_MIN_LOG_LEVEL says how much of it is wanted.
    """
    try:
        versions.check()
    except InputError as error:
        sys.exit(_refuse(str(error)))
    from absl import flags  # after the check, because it is installed with the rest

    if native_stderr.quieten():
        sys.meta_path.insert(0, _QuietImport())
        warnings.filterwarnings('ignore', r'\s*Warning: tf\.lite\.Interpreter is deprecated', UserWarning)
    with importing():
        program = importlib.import_module(f'dvdgan_tf.programs.{name}')
    for flag in flags.FLAGS.get_key_flags_for_module(program):
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
    sys.modules['__main__'].__doc__ = as_called(program.__doc__)
    run(program.main)


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Inside the block, which imports TensorFlow and so takes seconds, Ctrl-C ends the process without a traceback.

    What is imported stays, so nothing of it is collected, neither in the block nor, again and again, while graphs are
    made.
    """
    interrupted = signal.signal(signal.SIGINT, signal.SIG_DFL)
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        signal.signal(signal.SIGINT, interrupted)


class _QuietImport(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports TensorFlow with its stderr held back: some of what it writes then heeds no log level."""

    def find_spec(self, name: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if name != 'tensorflow':
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None:
            self._loader, spec.loader = spec.loader, self
        return spec

    def exec_module(self, module: types.ModuleType) -> None:
        module.__spec__.loader = module.__loader__ = self._loader
        with native_stderr.held():
            self._loader.exec_module(module)


def as_called(text: str) -> str:
    """The text with the programs named as this process was called: bin/train, or dvdgan train."""
    if os.path.basename(sys.argv[0]) != 'dvdgan':
        return text
    return re.sub(rf'\bbin/(?=({"|".join(PROGRAMS)})\b)', 'dvdgan ', text)


def run(main: Callable[[Sequence[str]], int | None]) -> None:
    """Parses absl flags, calls `main(argv)` and exits with its return value (None is 0).

    An `InputError` or a damaged record becomes one line on stderr and exit status 2, a lost peer 75, Ctrl-C 130. Other
    exceptions keep their traceback.
    """

    def guarded(argv: Sequence[str]) -> int:
        if len(argv) > 1:
            return _refuse(f'unexpected arguments {argv[1:]}; every option is a --flag=value.')
        try:
            return main(argv) or 0
        except InputError as error:
            return _refuse(str(error))
        except PeerLost as error:
            return _refuse(str(error), EXIT_PEER_LOST)
        except KeyboardInterrupt:
            print('interrupted', file=sys.stderr)
            return EXIT_INTERRUPTED
        except Exception as error:
            # A record that fails its checksum while it is read. By name, because not every program needs TensorFlow.
            if type(error).__name__ != 'DataLossError':
                raise
            reason = str(error).splitlines()[0].rpartition('}} ')[2].rstrip('. ')
            return _refuse(f'a record is damaged ({reason}): bin/inspect --data= its folder names it.')

    def leave(argv: Sequence[str]) -> None:
        status = guarded(argv)
        sys.stdout.flush()
        sys.stderr.flush()
        if 'tensorflow_io' in sys.modules or status == EXIT_PEER_LOST:
            # Its s3 client aborts the process in a destructor at exit (tensorflow/io issue 1912), and without its peers
            # TensorFlow would wait for them.
            os._exit(status)
        sys.exit(status)

    from absl import app

    _show_log()
    app.run(leave)


def _refuse(sentence: str, status: int = EXIT_INPUT_ERROR) -> int:
    print(f'error: {as_called(sentence)}', file=sys.stderr)
    return status


def _show_log() -> None:
    """Shows what the package logs as plain lines on stdout, and of libraries only warnings."""
    from absl import logging as absl_logging

    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter('%(asctime)s %(message)s', '%H:%M:%S'))
    if not sys.stdout.isatty():
        handler.addFilter(Seldom())
    log = logging.getLogger('dvdgan_tf')
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.propagate = False
    absl_logging.set_verbosity(absl_logging.WARNING)
