"""The configurations that earlier versions saved, in today's names.

Text in, text out: a work directory keeps what it was saved with until `bin/train` goes on with it.
"""

from __future__ import annotations

import re

# What version 0.1 bound on the loop and is bound on the step now.
_OF_THE_STEP = (
    'generator',
    'spatial_discriminator',
    'temporal_discriminator',
    'generator_optimizer',
    'discriminator_optimizer',
    'global_batch',
)
_RENAMED = {
    r'^from dvdgan_tf\.metrics import during_training$': 'from dvdgan_tf.evaluation import during_training',
    r'^from dvdgan_tf\.models import views$': 'from dvdgan_tf.models import discriminator_inputs',
    r'= @views\.': '= @discriminator_inputs.',
    r'= @moments\.Moments$': '= @moments.InstanceMoments',
}


def upgraded(text: str) -> str:
    """A saved configuration, `gin.config_str` of its time, as this version would have saved it.

    Args:
        text: of version 0.1 or later; today's is returned as it is.
    """
    for before, now in _RENAMED.items():
        text = re.sub(before, now, text, flags=re.MULTILINE)
    for name in _OF_THE_STEP:
        text = re.sub(rf'^loop\.train\.{name} =', f'step.GanStep.{name} =', text, flags=re.MULTILINE)
    if not re.search(r'^step\.GanStep\.seed =', text, re.MULTILINE):
        text = re.sub(r'^(loop\.train)(\.seed = .*\n)', r'\1\2step.GanStep\2', text, flags=re.MULTILINE)
    return text
