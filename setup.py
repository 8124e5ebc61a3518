"""Packaging of dvdgan_tf.

On a Cloud TPU VM install with --no-deps: pip must not replace the TensorFlow that can drive a TPU.
"""

import pathlib
import re

import setuptools

ROOT = pathlib.Path(__file__).resolve().parent
VERSION = re.search(r"^__version__ = '(.+)'$", (ROOT / 'dvdgan_tf' / '__init__.py').read_text(), re.MULTILINE).group(1)

SHIPPED = {f'dvdgan_tf._shipped.{name}': name for name in ('gin', 'export')}

OLDER, NEWER = 'python_version < "3.12"', 'python_version >= "3.12"'

VIDEO = ['av>=15.1,<19']  # PyAV: reads video files, writes MP4
# TensorFlow Serving's protocol.
SERVING = [
    f'tensorflow-serving-api>=2.15.1,<2.16; {OLDER}',
    f'tensorflow-serving-api>=2.21,<2.22; {NEWER}',
    'grpcio>=1.50,<2',
]
RADAR = ['h5py>=3.8,<4']
PLOTS = ['matplotlib>=3.7,<4']  # loss curves and truncation curves as pictures
SCENES = ['scenedetect>=0.7,<0.8']  # bin/prepare --scenes
# bin/prepare --source=tfds:NAME; later metadata needs a protobuf that TensorFlow 2.15 does not have.
TFDS = ['tensorflow-datasets>=4.9.4,<5', f'tensorflow-metadata<1.17; {OLDER}']
BEAM = ['apache-beam>=2.50,<3']  # bin/prepare --beam
XLA = ['jaxlib>=0.4.30,<0.6']  # export/xla/run.py, which TensorFlow is not needed for
setuptools.setup(
    name='dvdgan_tf',
    version=VERSION,
    description='DVD-GAN: adversarial video generation, in TensorFlow 2',
    long_description=(ROOT / 'README.md').read_text(),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    # A wheel carries gin/ and export/ inside the package, where dvdgan_tf/shipped.py looks for them.
    packages=[*setuptools.find_packages(include=['dvdgan_tf', 'dvdgan_tf.*']), *SHIPPED],
    package_dir=SHIPPED,
    package_data={**{name: ['**/*'] for name in SHIPPED}, 'dvdgan_tf.report': ['static/**/*']},
    exclude_package_data={name: ['**/__pycache__/*'] for name in SHIPPED},
    entry_points={'console_scripts': ['dvdgan = dvdgan_tf.command:dvdgan']},
    python_requires='>=3.9,<3.14',
    # Two releases of TensorFlow: the newest on which tensorflow-gan and tensorflow-io load as well, and, for Pythons
    # that it has no wheels for, the newest of all. tf-keras belongs to the TensorFlow of its own number.
    install_requires=[
        f'tensorflow>=2.15.1,<2.16; {OLDER}',
        f'tf-keras>=2.15.1,<2.16; {OLDER}',
        # The reference of the scores, which are computed without it since it fails to import on newer TensorFlow.
        f'tensorflow-gan>=2.1,<2.2; {OLDER}',
        f'tensorflow-probability>=0.23,<0.24; {OLDER}',
        # No wheel for Windows exists; without it only object stores and its decoder are missing.
        f'tensorflow-io==0.36.0; {OLDER} and platform_system != "Windows"',
        f'numpy>=1.23.5,<2; {OLDER}',
        f'tensorflow>=2.21,<2.22; {NEWER}',
        f'tf-keras>=2.21,<2.22; {NEWER}',
        f'tensorboard>=2.20,<3; {NEWER}',  # TensorFlow 2.21 brings none
        f'numpy>=1.26,<3; {NEWER}',
        'tensorflow-hub>=0.16.1,<0.17',
        'gin-config>=0.5,<0.6',
        'absl-py>=1.4,<3',
        'Pillow>=10,<14',
        'google-crc32c>=1.5,<2',  # checksums of records that are written without TensorFlow
        'Pebble>=5,<6',  # the processes of bin/prepare, of which one may crash
        # tensorflow-hub and TensorBoard import pkg_resources, which setuptools 81 warns about and 82 removes.
        'setuptools<81',
    ],
    extras_require={
        'cuda': [f'tensorflow[and-cuda]>=2.15.1,<2.16; {OLDER}', f'tensorflow[and-cuda]>=2.21,<2.22; {NEWER}'],
        'video': VIDEO,
        'scenes': SCENES,
        'tfds': TFDS,
        'beam': BEAM,
        'plots': PLOTS,
        'radar': RADAR,  # files of HDF5 and NetCDF
        # The references of bin/evaluate --protocol=nowcast; newer pysteps do not bring the OpenCV that they need.
        'nowcast': ['pysteps>=1.7,<2', 'opencv-python-headless>=4.8,<6', *PLOTS],
        'serving': SERVING,
        'xla': XLA,
        # Drives the system's Chromium in the tests of the web page, and looks there for what hinders people.
        'web': ['playwright>=1.50,<2', 'axe-playwright-python>=0.1.4,<0.2'],
        'docs': ['pdoc>=15,<17'],  # make docs
        'test': [
            *('pytest>=8,<10', 'pytest-xdist>=3.5,<4', 'ruff>=0.6,<1', 'pyyaml>=6,<7'),
            'scipy>=1.10,<2',
            *('nbclient>=0.10,<1', 'ipykernel>=6.29,<8'),  # docs/quickstart.ipynb
            *(*VIDEO, *PLOTS, *SERVING, *RADAR, *XLA),
        ],
    },
)
