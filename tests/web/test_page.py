"""The page shows what the live generator makes, plays it, morphs it and arranges it; everybody can use it."""

import re

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from conftest import ABOUT, CLASSES, FIRST, LAST, SHOWN, choose, followed, settled, slide
from playwright.sync_api import expect

LARGEST = 2  # of 255: kernels are stored in 16 bits
MEAN = 0.25
FRAMES = ABOUT['num_frames']
# A column for each class, or as few rows of at most six as hold all classes; four seeds where there is one class.
ROWS_OF_CLASSES = -(-len(CLASSES) // 6)
COLUMNS = -(-len(CLASSES) // ROWS_OF_CLASSES) if len(CLASSES) > 1 else 4
ROWS = 3 if ROWS_OF_CLASSES == 1 else min(6, ROWS_OF_CLASSES)
PHONE = {'width': 375, 'height': 740}


def assert_same_clip(shown, clip):
    """The frames shown are those of the clip in order, from any of them on, and the first follows the last."""
    starts = [np.abs(frame.astype(int) - shown[0]).mean() for frame in clip]
    order = (np.argmin(starts) + np.arange(len(shown))) % len(clip)
    difference = np.abs(clip[order].astype(int) - shown)
    assert difference.max() <= LARGEST
    assert difference.mean() <= MEAN


@pytest.mark.parametrize(('backend', 'by'), [('wasm', 'the processor'), ('webgl', 'the graphics card')])
def test_the_first_clip_is_that_of_python_and_loops(visit, reference, backend, by):
    page = visit()
    if backend == 'webgl':
        page.locator('#backend').select_option('webgl')
    expect(page.locator('#status')).to_have_text(re.compile(rf'^Made in \d+ ms by {by}$'))
    expect(page.locator('#notice')).to_be_hidden()
    assert_same_clip(followed(page, 2 * FRAMES), reference[0])


def test_halfway_between_two_classes_and_seeds_is_that_of_python_and_the_morph_moves_the_slider(visit, reference):
    page = visit('#view=morph&position=0.5&truncation=1')
    expect(page.locator('#weight-shown')).to_have_text('50 %')
    assert_same_clip(followed(page, FRAMES), reference[1])
    page.locator('#morph').click()
    expect(page.locator('#status')).to_have_text(re.compile(r'Generating \d+ of 17'))
    expect(page.locator('#status')).to_contain_text('ms each')
    seen = set()
    while len(seen) < 4:
        seen.add(page.locator('#weight').input_value())
    slide(page, 'weight', 0.25)
    settled(page)
    page.wait_for_timeout(500)
    assert page.locator('#weight').input_value() == '0.25'
    assert page.locator('#cells canvas').get_attribute('aria-label') == f'from {FIRST} to {LAST}'


def test_another_class_seed_or_truncation_is_another_clip(visit):
    page = visit()
    page.locator('#play').click()
    pictures = [page.locator('#cells canvas').evaluate('(canvas) => canvas.toDataURL()')]
    for change in (
        lambda: page.locator('#class').select_option('0'),
        lambda: page.locator('#seed').fill('-9223372036854775808'),
        lambda: page.locator('#another').click(),
        lambda: slide(page, 'truncation', 0.5),
    ):
        page.locator('#status').evaluate('(status) => { status.textContent = ""; }')
        change()
        expect(page.locator('#status')).to_contain_text('Made in')
        pictures.append(page.locator('#cells canvas').evaluate('(canvas) => canvas.toDataURL()'))
    assert len(set(pictures)) == len(pictures) - (len(CLASSES) == 1)
    assert page.locator('#cells canvas').get_attribute('aria-label').startswith(f'{CLASSES[0]}, seed ')


def test_it_opens_on_a_labelled_grid_that_fills_and_does_not_move(visit):
    page = visit('', ready='Generating 4 of', clips=3, viewport=PHONE)
    cells = page.locator('#cells button')
    expect(cells).to_have_count(ROWS * COLUMNS)
    waiting = page.locator('#cells .waiting')
    assert waiting.count() == ROWS * COLUMNS - 3  # the others are there before the last one
    assert page.locator('#truncation-shown').inner_text() == '0.70'
    if 1 < len(CLASSES) <= 6:
        assert page.locator('#cells .heading').all_inner_texts() == CLASSES
        assert cells.nth(COLUMNS).get_attribute('aria-label') == f'{CLASSES[0]}, seed 1'
        assert page.locator('#cells .caption').nth(COLUMNS).inner_text() == 'seed 1'
    page.evaluate('() => window.release()')
    settled(page)
    assert waiting.count() == 0
    expect(page.locator('#caption')).to_contain_text('Choose a video to see it larger.')
    assert page.evaluate('() => window.shift') < 0.05


def test_choosing_from_the_grid_keeps_the_grid(visit):
    page = visit('#view=grid&rows=1')
    settled(page)
    asked = page.evaluate('() => window.asked.length')
    last = page.locator('#cells button').last
    label = last.get_attribute('aria-label')
    last.press('Enter')
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', label)
    assert page.evaluate('() => document.activeElement.id') == 'to-grid'
    for back in (lambda: page.locator('#to-grid').click(), page.go_back, lambda: choose(page, 'grid')):
        if page.locator('#cells button').count():
            page.locator('#cells button').last.click()
        expect(page.locator('#cells canvas')).to_have_count(1)
        back()
        expect(page.locator('#cells button')).to_have_count(COLUMNS)
        settled(page)
    assert page.evaluate('() => window.asked.length') == asked  # nothing was made twice


def test_the_keyboard_is_enough(visit):
    page = visit()
    focused = []
    while 'backend' not in focused:
        page.keyboard.press('Tab')
        assert len(focused) < 20, focused
        focused.append(page.evaluate('() => document.activeElement.id || document.activeElement.value'))
    assert focused == [
        *('play', 'gif', 'webm', 'to-grid', 'one', 'class', 'seed', 'another', 'truncation', 'backend'),
    ]
    assert page.evaluate('() => getComputedStyle(document.activeElement).outlineStyle') == 'solid'
    page.locator('#play').press('Space')
    expect(page.locator('#play')).to_have_text('Play')
    page.locator('input[value=one]').press('ArrowRight')
    expect(page.locator('#morph')).to_be_visible()
    page.locator('#weight').press('ArrowRight')
    expect(page.locator('#weight-shown')).to_have_text('6 %')
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', f'from {SHOWN} to {LAST}')


def test_nothing_is_wider_than_the_screen(visit):
    page = visit()
    for view in ('one', 'morph', 'grid'):
        choose(page, view)
        slide(page, 'rows', 6) if view == 'grid' else None
        for width in (320, 375, 1280):
            page.set_viewport_size({'width': width, 'height': 740})
            assert page.evaluate('() => document.documentElement.scrollWidth') <= width
            stage, cells = (page.locator(name).bounding_box() for name in ('#stage', '#cells'))
            assert cells['height'] <= stage['height'] + 1 and cells['width'] <= stage['width'] + 1
            for button in page.locator('button:visible').all():
                assert button.bounding_box()['height'] >= 24


def test_nothing_stands_in_the_way_of_anybody(visit):
    page = visit('#view=grid&rows=1')
    for view in ('grid', 'one', 'morph'):
        choose(page, view)
        settled(page)
        grounds = set()
        for scheme in ('light', 'dark'):
            page.emulate_media(color_scheme=scheme)
            grounds.add(page.evaluate('() => getComputedStyle(document.body).backgroundColor'))
            found = Axe().run(page)
            assert found.violations_count == 0, found.generate_report()
        assert len(grounds) == 2


def test_less_motion_is_respected(visit):
    page = visit(reduced_motion='reduce')
    expect(page.locator('#play')).to_have_text('Play')
