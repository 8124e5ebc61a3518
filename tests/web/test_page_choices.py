"""Choices: the newest one wins, the address holds them, and Back undoes them."""

import pytest
from conftest import ABOUT, CLASSES, FIRST, SHOWN, choose, followed, settled
from playwright.sync_api import expect

# Moves a slider over 20 values as a hand does: an event for each, and a change when it is let go; in less time than a
# clip takes, whatever else the machine does.
DRAG = """async () => {
  const slider = document.querySelector('#truncation');
  for (let step = 0; step < 20; step += 1) {
    slider.value = (step / 20).toFixed(2);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await null;
  }
  slider.dispatchEvent(new Event('change', { bubbles: true }));
}"""


def test_of_twenty_truncations_at_most_one_beyond_the_running_one_is_computed(visit):
    page = visit()
    before = page.evaluate('() => window.asked.length')
    page.evaluate(DRAG)
    expect(page.locator('#truncation-shown')).to_have_text('0.95')
    settled(page)
    asked = page.evaluate('() => window.asked')[before:]
    assert [each.rsplit(',')[-1] for each in asked] == ['0', '0.95']  # the one that ran, and the last
    shown = page.url
    assert shown.endswith('truncation=0.95')
    page.wait_for_timeout(500)
    assert page.evaluate('() => window.asked.length') == before + 2


def test_a_grid_left_for_one_video_ends_its_progress(visit):
    page = visit('#view=grid', ready='Generating 2 of', clips=1)
    choose(page, 'one')
    page.evaluate('() => window.release()')
    settled(page)
    asked = page.evaluate('() => window.asked.length')
    page.wait_for_timeout(1000)  # more than the grid's running clip takes
    settled(page)
    assert page.evaluate('() => window.asked.length') == asked
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', FIRST)


def test_the_address_of_a_clip_shows_the_same_pixels_in_another_tab(visit):
    page = visit()
    page.locator('#class').select_option('0')
    page.locator('#another').click()
    page.locator('#truncation').fill('0.63')
    settled(page)
    label = page.locator('#cells canvas').get_attribute('aria-label')
    other = page.context.new_page()
    other.goto(page.url)
    settled(other)
    expect(other.locator('#cells canvas')).to_have_attribute('aria-label', label)
    clips = []
    for tab in (page, other):
        tab.bring_to_front()
        clips.append({frame.tobytes() for frame in followed(tab, ABOUT['num_frames'])})
    assert clips[0] == clips[1]


def test_back_undoes_choices_one_by_one_and_moves_of_a_slider_at_once(visit):
    page = visit()
    begin = page.url
    page.locator('#seed').fill('5')
    page.locator('#seed').press('Enter')
    page.locator('#truncation').fill('0.4')
    page.locator('#truncation').fill('0.5')
    choose(page, 'morph')
    assert '&to_seed=1&position=0&truncation=0.5' in page.url and 'view=morph' in page.url
    page.go_back()
    expect(page.locator('#truncation-shown')).to_have_text('0.50')
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', f'{CLASSES[-1]}, seed 5')
    page.go_back()
    expect(page.locator('#truncation-shown')).to_have_text('1.00')
    page.go_back()
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', SHOWN)
    assert page.url == begin
    page.go_forward()
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', f'{CLASSES[-1]}, seed 5')


@pytest.mark.parametrize(
    ('place', 'message'),
    [
        ('#class=dragons&seed=3', 'class "dragons" is not a class of this model'),
        ('#seed=1.5', 'seed "1.5" is not a whole number of at most 64 bits'),
        ('#seed=0&truncation=2', 'truncation "2" is not a number from 0 to 1'),
        ('#view=wall&seed=0', 'view "wall" is not one of one, morph, grid'),
        ('#view=grid&rows=999', 'rows "999" is not a number from 1 to 6'),
    ],
)
def test_an_address_that_asks_for_what_is_not_there_is_explained(visit, place, message):
    page = visit(place, ready='')
    expect(page.locator('#notice')).to_contain_text(f'In this address {message}.')
    expect(page.locator('#cells canvas').first).to_be_attached()


def test_a_seed_that_is_none_is_marked_and_nothing_is_made(visit):
    page = visit()
    for seed in ('', '1.5', 'seed', '9223372036854775808', '9' * 4000):
        page.locator('#seed').fill(seed)
        message = page.locator('#seed').evaluate('(field) => field.validationMessage')
        assert message.startswith('A seed is a whole number')
        expect(page.locator('#cells canvas')).to_have_attribute('aria-label', SHOWN)
    page.locator('#seed').fill('5')
    expect(page.locator('#cells canvas')).to_have_attribute('aria-label', f'{CLASSES[-1]}, seed 5')
