"""Settings of every test: four logical CPUs for replicas, no log noise, and global state put back."""

import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import pytest  # noqa: E402
import tensorflow as tf  # noqa: E402
import tf_keras as keras  # noqa: E402

# Only possible before TensorFlow starts its devices, so no test can do it for itself.
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices('CPU')[0], [tf.config.LogicalDeviceConfiguration()] * 4
)


@pytest.fixture(autouse=True)
def _fresh_process_settings():
    """Puts back the precision policy, which belongs to the process and which training sets."""
    yield
    keras.mixed_precision.set_global_policy('float32')
    keras.backend.clear_session()
