"""The configurations that earlier versions saved, in today's names.

Text in, text out: a work directory keeps what it was saved with until `bin/train` goes on with it.
"""

from __future__ import annotations

import re

# Version 0.1 bound these on the loop.
_MOVED = {
    **{
        name: f'step.GanStep.{name}'
        for name in (
            *('generator', 'spatial_discriminator', 'temporal_discriminator'),
            *('generator_optimizer', 'discriminator_optimizer', 'global_batch'),
        )
    },
    'checkpoint_every': 'schedule.Checkpoints.every',
    'checkpoint_every_seconds': 'schedule.Checkpoints.every_seconds',
    'keep_last': 'schedule.Checkpoints.keep_last',
    'keep_every': 'schedule.Checkpoints.keep_every',
    'preview_every': 'schedule.Previews.every',
    'preview_clips': 'schedule.Previews.clips',
    'preview_fps': 'schedule.Previews.fps',
}
_RENAMED = {
    r'^from dvdgan_tf\.metrics import during_training$': 'from dvdgan_tf.evaluation import during_training',
    r'^from dvdgan_tf\.models import views$': 'from dvdgan_tf.models import discriminator_inputs',
    r'= @views\.': '= @discriminator_inputs.',
    r'= @moments\.Moments$': '= @moments.InstanceMoments',
}
_IMPORTS = ('from dvdgan_tf.evaluation import during_training', 'from dvdgan_tf.training import schedule')
# Of the distance that 0.1 logged beside the evaluation; and an import that nothing used.
_GONE = r'^(?:from dvdgan_tf\.metrics import offline|from gin import config)\n|^offline\.OfflineFrechet\..*\n'


def upgraded(text: str) -> str:
    """A saved configuration as this version would have saved it.

    Args:
        text: what `gin.config_str` made of it in version 0.1 or later; today's is returned as it is.
    """
    if not re.search(r'^loop\.train\.(?:generator|checkpoint_every) =', text, re.MULTILINE):
        return text
    clips = _value(text, 'offline.OfflineFrechet.num_clips') or '256'
    for before, now in _RENAMED.items():
        text = re.sub(before, now, text, flags=re.MULTILINE)
    text = re.sub(_GONE, '', text, flags=re.MULTILINE)
    for name, now in _MOVED.items():
        text = re.sub(rf'^loop\.train\.{name} =', f'{now} =', text, flags=re.MULTILINE)
    text, added = _one_distance(text, clips)
    imports = '\n'.join(line for line in _IMPORTS if f'{line}\n' not in text)
    text = re.sub(r'^(from __gin__ .*\n)', rf'\1{imports}\n', text, count=1, flags=re.MULTILINE)
    seed = _value(text, 'loop.train.seed')
    added += [
        'loop.train.checkpoints = @schedule.Checkpoints()',
        'loop.train.previews = @schedule.Previews()',
        *([f'step.GanStep.seed = {seed}'] if seed and not _value(text, 'step.GanStep.seed') else []),
    ]
    return text.rstrip('\n') + '\n' + '\n'.join(added) + '\n'


def _one_distance(text: str, clips: str) -> tuple[str, list[str]]:
    """Drops the distance that 0.1 logged; where nothing else scored, the protocol of as many clips takes its place."""
    frechet, every = _value(text, 'loop.train.frechet'), _value(text, 'loop.train.frechet_every')
    evaluation = _value(text, 'loop.train.evaluation')
    text = re.sub(r'^loop\.train\.frechet(?:_every)? = .*\n', '', text, flags=re.MULTILINE)
    if evaluation not in (None, 'None'):
        return text, []
    text = re.sub(r'^loop\.train\.(?:evaluation|evaluate_every) = .*\n', '', text, flags=re.MULTILINE)
    if frechet in (None, 'None'):
        return text, ['loop.train.evaluate_every = 0']
    return text, [
        'loop.train.evaluation = @during_training.ProtocolScores()',
        f'loop.train.evaluate_every = {every or 1000}',
        f"during_training.ProtocolScores.names = ('offline_{clips}',)",
    ]


def _value(text: str, name: str) -> str | None:
    found = re.search(rf'^{re.escape(name)} = (.*)$', text, re.MULTILINE)
    return found[1] if found else None
