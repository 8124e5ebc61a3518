"""Draws who imports whom: python studies/rooms.py writes the picture into docs/architecture.md.

Read off the code; an arrow says that files of one room import files of the other. Left out are errors and files, which
everybody may import, and programs and benchmarks, which may import everybody.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
_PACKAGE = _ROOT / 'dvdgan_tf'
_PAGE = _ROOT / 'docs' / 'architecture.md'
_OPEN, _CLOSE = '```mermaid\n', '```\n'
_LEFT_OUT = {'errors', 'files', 'progress', 'programs', 'benchmarks', 'command', 'native_stderr', 'trust', '__init__'}


def _imported(path: Path) -> Iterator[str]:
    """The modules of the package that a file imports, dotted, without the package's name."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == 'dvdgan_tf':
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module.startswith('dvdgan_tf.'):
            yield node.module[len('dvdgan_tf.') :]


def arrows() -> list[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second."""
    found = set()
    for path in _PACKAGE.rglob('*.py'):
        room = path.relative_to(_PACKAGE).with_suffix('').parts[0]
        found |= {(room, name.split('.')[0]) for name in _imported(path)}
    return sorted(pair for pair in found if pair[0] != pair[1] and not _LEFT_OUT & {*pair} and pair[1][0] != '_')


def drawn(page: str) -> str:
    """The page with the picture of the code as it is now."""
    before, _, rest = page.partition(_OPEN)
    _, _, after = rest.partition(_CLOSE)
    picture = ['flowchart TD', *(f'    {room} --> {other}' for room, other in arrows())]
    return before + _OPEN + '\n'.join(picture) + '\n' + _CLOSE + after


def main() -> None:
    """Writes the picture into the page."""
    _PAGE.write_text(drawn(_PAGE.read_text()))
    sys.stdout.write(f'{_PAGE.relative_to(_ROOT)}\n')


if __name__ == '__main__':
    main()
