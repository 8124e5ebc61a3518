"""Where the files are that come with the package and are no modules: gin/, the presets, and export/, what runs a model.

In a checkout they are beside the package; a wheel carries a copy of them inside it.
"""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
_COPY = _PACKAGE / '_shipped'  # setup.py puts it into wheels

IS_CHECKOUT = not _COPY.is_dir()
ROOT = _PACKAGE.parent if IS_CHECKOUT else _COPY


def environment(name: str) -> str:
    """The folder of a converter's environment, .onnx or .converter: in the checkout, else in the current folder."""
    return str((ROOT if IS_CHECKOUT else Path.cwd()) / name)


def how_to_install(target: str, place: str, requirements: Path) -> str:
    """Says how an environment is made: the target of the Makefile in a checkout, the commands elsewhere."""
    if IS_CHECKOUT:
        return f'make {target} installs it there'
    return f'uv venv --python 3.11 {place} && uv pip install --python {place} -r {requirements} installs it there'
