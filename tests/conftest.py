"""Settings of every test: no GPU memory taken whole, no log noise, and global state put back."""

import os

os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')

import pytest  # noqa: E402
import tf_keras as keras  # noqa: E402


@pytest.fixture(autouse=True)
def _fresh_process_settings():
    """Puts back the precision policy, which belongs to the process and which training sets."""
    yield
    keras.mixed_precision.set_global_policy('float32')
    keras.backend.clear_session()
