"""Version folders: whole or not there."""

import os

import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.exporters import version_folder


def test_a_version_is_never_overwritten_nor_half_written(tmp_path):
    with version_folder.version_folder(str(tmp_path), 3) as place:
        assert not (tmp_path / '3').exists()
        (tmp_path / os.path.basename(place) / 'model').write_text('whole')
    assert (tmp_path / '3' / 'model').read_text() == 'whole'
    with pytest.raises(InputError, match='3 exists already; remove it'):
        with version_folder.version_folder(str(tmp_path), 3):
            pass
    for failure, expected in ((RuntimeError('x'), RuntimeError), (OSError(28, 'No space left on device'), InputError)):
        with pytest.raises(expected):
            with version_folder.version_folder(str(tmp_path), 4):
                raise failure
        assert os.listdir(tmp_path) == ['3']
    (tmp_path / 'file').write_text('')
    with pytest.raises(InputError, match='could not write'):
        with version_folder.version_folder(str(tmp_path / 'file'), 1):
            pass
