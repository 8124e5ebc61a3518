"""Radar as users have it becomes records in mm/h: files of every kind, times, units, missing pixels, and bad input."""

import numpy as np
import pytest
from prepared import run, stored

from dvdgan_tf.data import records
from dvdgan_tf.data.pipeline import Field, RecordClips
from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import radar

h5py = pytest.importorskip('h5py')


def rain(frames=6, size=16, seed=0):
    return np.random.RandomState(seed).gamma(0.5, 2.0, [frames, size, size]).astype(np.float32)


def save(path, rate=None, **others):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez_compressed(path, rate=rain() if rate is None else rate, **{'minutes': np.int32(5), **others})


def frames_of(clip):
    return np.concatenate([frame[None] for frame in radar.rates(clip)])[..., 0]


def test_sequences_keep_their_numbers_missing_pixels_and_splits(tmp_path):
    rate = rain()
    rate[2, :3] = np.nan
    save(tmp_path / 'in' / 'a.npz', rate)
    save(tmp_path / 'in' / 'storm' / 'b.npz')
    listing = radar.radar_files(str(tmp_path / 'in'), 'mm/h')
    run(listing, tmp_path / 'out', Rules('raw'), value_range=(0.0, 128.0))
    manifest = records.read_manifest(str(tmp_path / 'out'))
    assert (manifest['unit'], manifest['missing'], list(manifest['splits'])) == ('mm/h', True, ['train', 'storm'])
    ((_, _, kept),) = stored(tmp_path / 'out')
    np.testing.assert_array_equal(kept[..., 0], rate)
    data = RecordClips(str(tmp_path / 'out'), 8, 4, field=Field(knee=0.2))
    clip, _ = data.example(0)
    assert data.scale.unit == 'mm/h' and clip.shape == (4, 8, 8, 1)
    assert set(np.unique(data.scale.known(clip.numpy()))) <= {True, False}


def test_an_event_of_its_own_split_stays_whole_beside_held_out_ends(tmp_path):
    save(tmp_path / 'in' / 'a.npz', rain(10))
    save(tmp_path / 'in' / 'storm' / 'b.npz', rain(10))
    run(radar.radar_files(str(tmp_path / 'in'), 'mm/h'), tmp_path / 'out', Rules('raw'), value_range=(0.0, 128.0))
    data = RecordClips(str(tmp_path / 'out'), 16, 4, field=Field(), test_part=0.3)
    windows = {name: int(data.of_split(name).clips_per_class().sum()) for name in ('train', 'test', 'storm')}
    assert windows == {'train': 3, 'test': 1, 'storm': 7}  # of 6, 4 and 10 frames


def test_units_become_mm_per_hour():
    np.testing.assert_allclose(radar.in_mm_per_hour(np.float32([1, 2]), 'mm', 5.0), [12, 24])
    reflectivity = 10 * np.log10(200 * np.float32([1, 10]) ** 1.6)
    np.testing.assert_allclose(radar.in_mm_per_hour(reflectivity, 'dBZ', 5.0), [1, 10], rtol=1e-4)
    assert radar.in_mm_per_hour(np.float32([-np.inf]), 'dBZ', 5.0) == 0
    assert np.isnan(radar.in_mm_per_hour(np.float32([np.nan]), 'mm', 5.0)).all()


def write_odim(path, values, time, quantity='RATE'):
    with h5py.File(path, 'w') as file:
        file.create_group('what').attrs.update(date=b'20200131', time=time.encode())
        file['dataset1/data1/data'] = values
        what = file.create_group('dataset1/data1/what')
        what.attrs.update(gain=0.5, offset=0.0, nodata=255.0, undetect=254.0, quantity=quantity.encode())


def test_odim_files_of_a_folder_are_one_sequence(tmp_path):
    values = np.random.RandomState(0).randint(0, 100, [3, 16, 16]).astype(np.uint8)
    values[1, 0, :2] = 255, 254
    for number, time in enumerate(('235500', '235000', '234500')):  # the names are not in the order of the times
        write_odim(tmp_path / f'{number}.h5', values[2 - number], time)
    (clip,) = radar.radar_files(str(tmp_path)).clips
    expected = values * np.float32(0.5)
    expected[1, 0, :2] = np.nan, 0.0
    np.testing.assert_array_equal(frames_of(clip), expected)


