"""The map is true: its picture is that of the code, and what it names is there."""

import ast
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / 'docs' / 'architecture.md').read_text()

sys.path.insert(0, str(ROOT / 'studies'))

import rooms  # noqa: E402


def test_the_picture_is_that_of_the_code():
    assert rooms.drawn(PAGE) == PAGE, 'run: python studies/rooms.py'
    assert len(rooms.arrows()) > 15


def test_no_arrow_turns_back():
    arrows = set(rooms.arrows())
    rest = {room for pair in arrows for room in pair}
    while rest:
        leaves = {room for room in rest if not any(a == room and b in rest for a, b in arrows)}
        assert leaves, f'a circle among {sorted(rest)}'
        rest -= leaves


_ROOMS = 'dvdgan_tf|training|data|prepare|models|sampling|programs|gin|tests|studies'
NAMED = sorted(set(re.findall(rf'`((?:{_ROOMS})/[\w./]+)`', PAGE)))


@pytest.mark.parametrize('name', NAMED)
def test_a_file_that_the_map_names_is_there(name):
    assert (ROOT / name).exists() or (ROOT / 'dvdgan_tf' / name).exists()


def test_every_room_is_on_the_map():
    for path in (ROOT / 'dvdgan_tf').iterdir():
        if path.is_dir() and (path / '__init__.py').exists() and path.name != 'programs':
            assert f'`{path.name}`' in PAGE, path.name


def test_the_functions_between_a_program_and_a_gradient_are_the_ones_named():
    """Each calls the next, by name, so that the way stays as short as the map says."""
    sources = {
        place: ast.parse((ROOT / 'dvdgan_tf' / place).read_text())
        for place in ('programs/train.py', 'training/loop.py', 'training/device_loop.py', 'training/step.py')
    }

    def calls(place, function):
        """Names that a function mentions, those inside its own functions included."""
        (found,) = [
            node for node in ast.walk(sources[place]) if isinstance(node, ast.FunctionDef) and node.name == function
        ]
        return {getattr(node, 'attr', getattr(node, 'id', None)) for node in ast.walk(found)}

    assert 'train' in calls('programs/train.py', 'main')
    assert {'make_device_loop', 'run_steps'} <= calls('training/loop.py', 'train')
    assert {'run', 'step'} <= calls('training/device_loop.py', 'one_step')
    assert {'update_discriminators', 'update_generator'} <= calls('training/step.py', '__call__')
    for update, gradients in (
        ('update_discriminators', '_discriminator_gradients'),
        ('update_generator', '_generator_gradients'),
    ):
        assert {'accumulated', gradients} <= calls('training/step.py', update)
        assert 'gradient' in calls('training/step.py', gradients)
