"""The page in a real browser: Chromium of the system, without a window, driven by playwright."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / 'export' / 'tfjs'
sys.path.insert(0, str(TESTS))  # exported.py
MODEL = PAGE / 'model'
_NAMES = ('chromium', 'chromium-browser', 'google-chrome')

expect.set_options(timeout=60_000)  # software graphics on a busy machine


@contextlib.contextmanager
def served(model=MODEL):
    """The address of export/tfjs/serve with a model."""
    command = [sys.executable, PAGE / 'serve', f'--model={model}', '--port=0']
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        yield server.stdout.readline().strip()
    finally:
        server.kill()
        server.wait()


@pytest.fixture(scope='session')
def address():
    with served() as place:
        yield place


@pytest.fixture(scope='session')
def start_browser():
    """Starts Chromium with switches of its command line."""
    program = next(filter(None, map(shutil.which, _NAMES)), None)
    if program is None:
        pytest.fail(f'there is no Chromium here: install one of {", ".join(_NAMES)}')
    with sync_playwright() as playwright:
        yield lambda *switches: playwright.chromium.launch(executable_path=program, args=['--no-sandbox', *switches])


@pytest.fixture(scope='session')
def browser(start_browser):
    started = start_browser()
    yield started
    started.close()


class Visit:
    """A page that was opened, and what its console and its requests said."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.errors, self.requests = [], []
        self.page.on('console', lambda message: message.type == 'error' and self.errors.append(message.text))
        self.page.on('pageerror', lambda error: self.errors.append(str(error)))
        self.context.on('request', lambda request: self.requests.append(request.url))

    def open(self, address):
        self.page.goto(address)
        return self.page


@pytest.fixture
def visit(browser, address):
    """Opens the page and waits for its first video; afterwards there must be no error in the console."""
    visits = []

    def start(ready='Made in', **options):
        visits.append(Visit(browser, **options))
        page = visits[-1].open(address)
        expect(page.locator('#status')).to_contain_text(ready)
        return page

    yield start
    errors = [error for visit in visits for error in visit.errors]
    foreign = [
        url for visit in visits for url in visit.requests if not url.startswith((address, 'blob:', 'data:'))
    ]
    for each in visits:
        each.context.close()
    assert errors == []
    assert foreign == []


@pytest.fixture(scope='session')
def reference():
    """What the live generator makes, uint8 [2, T, H, W, 3]: seed 0 of the first class, and halfway to seed 1 of the
    last.
    """
    sheet = np.asarray(Image.open(MODEL / 'reference.png').convert('RGB'))
    height = sheet.shape[0] // 2
    frames = sheet.shape[1] // height
    return sheet.reshape(2, height, frames, height, 3).swapaxes(1, 2)
