"""docs/quickstart.ipynb runs from the first cell to the last, and what is committed with it was shown by such a run."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOK = ROOT / 'docs' / 'quickstart.ipynb'
SMALL = 'STEPS, FRAMES, CHANNELS, BATCH, CLIPS = 2, 4, 1, 4, 8'


def read():
    return nbformat.read(NOTEBOOK, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == 'code']


def kinds(cell):
    """What a cell shows: the text it printed, and pictures by their type."""
    return {kind for output in cell.outputs for kind in output.get('data', {'stdout': None})}


def test_it_runs_with_few_steps_and_shows_what_is_committed(tmp_path):
    notebook, committed = read(), read()
    (parameters,) = [cell for cell in notebook.cells if 'parameters' in cell.metadata.get('tags', [])]
    parameters.source += f'\nWORK_DIR = {str(tmp_path / "run")!r}\n{SMALL}'
    place = {'metadata': {'path': str(NOTEBOOK.parent)}}
    NotebookClient(notebook, timeout=900, kernel_name='python3', resources=place).execute()
    for made, shown in zip(code_cells(notebook), code_cells(committed)):
        assert kinds(made) == kinds(shown), made.source
    assert (tmp_path / 'run' / 'checkpoints').is_dir()
    assert (tmp_path / 'run' / 'report.html').stat().st_size > 10_000


def test_what_is_committed_is_of_one_run_without_errors_and_small():
    cells = code_cells(read())
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not any(output.output_type == 'error' or output.get('name') == 'stderr' for output in outputs)
    assert sum('image/gif' in kinds(cell) for cell in cells) >= 3
    assert NOTEBOOK.stat().st_size < 1_500_000
