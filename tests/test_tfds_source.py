"""Video sets of tensorflow-datasets that lie on disk: the same pixels, labels and splits, nothing downloaded."""

import numpy as np
import pytest
from prepared import run, stored
from sample_files import clip

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare import preparation
from dvdgan_tf.prepare.listing import Rules
from dvdgan_tf.prepare.sources import tfds_source

tfds = pytest.importorskip('tensorflow_datasets')


class SmallClips(tfds.core.GeneratorBasedBuilder):
    """Five drawn clips of two classes; the last train example has no label, as test sets have none."""

    VERSION = tfds.core.Version('1.0.0')

    def _info(self):
        features = {
            'video': tfds.features.Video(shape=(None, 32, 48, 3)),
            'label': tfds.features.ClassLabel(names=['jump', 'run']),
        }
        return tfds.core.DatasetInfo(builder=self, features=tfds.features.FeaturesDict(features))

    def _split_generators(self, dl_manager):
        return {'train': self._examples(0, 3), 'validation': self._examples(3, 5)}

    def _generate_examples(self, first, last):
        return self._examples(first, last)

    def _examples(self, first, last):
        for number in range(first, last):
            yield number, {'video': clip(4 + number, number), 'label': -1 if number == 2 else number % 2}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp('tfds')
    SmallClips(data_dir=str(root)).download_and_prepare()
    return str(root)


@pytest.mark.parametrize('processes', [1, 2])
def test_clips_come_back_exactly(folder, tmp_path, processes):
    listing = tfds_source.tfds_clips('small_clips', folder)
    assert listing.class_names == ('jump', 'run') and listing.lossless
    manifest = run(listing, tmp_path / 'out', Rules('raw'), processes=processes)
    assert {name: split['clips'] for name, split in manifest['splits'].items()} == {'train': 2, 'validate': 2}
    for split in ('train', 'validate'):
        for _, label, frames in stored(tmp_path / 'out', split):
            number = len(frames) - 4
            assert label == number % 2
            np.testing.assert_array_equal(frames, clip(len(frames), number))
    assert [reason for _, reason in preparation.skipped_clips(str(tmp_path / 'out'))] == ['has no label']


def test_what_is_not_there_is_one_sentence(tmp_path):
    with pytest.raises(InputError, match='give its data_dir as --input'):
        tfds_source.tfds_clips('no_such_set', str(tmp_path))
    with pytest.raises(InputError, match='is not prepared in'):
        tfds_source.tfds_clips('small_clips', str(tmp_path))