def test_knmi_files_are_read(tmp_path):
    for number in range(2):
        with h5py.File(tmp_path / f'{number}.h5', 'w') as file:
            ended = f'26-AUG-2010;00:{5 * number:02d}:00.000'.encode()
            file.create_group('overview').attrs['product_datetime_end'] = ended
            file['image1/image_data'] = np.full([16, 16], 10 + number, np.uint16)
            file['image1'].attrs['image_geo_parameter'] = b'ACCUMULATED_RAINFALL_[MM]'
            attributes = file.create_group('image1/calibration').attrs
            attributes['calibration_formulas'] = b'GEO = 0.010000 * PV + 0.000000'
            attributes['calibration_missing_data'] = 65535
            attributes['calibration_out_of_image'] = 65534
    (clip,) = radar.radar_files(str(tmp_path)).clips
    np.testing.assert_allclose(frames_of(clip)[:, 0, 0], [1.2, 1.32], rtol=1e-5)  # 0.1 mm in 5 minutes


def test_netcdf_files_are_read_and_cut_at_gaps(tmp_path, caplog):
    with h5py.File(tmp_path / 'a.nc', 'w') as file:
        file['precipitation'] = np.full([7, 16, 16], 3, np.int16)
        file['precipitation'][0, 0, 0] = -1
        file['precipitation'].attrs.update(units=b'mm h-1', scale_factor=0.5, _FillValue=np.int16(-1))
        file['time'] = np.array([0, 300, 600, 900, 3000, 3300, 3600])
        file['time'].attrs['units'] = b'seconds since 2020-01-31 00:00:00'
    first, second = radar.radar_files(str(tmp_path)).clips
    assert (frames_of(first).shape[0], frames_of(second).shape[0]) == (4, 3)
    assert np.isnan(frames_of(first)[0, 0, 0]) and frames_of(first)[1, 0, 0] == 1.5
    assert '35 minutes lie between frames 3 and 4 where 5 are usual' in caplog.text


def refused(tmp_path, unit='mm/h', **arrays):
    save(tmp_path / 'in' / 'a.npz', **arrays)
    with pytest.raises(InputError) as caught:
        run(radar.radar_files(str(tmp_path / 'in'), unit), tmp_path / 'out', Rules('raw'))
    assert '\n' not in str(caught.value)
    return str(caught.value)


def test_a_unit_that_is_not_said(tmp_path):
    assert 'give --unit=mm/h or --unit=mm or --unit=dBZ' in refused(tmp_path, None)


def test_negative_rates(tmp_path):
    assert 'a rate of -1 to' in refused(tmp_path, rate=np.where(rain() > 5, np.float32(-1), rain()))


def test_all_pixels_missing(tmp_path):
    rate = rain()
    rate[3] = np.nan
    assert 'has no known pixel in frame 3' in refused(tmp_path, rate=rate)


def test_times_that_go_backwards(tmp_path):
    assert 'not in the order of their times' in refused(tmp_path, minutes=np.arange(6)[::-1])


def test_amounts_without_times(tmp_path):
    (tmp_path / 'in').mkdir()
    np.save(tmp_path / 'in' / 'a.npy', rain())
    with pytest.raises(InputError, match='does not say how many minutes lie between frames'):
        radar.radar_files(str(tmp_path / 'in'), 'mm')


def test_frames_of_other_sizes(tmp_path):
    for number, size in enumerate((16, 24, 16)):
        write_odim(tmp_path / f'{number}.h5', np.zeros([size, size], np.uint8), f'00{5 * number:02d}00')
    with pytest.raises(InputError, match='changes its size from .16, 16, 1. to .24, 24, 1. at frame 1'):
        run(radar.radar_files(str(tmp_path)), tmp_path / 'out', Rules('raw'))


def test_an_array_that_is_no_sequence(tmp_path):
    assert 'where one array [T, H, W] is wanted' in refused(tmp_path, rate=np.zeros([2, 3, 4, 5]))
