"""What bin/export says to wrong wishes."""

import subprocess
import sys
from pathlib import Path

PROGRAM = Path(__file__).resolve().parent.parent / 'bin' / 'export'


def test_wrong_wishes_are_one_sentence(tmp_path):
    wishes = {
        'give a folder with --output, or --report': [f'--work_dir={tmp_path}'],
        'or --report.': [f'--work_dir={tmp_path}', '--report', f'--output={tmp_path}/out'],
        str(tmp_path): [f'--work_dir={tmp_path}', f'--output={tmp_path}/out'],
    }
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    asked = [subprocess.Popen([sys.executable, PROGRAM, *words], **pipes) for words in wishes.values()]
    for reason, process in zip(wishes, asked):
        _, said = process.communicate()
        assert process.returncode == 2 and 'Traceback' not in said
        assert said.splitlines()[-1].startswith('error: ') and reason in said
    assert not list(tmp_path.iterdir())
