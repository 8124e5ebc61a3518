"""Gin files to plain keyword arguments.

The only module that knows gin: what it hands out are values, functions with some arguments filled in, and objects.
A gin file begins with `from __gin__ import dynamic_registration` and imports what it binds; relative names of files
are looked for in the current directory, then among those that come with the package.
"""

from __future__ import annotations

import ast
import contextlib
import difflib
import functools
import importlib.util  # noqa: F401  gin 0.5 uses it without importing it, which fails on Python 3.11
import inspect
import os
import re
import tokenize
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Callable, NamedTuple

import gin
import tensorflow as tf
from gin import config_parser

from dvdgan_tf import files, shipped, upgrade
from dvdgan_tf.configurable import check_is_data, references_in
from dvdgan_tf.errors import InputError

FILE_NAME = 'config.gin'

gin.add_config_file_search_path(str(shipped.ROOT))


def parse(gin_files: Sequence[str], gin_params: Sequence[str] = (), fallbacks: Mapping | None = None) -> None:
    """Replaces the configuration by that of the files, in order, then of single bindings such as `RESOLUTION = 64`.

    What the files bind on something that a single binding turns off or replaces goes with it.

    Args:
        gin_files: the files.
        gin_params: the bindings.
        fallbacks: macro to the value that it takes if neither gives it one.

    Raises:
        InputError: a file is missing or malformed, a class or parameter does not exist, a macro is declared by no file
        or has a value that nothing uses, or a required macro has no value.
    """
    for name in gin_files:
        if not any(os.path.isfile(os.path.join(place, name)) for place in ('', shipped.ROOT)):
            known = [path.relative_to(shipped.ROOT).as_posix() for path in (shipped.ROOT / 'gin').rglob('*.gin')]
            nearest = ''.join(f' (the nearest is {each!r})' for each in difflib.get_close_matches(name, known, 1))
            raise InputError(
                f'there is no gin file {name!r}, neither here nor among those of the package{nearest}; give a path to '
                'one.'
            )
    gin.clear_config()
    for name in gin_files:
        with _as_input_error(f'cannot read the gin file {name!r}'):
            gin.parse_config_file(name)
    declared, referred = _macros(text()), _referred()
    for binding in gin_params:
        with _as_input_error(f'cannot use the binding {binding!r}'):
            gin.parse_config('\n'.join([*_import_lines(), binding]))
    _forget_unless_referred(referred)
    for name in _missing_macros():
        if name in (fallbacks or {}):
            gin.parse_config(f'{name} = {fallbacks[name]!r}')
    _check_macros(declared)
    _bind_defaults()


def load(work_dir: str, trusted: bool = False) -> None:
    """Replaces the configuration by the one that `save` wrote.

    Args:
        work_dir: where.
        trusted: whether it may name anything, which may run code of whoever wrote it; otherwise only what
            `configurable` lists.

    Raises:
        InputError: the directory holds none, it names something else, or this version of the package cannot use it.
    """
    saved = _saved_text(work_dir)
    if not trusted:
        check_is_data(config_parser.ConfigParser(saved, _ReferenceParser()), os.path.join(work_dir, FILE_NAME))
    gin.clear_config()
    with _as_input_error(f'cannot use the configuration that {work_dir!r} was trained with'):
        gin.parse_config(saved)
    _bind_defaults()


def save(work_dir: str) -> None:
    """Writes the configuration to `work_dir`/config.gin, the values of parameters that nobody bound included."""
    tf.io.gfile.makedirs(work_dir)
    files.write_atomically(os.path.join(work_dir, FILE_NAME), text())


def text() -> str:
    """The configuration as one gin file that needs no other."""
    return gin.config_str(max_line_length=120)


def difference(work_dir: str) -> dict[str, tuple[str | None, str | None]]:
    """What differs from the configuration saved in a work directory: name -> (value there, value now), None for none.

    A parameter that is younger than the saved configuration is no difference while it has its default value.
    """
    now = _values(text())
    saved = {**{name: value for name, value in _defaults().items() if name in now}, **_values(_saved_text(work_dir))}
    pairs = {name: (saved.get(name), now.get(name)) for name in sorted({*saved, *now})}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def bindings(
    root: Callable, only: Collection[str] | None = None, given: Collection[str] = ('work_dir',)
) -> dict[str, Any]:
    """The keyword arguments of `root`: `@f` is f with its own bindings filled in, `@f()` its result, a macro its value.

    Args:
        root: the function that everything configurable is reached from.
        only: the parameters wanted; nothing else is built. None is all.
        given: parameters that the caller supplies itself.

    Raises:
        InputError: a parameter without default has no binding, or a binding has no effect.
    """
    dead = dead_bindings(root)
    if dead:
        raise InputError(f'the binding {dead[0]} has no effect: nothing that {root.__name__} uses reads it; remove it.')
    if only is None:
        _check_complete(root, {*gin.get_bindings(root, resolve_references=False), *given})
    return _Reader(builds=True).arguments(root, gin.get_configurable(root), only)


