"""What goes wrong is said in one sentence, and can be tried again; a model of one's own takes the page's place."""

import json
import shutil

import conftest
import exported
import pytest
from conftest import ONE, SHOWN, settled
from playwright.sync_api import expect

from dvdgan_tf.exporters import tfjs
from dvdgan_tf.exporters.tfjs_graph import write_graph


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('*1of*.bin', None, '.bin could not be fetched: the server answered 404.'),
        ('*1of*.bin', b'short', 'The weights of the model are not whole: '),
        ('model.json', b'{"format": "graph-model"}', 'does not fit this page. Export it again.'),
        ('metadata.json', b'no JSON', 'metadata.json is damaged: it is no JSON. Make it with bin/export'),
        ('metadata.json', b'{"classes": []}', 'metadata.json does not describe a generator that this page can show.'),
    ],
)
def test_a_model_that_is_not_whole_is_explained(failing, tmp_path, name, content, message):
    model = tmp_path / 'model'
    shutil.copytree(conftest.MODEL, model)
    (file,) = model.glob(name)
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with conftest.served(model) as address:
        page = failing(address)
        expect(page.locator('#error-text')).to_contain_text(message)
        expect(page.locator('#retry')).to_be_visible()


@pytest.mark.parametrize('file', ['metadata.json', '*.bin'])
def test_what_could_not_be_fetched_is_fetched_by_retry(failing, address, file):
    page = failing(address + ONE, lambda context: context.route(f'**/{file}', lambda route: route.abort(), times=1))
    expect(page.locator('#error-text')).to_contain_text('could not be fetched: the server did not answer.')
    assert page.locator('#controls').is_visible() == (file == '*.bin')
    page.locator('#retry').click()
    settled(page)
    expect(page.locator('#error')).to_be_hidden()


def drop(page, *paths):
    session = page.context.new_cdp_session(page)
    data = {'items': [], 'files': [str(path) for path in paths], 'dragOperationsMask': 1}
    for kind in ('dragEnter', 'dragOver', 'drop'):
        session.send('Input.dispatchDragEvent', {'type': kind, 'x': 50, 'y': 50, 'data': data})


@pytest.fixture(scope='module')
def own_model(tmp_path_factory):
    """A model of another size and other classes, as `bin/export` writes it: in a folder named by its step."""
    folder = tmp_path_factory.mktemp('exported') / '7'
    folder.mkdir()
    source = exported.source()
    write_graph(tfjs._traced(source.frozen), 'float16', str(folder))
    (folder / 'metadata.json').write_text(json.dumps(source.about))
    return folder


def test_a_model_of_ones_own_is_shown_when_dropped_or_opened(visit, own_model):
    page = visit()
    for give in (
        lambda: page.locator('#folder').set_input_files(own_model),
        lambda: drop(page, own_model.parent),
    ):
        give()
        expect(page.locator('#facts')).to_contain_text('3 classes, 3 frames of 16×16')
        expect(page.locator('#cells .heading')).to_have_text(list(exported.CLASSES))
        settled(page)
        page.reload()
        settled(page)


@pytest.mark.parametrize('kind', ['nothing', 'other', 'two', 'part'])
def test_a_folder_that_is_no_model_leaves_the_page_as_it_was(visit, own_model, tmp_path, kind):
    folder = tmp_path / 'given'
    shutil.copytree(own_model, folder / 'a')
    message = 'What was given is no model: there is no model.json in it. Make it with bin/export --format=tfjs.'
    if kind == 'nothing':
        (folder / 'a' / 'model.json').unlink()
    elif kind == 'two':
        shutil.copytree(own_model, folder / 'b')
        message = 'There are 2 models in what was given'
    elif kind == 'part':
        (folder / 'a' / 'metadata.json').unlink()
        message = 'The folder has no file metadata.json, so the model is not whole.'
    else:
        model = json.loads((folder / 'a' / 'model.json').read_text())
        model['signature']['inputs']['noise'] = model['signature']['inputs'].pop('latent')
        (folder / 'a' / 'model.json').write_text(json.dumps(model))
        message = 'This model was exported by dvdgan_tf 0.1.0 and does not fit this page. Export it again.'
    page = visit()
    drop(page, folder)
    expect(page.locator('#error-text')).to_contain_text(message)
    page.locator('#seed').fill('2')
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', SHOWN.replace('seed 0', 'seed 2'))
    expect(page.locator('#error')).to_be_hidden()
    settled(page)


def test_without_webassembly_webgl_is_taken_and_the_page_says_so(failing, address):
    page = failing(address + ONE, lambda context: context.route('**/*.wasm', lambda route: route.abort()))
    expect(page.locator('#status')).to_contain_text('by the graphics card')
    page.locator('#backend').select_option('wasm')
    reason = 'Computed by the graphics card, because WebAssembly is not available here'
    expect(page.locator('#notice')).to_contain_text(reason)
    expect(page.locator('#status')).to_contain_text('by the graphics card')


def test_without_webgl_webassembly_is_taken_and_without_both_the_page_says_so(start_browser, address):
    browser = start_browser('--disable-gpu', '--disable-software-rasterizer')
    visit = conftest.Visit(browser)
    page = visit.open(address + ONE)
    expect(page.locator('#status')).to_contain_text('by the processor')
    page.locator('#backend').select_option('webgl')
    expect(page.locator('#notice')).to_contain_text('Computed by the processor, because WebGL is not available here')
    visit.context.route('**/*.wasm', lambda route: route.abort())
    page.reload()
    expect(page.locator('#error-text')).to_contain_text('Try another browser')
    browser.close()
