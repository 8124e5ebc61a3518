"""The page shows what the live generator makes, plays it, morphs it, saves it and says what goes wrong."""

import io
import re
import shutil

import conftest
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

LARGEST = 2  # of 255: kernels are stored in 16 bits
MEAN = 0.25

# Follows a canvas for so many distinct frames; returns their pixels in the order in which they were shown.
FOLLOW = """async (count) => {
  const canvas = document.querySelector('#stage canvas');
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


def followed(page, count, size):
    """uint8 [count, H, W, 3] of the frames that a visitor sees one after another."""
    frames = np.array(page.evaluate(FOLLOW, count), np.uint8).reshape(count, size, size, 4)
    assert (frames[..., 3] == 255).all()
    return frames[..., :3]


def assert_same_clip(shown, clip):
    """The frames shown are those of the clip in order, from any of them on, and the first follows the last."""
    starts = [np.abs(frame.astype(int) - shown[0]).mean() for frame in clip]
    order = (np.argmin(starts) + np.arange(len(shown))) % len(clip)
    difference = np.abs(clip[order].astype(int) - shown)
    assert difference.max() <= LARGEST
    assert difference.mean() <= MEAN


def choose(page, view):
    page.locator(f'input[value={view}]').check(force=True)


def slide(page, name, value):
    page.locator(f'#{name}').fill(str(value))


@pytest.mark.parametrize('backend', ['wasm', 'webgl'])
def test_the_first_clip_is_that_of_python_and_loops(visit, reference, backend):
    page = visit()
    if backend == 'webgl':
        page.locator('#backend').select_option('webgl')
    expect(page.locator('#status')).to_contain_text(f'on {backend}')
    assert re.search(r'Made in \d+ ms: 12 frames of 32×32', page.locator('#status').inner_text())
    expect(page.locator('#notice')).to_be_hidden()
    assert_same_clip(followed(page, 2 * reference.shape[1], reference.shape[2]), reference[0])


def test_halfway_between_two_classes_and_seeds_is_that_of_python(visit, reference):
    page = visit()
    choose(page, 'morph')
    slide(page, 'weight', 8)
    expect(page.locator('#weight-shown')).to_have_text('50 %')
    expect(page.locator('#status')).to_contain_text('Made in')
    page.wait_for_timeout(500)
    assert_same_clip(followed(page, 12, reference.shape[2]), reference[1])


def test_the_morph_moves_the_slider_until_it_is_touched(visit):
    page = visit()
    choose(page, 'morph')
    page.locator('#morph').click()
    expect(page.locator('#status')).to_have_text(re.compile(r'Generating \d+ of 17'))
    expect(page.locator('#status')).to_contain_text('ms each')
    seen = set()
    while len(seen) < 4:
        seen.add(page.locator('#weight').input_value())
    slide(page, 'weight', 3)
    page.wait_for_timeout(500)
    assert page.locator('#weight').input_value() == '3'


def test_another_class_seed_or_truncation_is_another_clip(visit):
    page = visit()
    page.locator('#play').click()
    pictures = [page.locator('#stage canvas').evaluate('(canvas) => canvas.toDataURL()')]
    for change in (
        lambda: page.locator('#class').select_option('two hand wave'),
        lambda: page.locator('#seed').fill('-9223372036854775808'),
        lambda: page.locator('#another').click(),
        lambda: slide(page, 'truncation', 0.5),
    ):
        page.locator('#status').evaluate('(status) => { status.textContent = ""; }')
        change()
        expect(page.locator('#status')).to_contain_text('Made in')
        pictures.append(page.locator('#stage canvas').evaluate('(canvas) => canvas.toDataURL()'))
    assert len(set(pictures)) == len(pictures)
    assert 'two hand wave, seed ' in page.locator('#stage canvas').get_attribute('aria-label')


def test_a_grid_shows_every_class_and_a_video_of_it_alone(visit):
    page = visit()
    choose(page, 'grid')
    slide(page, 'count', 6)
    page.locator('#class').select_option('every class')
    expect(page.locator('#stage button')).to_have_count(6)
    titles = page.locator('#stage button').evaluate_all('(buttons) => buttons.map(({ title }) => title)')
    assert titles[:2] == ['bend, seed 0', 'jumping jack, seed 0'] and titles[4] == 'bend, seed 1'
    expect(page.locator('#status')).to_contain_text('6 videos')
    page.locator('#stage button').nth(5).press('Enter')
    expect(page.locator('#stage canvas')).to_have_count(1)
    expect(page.locator('#stage canvas')).to_have_attribute('aria-label', 'jumping jack, seed 1')
    assert page.locator('#seed').input_value() == '1'


def test_a_gif_is_saved_with_all_frames(visit, reference):
    page = visit()
    with page.expect_download() as waiting:
        page.locator('#gif').click()
    assert waiting.value.suggested_filename == 'bend_seed_0.gif'
    with Image.open(waiting.value.path()) as gif:
        assert (gif.format, gif.n_frames, gif.size, gif.info['loop']) == ('GIF', 12, (256, 256), 0)
        for number, frame in enumerate(reference[0]):
            gif.seek(number)
            assert gif.info['duration'] == 130  # a GIF counts in hundredths of a second
            shown = np.asarray(gif.convert('RGB'))[4::8, 4::8].astype(int)
            # 1,024 pixels have 256 colours.
            assert np.abs(shown - frame).mean() < 2


def test_a_grid_is_saved_as_one_gif(visit, reference):
    page = visit()
    choose(page, 'grid')
    slide(page, 'count', 3)
    expect(page.locator('#stage button')).to_have_count(3)
    with page.expect_download() as waiting:
        page.locator('#gif').click()
    with Image.open(waiting.value.path()) as gif:
        picture = np.asarray(gif.convert('RGB'))[2::4, 2::4].astype(int)
    assert picture.shape == (64, 64, 3)
    assert np.abs(picture[:32, :32] - reference[0][0]).mean() < 4
    assert (picture[32:, 32:] > 250).all()


def test_a_webm_is_saved_that_shows_the_clip_twice(visit, reference):
    av = pytest.importorskip('av')
    page = visit()
    with page.expect_download() as waiting:
        page.locator('#webm').click()
    assert waiting.value.suggested_filename == 'bend_seed_0.webm'
    with av.open(io.BytesIO(waiting.value.path().read_bytes())) as film:
        frames = [frame.to_ndarray(format='rgb24') for frame in film.decode(video=0)]
    assert len(frames) >= 2 * 12 - 2  # a busy machine may drop one
    assert frames[0].shape == (256, 256, 3)
    small = np.array(frames).reshape(len(frames), 32, 8, 32, 8, 3).mean((2, 4))
    nearest = [np.abs(reference[0] - frame).mean((1, 2, 3)) for frame in small]
    assert np.max(np.min(nearest, 1)) < 10  # lossy
    assert {int(np.argmin(distance)) for distance in nearest} >= {0, 4, 8, 11}


def test_the_keyboard_is_enough(visit):
    page = visit()
    focused = []
    while 'backend' not in focused:
        page.keyboard.press('Tab')
        assert len(focused) < 20, focused
        focused.append(page.evaluate('() => document.activeElement.id || document.activeElement.value'))
    assert focused == ['play', 'gif', 'webm', 'one', 'class', 'seed', 'another', 'truncation', 'backend']
    assert page.evaluate('() => getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    page.locator('#play').press('Space')
    expect(page.locator('#play')).to_have_text('Play')
    page.locator('input[value=one]').press('ArrowRight')
    expect(page.locator('#morph')).to_be_visible()
    page.locator('#weight').press('ArrowRight')
    expect(page.locator('#weight-shown')).to_have_text('6 %')
    expect(page.locator('#stage canvas')).to_have_attribute('aria-label', re.compile('^from bend, seed 0 to two hand'))


@pytest.mark.parametrize('width', [320, 375, 1280])
def test_nothing_is_wider_than_the_screen(visit, width):
    page = visit(viewport={'width': width, 'height': 740})
    for view in ('one', 'morph', 'grid'):
        choose(page, view)
        assert page.evaluate('() => document.documentElement.scrollWidth') <= width
        for button in page.locator('button:visible').all():
            assert width > 700 or button.bounding_box()['height'] >= 24


def test_dark_and_light_have_readable_text(visit):
    grounds = []
    for scheme in ('light', 'dark'):
        page = visit(color_scheme=scheme)
        for name in ('#status', 'legend >> nth=1', '#play', '.hint >> visible=true >> nth=0'):
            text, ground = page.locator(name).evaluate(
                """(element) => {
                  const ground = (part) => {
                    const colour = getComputedStyle(part).backgroundColor;
                    return colour === 'rgba(0, 0, 0, 0)' ? ground(part.parentElement) : colour;
                  };
                  return [getComputedStyle(element).color, ground(element)];
                }"""
            )
            assert contrast(text, ground) >= 4.5, (scheme, name)
        grounds.append(ground)
    assert grounds[0] != grounds[1]


def contrast(*colours):
    """The ratio of WCAG 2."""
    luminances = []
    for colour in colours:
        parts = np.array([int(value) for value in re.findall(r'\d+', colour)[:3]]) / 255
        linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        luminances.append(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return max(luminances) / min(luminances)


def test_less_motion_is_respected(visit):
    page = visit(reduced_motion='reduce')
    expect(page.locator('#play')).to_have_text('Play')


# What goes wrong.


@pytest.mark.parametrize('seed', ['', '1.5', 'seed', '9223372036854775808'])
def test_a_seed_that_is_none_is_marked_and_nothing_is_made(visit, seed):
    page = visit()
    page.locator('#seed').fill(seed)
    assert page.locator('#seed').evaluate('(field) => field.validationMessage').startswith('A seed is a whole number')
    expect(page.locator('#stage canvas')).to_have_attribute('aria-label', 'bend, seed 0')
    page.locator('#seed').fill('5')
    expect(page.locator('#stage canvas')).to_have_attribute('aria-label', 'bend, seed 5')


def opened(browser, address):
    visit = conftest.Visit(browser)
    return visit, visit.open(address)


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('group1-shard1of1.bin', None, 'group1-shard1of1.bin: the server answered 404). Make it with bin/export'),
        ('group1-shard1of1.bin', b'short', 'The model could not be loaded'),
        ('model.json', b'{"format": "graph-model"}', 'The model could not be loaded'),
        ('metadata.json', b'no JSON', 'metadata.json does not describe a generator. Make it with bin/export'),
        ('metadata.json', b'{"classes": []}', 'metadata.json does not describe a generator'),
    ],
)
def test_a_model_that_is_not_whole_is_explained(browser, tmp_path, name, content, message):
    model = tmp_path / 'model'
    shutil.copytree(conftest.MODEL, model)
    (model / name).unlink()
    if content is not None:
        (model / name).write_bytes(content)
    with conftest.served(model) as address:
        visit, page = opened(browser, address)
        expect(page.locator('#error')).to_contain_text(message)
        visit.context.close()


def test_without_a_server_behind_it_the_page_says_so(browser, address):
    visit = conftest.Visit(browser)
    visit.page.route('**/metadata.json', lambda route: route.abort())
    page = visit.open(address)
    expect(page.locator('#error')).to_contain_text('could not be read (the server did not answer)')
    visit.context.close()


def test_without_webassembly_webgl_is_taken_and_the_page_says_so(browser, address):
    visit = conftest.Visit(browser)
    visit.context.route('**/*.wasm', lambda route: route.abort())
    page = visit.open(address)
    expect(page.locator('#status')).to_contain_text('on webgl')
    page.locator('#backend').select_option('wasm')
    expect(page.locator('#notice')).to_contain_text('Runs on webgl, because wasm is not available here')
    expect(page.locator('#status')).to_contain_text('on webgl')
    visit.context.close()


def test_without_webgl_webassembly_is_taken_and_without_both_the_page_says_so(start_browser, address):
    browser = start_browser('--disable-gpu', '--disable-software-rasterizer')
    visit, page = opened(browser, address)
    expect(page.locator('#status')).to_contain_text('on wasm')
    page.locator('#backend').select_option('webgl')
    expect(page.locator('#notice')).to_contain_text('Runs on wasm, because webgl is not available here')
    visit.context.route('**/*.wasm', lambda route: route.abort())
    page.reload()
    expect(page.locator('#error')).to_contain_text('Try another browser')
    browser.close()