def dead_bindings(root: Callable) -> list[str]:
    """The names of the bindings that nothing reached from `root` reads.

    Raises:
        InputError: the configuration does not mention `root`.
    """
    try:
        configurable = gin.get_configurable(root)
    except ValueError as error:
        raise InputError(f'the gin files bind nothing of {root.__name__}; include gin/base.gin.') from error
    reader = _Reader(builds=False)
    reader.arguments(root, configurable)
    bound = [statement for statement in _statements(text()) if statement.arg_name]
    return [_name(each) for each in bound if (each.scope, gin.get_configurable(each.selector)) not in reader.read]


class _Reference(NamedTuple):
    """`@scope/selector`, or `%selector` for a macro, in the text of a configuration."""

    scope: str
    selector: str
    written: str = ''

    def __repr__(self) -> str:
        return self.written


class _ReferenceParser(config_parser.ParserDelegate):
    """Reads references as names, without looking anything up."""

    def configurable_reference(self, scoped_configurable_name: str, evaluate: bool) -> _Reference:
        scope, _, selector = scoped_configurable_name.rpartition('/')
        return _Reference(scope, selector, f'@{scoped_configurable_name}{"()" if evaluate else ""}')

    def macro(self, macro_name: str) -> _Reference:
        return _Reference('', macro_name, f'%{macro_name}')


def _statements(gin_text: str) -> list[config_parser.BindingStatement]:
    parser = config_parser.ConfigParser(gin_text, _ReferenceParser())
    return [statement for statement in parser if isinstance(statement, config_parser.BindingStatement)]


def _name(statement: config_parser.BindingStatement) -> str:
    scope = f'{statement.scope}/' if statement.scope else ''
    return f'{scope}{statement.selector}.{statement.arg_name}'.rstrip('.')


def _values(gin_text: str) -> dict[str, str]:
    return {_name(statement): repr(statement.value) for statement in _statements(gin_text)}


def _macros(gin_text: str) -> set[str]:
    return {statement.selector for statement in _statements(gin_text) if not statement.arg_name}


def _import_lines() -> list[str]:
    return [line for line in text().splitlines() if re.match(r'(import|from)\s', line)]


def _referred() -> set[str]:
    """What the values refer to by @."""
    references = [reference for statement in _statements(text()) for reference in references_in(statement.value)]
    return {reference.selector for reference in references if reference.written.startswith('@')}


def _forget_unless_referred(before: set[str]) -> None:
    """Drops the bindings of what was referred to and is not any more."""
    while gone := before - _referred():
        before, kept = before - gone, text()
        for selector in gone:
            kept = re.sub(rf'^(\S+/)?{re.escape(selector)}\.\w+ =.*\n([ \t].*\n)*', '', kept, flags=re.MULTILINE)
        gin.clear_config()
        gin.parse_config(kept)


def _check_macros(declared: set[str]) -> None:
    """Stops at macros that a binding or a file invented by misspelling another, and at those without a value."""
    statements = _statements(text())
    macros = _macros(text())
    idle = {statement.selector for statement in statements if not statement.arg_name and statement.value is None}
    references = [reference for statement in statements for reference in references_in(statement.value)]
    used = {reference.selector for reference in references if reference.written.startswith('%')} - {'gin.REQUIRED'}
    invented = sorted((macros - declared) | (macros - used - idle) | (used - macros))
    if invented:
        known = ', '.join(sorted(macros - set(invented)))
        raise InputError(f'the macro {invented[0]} is declared or used by no gin file; there are {known}.')
    missing = _missing_macros()
    if missing:
        raise InputError(
            f'{" and ".join(missing)} must be given; add --gin_param="{missing[0]} = ..." or set it in the gin file.'
        )


def _missing_macros() -> list[str]:
    return [statement.selector for statement in _statements(text()) if repr(statement.value) == '%gin.REQUIRED']


