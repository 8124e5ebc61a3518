"""The report in a real browser: it opens from disk, draws every curve, and its slider shows the step it names."""

import base64
import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from dvdgan_tf.report import page, run_files

GIF = base64.b64decode('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7')


def _run(folder, rate):
    (folder / 'previews').mkdir(parents=True)
    (folder / 'evaluation').mkdir()
    (folder / 'config.gin').write_text(f'RATE = {rate}\nRESOLUTION = 16\n')
    (folder / 'data.json').write_text('{"class_names": ["bend", "jump"]}')
    names = ('loss/generator', 'loss/spatial', 'gradient_norm/generator', 'offline_256/frechet')
    lines = [json.dumps({'step': step, **dict.fromkeys(names, rate * (step + 1))}) for step in range(0, 100, 10)]
    (folder / 'metrics.jsonl').write_text('\n'.join(lines) + '\n')
    score = {'value': 1.5, 'spread': 0.1, 'floor': {'value': 0.5, 'clips': [8, 8]}}
    result = {'protocol': 'offline_256', 'scores': {'frechet': score}, 'model': {'step': 90}, 'warnings': ['few clips']}
    results = [{**result, 'truncation': sigma, 'standing_statistics': 512} for sigma in (0.5, 0.7, 1.0)]
    results.insert(0, {**results[0], 'model': {'step': 40}})
    results.append({'protocol': 'recognition', 'scores': {}, 'classes': {'bend': 0.75, 'jump': 0.5}})
    (folder / 'evaluation' / 'evaluation.jsonl').write_text('\n'.join(map(json.dumps, results)) + '\n')
    hardware = {'processor': 'a processor', 'cores': 2, 'memory_gb': 8.1, 'gpus': []}
    session = {'step': 0, 'time': 'today', 'versions': {'python': '3.11'}, 'hardware': hardware}
    (folder / 'sessions.jsonl').write_text(json.dumps({**session, 'strategy': 'one_device', 'replicas': 1}) + '\n')
    (folder / 'warnings.jsonl').write_text('{"step": 50, "check": "frozen", "warning": "clips hardly move."}\n')
    for step in (0, 50, 90):
        (folder / 'previews' / f'preview-{step:08d}.gif').write_bytes(GIF)
    return run_files.read_run(str(folder))


@pytest.fixture(scope='module')
def address(tmp_path_factory):
    folder = tmp_path_factory.mktemp('report')
    runs = [_run(folder / 'base', 0.1), _run(folder / 'faster', 0.2)]
    pictures = [page.Picture('base', 'Interpolations', 'From here to there.', GIF, 'image/gif')]
    (folder / 'report.html').write_text(page.build(runs, pictures, 10**7).text)
    return (folder / 'report.html').as_uri()


@pytest.mark.parametrize('width, scheme', [(390, 'light'), (1280, 'dark')])
def test_the_report_opens_from_disk(browser, address, width, scheme):
    context = browser.new_context(viewport={'width': width, 'height': 900}, color_scheme=scheme)
    tab, said = context.new_page(), []
    tab.on('console', lambda message: said.append(message.text))
    tab.on('pageerror', lambda error: said.append(str(error)))
    tab.on('request', lambda request: said.append(request.url) if request.url.startswith('http') else None)
    tab.goto(address)
    expect(tab.locator('h1')).to_have_text('base · faster')
    expect(tab.locator('#curves .chart canvas')).to_have_count(3)
    expect(tab.locator('#truncation .chart h3')).to_have_text(['offline_256: frechet over the truncation'])
    expect(tab.locator('#truncation .u-legend')).to_contain_text('faster, step 90, standing statistics')
    expect(tab.locator('#versions-and-hardware tbody tr')).to_have_count(2)
    expect(tab.locator('.warnings')).to_contain_text('base: step 50: clips hardly move.')
    expect(tab.locator('#scores table').last).to_contain_text('bend')
    expect(tab.locator('#scores table').first.locator('tbody tr')).to_have_count(6)
    expect(tab.locator('#scores details tbody tr')).to_have_count(8)
    expect(tab.locator('#what-differs td')).to_have_text(['RATE', '0.1', '0.2'])
    expect(tab.locator('#scores')).to_contain_text('few clips')
    expect(tab.locator('#interpolations figcaption')).to_have_text('base: From here to there.')
    assert tab.evaluate('document.documentElement.scrollWidth <= innerWidth')
    found = Axe().run(tab)
    assert found.violations_count == 0, found.generate_report()
    assert said == []
    context.close()


def test_the_slider_goes_through_the_steps_by_keyboard(browser, address):
    tab = browser.new_page()
    tab.goto(address)
    output = tab.locator('.slider output')
    expect(output).to_have_text('step 90')
    tab.locator('#step').focus()
    tab.keyboard.press('ArrowLeft')
    expect(output).to_have_text('step 50')
    expect(tab.locator('#over-training figcaption').first).to_have_text('base: generated at step 50')
    tab.keyboard.press('Home')
    expect(output).to_have_text('step 0')
    tab.close()
