"""What is saved is what is on the screen, as other programs read it."""

import io

import numpy as np
import pytest
from conftest import ABOUT, ONE, Visit, settled
from PIL import Image
from playwright.sync_api import expect

FRAMES, SIZE = ABOUT['num_frames'], ABOUT['resolution']
FACTOR = max(1, -(-256 // SIZE))  # pixels are repeated until a clip can be seen
NAME = f'{ABOUT["classes"][-1]}_seed_0'


def saved(page, button):
    with page.expect_download() as waiting:
        page.locator(f'#{button}').click()
    return waiting.value


def assert_webm_is_the_clip_twice(download, clip):
    av = pytest.importorskip('av')
    assert download.suggested_filename == f'{NAME}.webm'
    with av.open(io.BytesIO(download.path().read_bytes())) as film:
        decoded = list(film.decode(video=0))
    frames = [frame.to_ndarray(format='rgb24') for frame in decoded]
    assert frames[0].shape == (SIZE * FACTOR, SIZE * FACTOR, 3)
    small = np.array(frames).reshape(len(frames), SIZE, FACTOR, SIZE, FACTOR, 3).mean((2, 4))
    nearest = [np.abs(clip - frame).mean((1, 2, 3)) for frame in small]
    assert np.max(np.min(nearest, 1)) < 10  # lossy
    return [int(np.argmin(distance)) for distance in nearest], [float(frame.time) for frame in decoded]


def test_gif_and_webm_have_all_frames(visit, reference):
    page = visit()
    download = saved(page, 'gif')
    assert download.suggested_filename == f'{NAME}.gif'
    with Image.open(download.path()) as gif:
        assert (gif.format, gif.n_frames, gif.info['loop']) == ('GIF', FRAMES, 0)
        for number, frame in enumerate(reference[0]):
            gif.seek(number)
            assert abs(gif.info['duration'] - 1000 / ABOUT['fps']) <= 5  # a GIF counts in hundredths of a second
            shown = np.asarray(gif.convert('RGB'))[FACTOR // 2 :: FACTOR, FACTOR // 2 :: FACTOR].astype(int)
            assert np.abs(shown - frame).mean() < 4  # 256 colours
    expect(page.locator('#status')).to_have_text('Saved')
    shown, times = assert_webm_is_the_clip_twice(saved(page, 'webm'), reference[0])
    assert len(shown) == 2 * FRAMES  # encoded and not recorded: every frame is there, and in its place
    np.testing.assert_allclose(times, np.arange(2 * FRAMES) / ABOUT['fps'], atol=2e-3)


def test_without_webcodecs_webm_is_recorded(browser, address, reference):
    visit = Visit(browser)
    visit.context.add_init_script('delete globalThis.VideoEncoder')
    page = visit.open(address + ONE)
    settled(page)
    shown, _ = assert_webm_is_the_clip_twice(saved(page, 'webm'), reference[0])
    assert len(shown) >= 2 * FRAMES - 2  # a busy machine may drop one
    assert len(set(shown)) > FRAMES / 2
    assert visit.errors == []
    visit.context.close()


def test_a_grid_is_saved_as_one_gif(visit, reference):
    page = visit(f'{ONE}&view=grid&rows=1')  # seeds of one class
    settled(page)
    columns = page.locator('#cells button').count()
    with Image.open(saved(page, 'gif').path()) as gif:
        picture = np.asarray(gif.convert('RGB')).astype(int)
    factor = max(1, -(-256 // (columns * SIZE)))
    assert picture.shape == (SIZE * factor, columns * SIZE * factor, 3)
    first = picture[factor // 2 :: factor, factor // 2 :: factor][:, :SIZE]
    assert np.abs(first - reference[0][0]).mean() < 5
    assert np.abs(picture[:, -SIZE * factor :] - picture[:, : SIZE * factor]).mean() > 1