def _defaults() -> dict[str, str]:
    """The literal defaults of what the configuration mentions, Keras' own classes aside: name -> value as written."""
    mentioned = {statement.selector for statement in _statements(text()) if statement.arg_name} | _referred()
    return {
        f'{selector}.{parameter.name}': repr(parameter.default)
        for selector, function in ((name, gin.get_configurable(name)) for name in mentioned)
        if not function.__module__.startswith('tf_keras')
        for parameter in _parameters(function)
        if parameter.name != 'name' and _is_literal(parameter.default)
    }


def _bind_defaults() -> None:
    bound = _values(text())
    for name, default in _defaults().items():
        if name not in bound:
            gin.bind_parameter(name, ast.literal_eval(default))


def _parameters(function: Callable) -> list[inspect.Parameter]:
    if inspect.isclass(function):
        return list(inspect.signature(function.__init__).parameters.values())[1:]
    return list(inspect.signature(function).parameters.values())


def _is_literal(value: Any) -> bool:
    try:
        return ast.literal_eval(repr(value)) == value
    except (SyntaxError, ValueError):
        return False


class _Reader:
    """Reads the configuration from a function on, and records which bindings it comes across.

    Args:
        builds: whether `@f()` is called; otherwise it is only read, and its value is None.
    """

    def __init__(self, builds: bool) -> None:
        self.read: set[tuple[str, Callable]] = set()  # scope and function whose bindings were read
        self._builds = builds

    def arguments(
        self, function: Callable, configurable: Callable, only: Collection[str] | None = None
    ) -> dict[str, Any]:
        """What is bound on the function, which gin knows as `configurable`, in the scope in force, by name."""
        scopes = gin.current_scope()
        prefixes = ('/'.join(scopes[:count]) for count in range(len(scopes) + 1))
        self.read |= {(prefix, configurable) for prefix in prefixes}
        bound = gin.get_bindings(function, resolve_references=False)
        return {name: self._resolved(value) for name, value in bound.items() if only is None or name in only}

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(self._resolved(item) for item in value)
        if isinstance(value, dict):
            return {self._resolved(key): self._resolved(item) for key, item in value.items()}
        if not isinstance(value, gin.config.ConfigurableReference):
            return value
        function, scope = value.configurable.wrapped, value.scopes
        if function is gin.config.macro:
            return self._resolved(gin.query_parameter(f'{"/".join(scope)}/gin.macro.value'))
        with gin.config_scope(scope or gin.current_scope()):
            arguments = self.arguments(function, value.configurable.wrapper)
        if not value.evaluate:
            return functools.partial(function, **arguments) if arguments else function
        if not self._builds:
            return None
        _check_complete(function, arguments)
        return function(**arguments)


def _check_complete(function: Callable, given: Collection[str]) -> None:
    for parameter in _parameters(function):
        named = parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        if named and parameter.default is parameter.empty and parameter.name not in given:
            raise InputError(f'the gin files give {function.__name__} no {parameter.name}; bind it.')


def _saved_text(work_dir: str) -> str:
    path = os.path.join(work_dir, FILE_NAME)
    if not tf.io.gfile.exists(path):
        raise InputError(f'{work_dir!r} holds no {FILE_NAME}, so it is no work directory of bin/train; check the path.')
    try:
        saved = upgrade.upgraded(tf.io.gfile.GFile(path).read())
        statements = _statements(saved)
    except (UnicodeDecodeError, SyntaxError, tokenize.TokenError) as error:
        reason = str(error).splitlines()[0].rstrip('.')
        raise InputError(f'{path} is damaged ({reason}); bring it back from a copy.') from error
    if not statements:
        raise InputError(f'{path} is empty; bring it back from a copy.')
    return saved


@contextlib.contextmanager
def _as_input_error(what: str) -> Iterator[None]:
    """Turns gin's errors, several lines with the place at the end, into one sentence."""
    try:
        yield
    except (SyntaxError, tokenize.TokenError) as error:
        line = (getattr(error, 'text', None) or '').strip()
        reason = error.args[0].splitlines()[-1].strip(' .')
        raise InputError(f'{what}: {reason} at {line!r}; write text in quotes.') from error
    except (AttributeError, ImportError, LookupError, NameError, OSError, RuntimeError, TypeError, ValueError) as error:
        place = re.search(r'In file "(.+)", line (\d+)', str(error))
        where = f' in {place[1]}, line {place[2]}' if place else ''
        reason = str(error).splitlines()[0].split('; <')[0].rstrip('.')
        raise InputError(f'{what}: {reason}{where}; correct or remove it.') from error
