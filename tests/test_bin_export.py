"""What bin/export says to wrong wishes, and whether the documented ones go together."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = ROOT / 'bin' / 'export'


def test_wrong_wishes_are_one_sentence(tmp_path):
    wishes = {
        'give a folder with --output, or --report': [f'--work_dir={tmp_path}'],
        'or --report.': [f'--work_dir={tmp_path}', '--report', f'--output={tmp_path}/out'],
        '--fps is nan; give a number': [f'--work_dir={tmp_path}', f'--output={tmp_path}/out', '--fps=nan'],
        str(tmp_path): [f'--work_dir={tmp_path}', f'--output={tmp_path}/out'],
    }
    pipes = {'stdout': subprocess.PIPE, 'stderr': subprocess.PIPE, 'text': True}
    asked = [subprocess.Popen([sys.executable, PROGRAM, *words], **pipes) for words in wishes.values()]
    for reason, process in zip(wishes, asked):
        _, said = process.communicate()
        assert process.returncode == 2 and 'Traceback' not in said
        assert said.splitlines()[-1].startswith('error: ') and reason in said
    assert not list(tmp_path.iterdir())


def test_documented_exports_work_one_after_the_other():
    """A folder takes one format, however many commands name it; and what is run is in a folder that is written."""
    texts = [path.read_text() for path in [ROOT / 'README.md', *ROOT.glob('docs/*.md'), *ROOT.glob('export/**/*.md')]]
    formats, folders = {}, set()
    for line in re.findall(r'^(?:bin/export|dvdgan export) .*', '\n'.join(texts), re.MULTILINE):
        words = dict(word.lstrip('-').partition('=')[::2] for word in line.split()[1:])
        if 'output' in words:
            formats.setdefault(words['output'], set()).add(words.get('format', 'savedmodel').partition('_')[0])
            folders.add(words['output'])
    assert formats and all(len(found) == 1 for found in formats.values()), formats
    assert {named for text in texts for named in re.findall(r' =?(exported\w*)/', text)} <= folders
