"""Settings of every test: four logical CPUs for replicas, no log noise, and global state put back."""

import functools
import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

# Only possible before TensorFlow starts its devices, so no test can do it for itself.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
# As in training on a CPU: what a test runs once is not worth grappler's seconds. Programs that tests start have it.
_WITHOUT_GRAPPLER = {'remapping': True, 'disable_meta_optimizer': True}
tf.config.optimizer.set_experimental_options(_WITHOUT_GRAPPLER)


@pytest.fixture(autouse=True)
def _fresh_process_settings():
    """Puts back what belongs to the process and what training sets: the precision policy, grappler."""
    yield
    tf.config.optimizer.set_experimental_options(_WITHOUT_GRAPPLER)
    keras.mixed_precision.set_global_policy('float32')
    keras.backend.clear_session()


@pytest.fixture(scope='session')
def tfgan():
    """tensorflow-gan, the oracle of losses and scores where it loads."""
    return pytest.importorskip('tensorflow_gan', reason='tensorflow-gan needs TensorFlow 2.15')


@pytest.fixture(scope='session')
def exported_folders(tmp_path_factory):
    """Whole SavedModels of the tiny generators: one for synthesis, one that continues clips."""
    import exported

    from dvdgan_tf.exporters import saved_model, version_folder

    def export(kind, context_frames):
        output = str(tmp_path_factory.mktemp(kind))
        write = functools.partial(saved_model.write, exported.MAX_BATCH, exported.source(context_frames))
        return version_folder.write_version(output, exported.STEP, 'saved_model.pb', write)

    return {'synthesis': export('synthesis', 0), 'prediction': export('prediction', 2)}
