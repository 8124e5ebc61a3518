"""Version folders: whole or not there, and the last one has the largest number."""

import os

import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import version_folder


def write(folder):
    with open(f'{folder}/model', 'w') as file:
        file.write('whole')


def failing(error):
    def write(folder):
        with open(f'{folder}/model', 'w') as file:
            file.write('half')
        raise error

    return write


def test_a_version_is_named_by_its_step_and_whole(tmp_path):
    def look(folder):
        assert not (tmp_path / 'out' / '30').exists()
        write(folder)

    place = version_folder.write_version(str(tmp_path / 'out'), 30, 'model', look)
    assert place == str(tmp_path / 'out' / '30') and os.listdir(tmp_path / 'out') == ['30']
    assert (tmp_path / 'out' / '30' / 'model').read_text() == 'whole'


def test_versions_always_increase_so_that_a_run_trained_anew_becomes_the_latest(tmp_path):
    steps, output = (30, 7, 30, 100, 8), str(tmp_path)
    places = [version_folder.write_version(output, step, 'model', write) for step in steps]
    assert [int(os.path.basename(place)) for place in places] == [30, 31, 32, 100, 101]


def test_two_exports_at_the_same_time_take_two_numbers(tmp_path):
    def overtaken(folder):
        version_folder.write_version(str(tmp_path), 4, 'model', write)
        write(folder)

    assert version_folder.write_version(str(tmp_path), 5, 'model', overtaken) == str(tmp_path / '5')
    assert version_folder.write_version(str(tmp_path), 3, 'model', write) == str(tmp_path / '6')
    assert sorted(os.listdir(tmp_path)) == ['4', '5', '6']


def test_what_fails_leaves_nothing(tmp_path):
    version_folder.write_version(str(tmp_path), 3, 'model', write)
    for failure, expected in ((RuntimeError('x'), RuntimeError), (OSError(28, 'No space left on device'), InputError)):
        with pytest.raises(expected):
            version_folder.write_version(str(tmp_path), 4, 'model', failing(failure))
        assert os.listdir(tmp_path) == ['3']
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='could not write'):
        version_folder.write_version(str(tmp_path / 'file'), 1, 'model', write)


def test_a_folder_of_another_format_is_refused_before_anything_is_written(tmp_path):
    version_folder.write_version(str(tmp_path), 3, 'model', write)
    with pytest.raises(InputError, match='exports in another format, 3 the newest; choose another --output'):
        version_folder.write_version(str(tmp_path), 4, '*.tflite', failing(AssertionError('it was written')))
    assert os.listdir(tmp_path) == ['3']


def test_a_folder_of_a_given_name_is_never_overwritten_nor_half_written(tmp_path):
    place = tmp_path / 'model'
    with version_folder.whole_folder(str(place)) as folder:
        write(folder)
        assert not place.exists()
    assert (place / 'model').read_text() == 'whole'
    with pytest.raises(InputError, match='model exists already; remove it'):
        with version_folder.whole_folder(str(place)):
            pass
    for failure, expected in ((RuntimeError('x'), RuntimeError), (OSError(28, 'No space left on device'), InputError)):
        with pytest.raises(expected):
            with version_folder.whole_folder(str(tmp_path / 'other')) as folder:
                failing(failure)(folder)
        assert os.listdir(tmp_path) == ['model']
