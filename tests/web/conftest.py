"""The page in a real browser: Chromium of the system, without a window, driven by playwright."""

import contextlib
import json
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote_plus

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

TESTS = Path(__file__).resolve().parent.parent
PAGE = TESTS.parent / 'export' / 'tfjs'
MODEL = PAGE / 'model'
ABOUT = json.loads((MODEL / 'metadata.json').read_text())
CLASSES = [name.replace('_', ' ') for name in ABOUT['classes']]
FIRST, LAST = f'{CLASSES[0]}, seed 0', f'{CLASSES[-1]}, seed 1'
SHOWN = f'{CLASSES[-1]}, seed 0'
ONE = f'#class={quote_plus(ABOUT["classes"][-1])}&seed=0&truncation=1'  # the first of the reference's clips
_NAMES = ('chromium', 'chromium-browser', 'google-chrome')
sys.path.insert(0, str(TESTS))  # exported.py

expect.set_options(timeout=120_000)  # software graphics on a busy machine

# What the page asked its worker for, and how far its parts moved by themselves. After so many clips the worker hears no
# more until window.release(): a test then sees the page in the middle of its work, however fast the machine is.
_WATCH = """
  window.asked = [];
  let clips = CLIPS;
  let held = [];
  window.release = () => {
    clips = Infinity;
    held.forEach((send) => send());
    held = [];
  };
  const { postMessage } = Worker.prototype;
  Worker.prototype.postMessage = function (message, ...others) {
    window.asked.push(message.id);
    const send = () => postMessage.call(this, message, ...others);
    clips -= message.kind === 'generate';
    if (clips < 0) held.push(send);
    else send();
  };
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) window.shift += entry.hadRecentInput ? 0 : entry.value;
  }).observe({ type: 'layout-shift', buffered: true });
"""


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

    def __init__(self, browser, clips='Infinity', **options):
        self.context = browser.new_context(**options)
        self.context.add_init_script(_WATCH.replace('CLIPS', str(clips)))
        self.errors, self.requests = [], []
        self.context.on('request', lambda request: self.requests.append(request.url))
        self.page = self.tab()

    def tab(self):
        page = self.context.new_page()
        page.on('console', lambda message: message.type == 'error' and self.errors.append(message.text))
        page.on('pageerror', lambda error: self.errors.append(str(error)))
        return page

    def open(self, address):
        self.page.goto(address)
        return self.page


@pytest.fixture
def visit(browser, address):
    """Opens the page and waits for its videos; afterwards there must be no error in the console."""
    visits = []

    def start(place=ONE, ready='Made in', **options):
        visits.append(Visit(browser, **options))
        page = visits[-1].open(address + place)
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


@pytest.fixture
def failing(browser):
    """Opens a page whose console may complain."""
    visits = []

    def start(address, prepare=lambda context: None):
        visits.append(Visit(browser))
        prepare(visits[-1].context)
        return visits[-1].open(address)

    yield start
    for each in visits:
        each.context.close()


@pytest.fixture(scope='session')
def reference():
    """What the live generator makes, uint8 [2, T, H, W, 3]: seed 0 of the last class, and halfway from seed 0 of
    the first to seed 1 of the last.
    """
    sheet = np.asarray(Image.open(MODEL / 'reference.png').convert('RGB'))
    height = sheet.shape[0] // 2
    frames = sheet.shape[1] // height
    return sheet.reshape(2, height, frames, height, 3).swapaxes(1, 2)


# Follows a canvas for so many distinct frames; returns their pixels in the order in which they were shown.
_FOLLOW = """async (count) => {
  const canvas = document.querySelector('#cells canvas');
  const frames = [];
  let last = '';
  while (frames.length < count) {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    const text = data.join();
    if (text !== last) {
      frames.push([...data]);
      last = text;
    }
    await new Promise(requestAnimationFrame);
  }
  return frames;
}"""


def followed(page, count, size=ABOUT['resolution']):
    """uint8 [count, H, W, 3] of the frames that a visitor sees one after another."""
    frames = np.array(page.evaluate(_FOLLOW, count), np.uint8).reshape(count, size, size, 4)
    assert (frames[..., 3] == 255).all()
    return frames[..., :3]


def choose(page, view):
    page.locator(f'input[value={view}]').check(force=True)


def slide(page, name, value):
    page.locator(f'#{name}').fill(str(value))


def settled(page):
    """Waits until nothing is computed any more."""
    expect(page.locator('#progress')).to_have_class('idle')
    expect(page.locator('#status')).to_contain_text('Made in')
