"""The configurations that earlier versions saved, in today's names.

Text in, text out: a work directory keeps what it was saved with until `bin/train` goes on with it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

# Version 0.1 bound these on the loop.
_MOVED_FROM_THE_LOOP = {
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
# Until the step, the generator and the clips were given what belongs together as one.
_GROUPED = {
    r'step\.GanStep\.(generator|spatial_discriminator|temporal_discriminator)': r'models.Networks.\1',
    r'step\.GanStep\.(spatial_frames|phi|augmentation|masked)': r'models.DiscriminatorInputs.\1',
    r'step\.GanStep\.ema_(decay|start_step)': r'ema.MovingAverage.\1',
    r'step\.GanStep\.grid_cell_(weight|samples)': r'losses.GridCell.\1',
    r'models\.Generator\.(block|moments|attention|unroll|recompute)': r'models.Groups.\1',
    r'pipeline\.RecordClips\.(importance|knee)': r'pipeline.Field.\1',
}
# Of the distance that 0.1 logged beside the evaluation; and an import that nothing used.
_GONE = r'^(?:from dvdgan_tf\.metrics import offline|from gin import config)\n|^offline\.OfflineFrechet\..*\n'


def upgraded(text: str) -> str:
    """A saved configuration as this version would have saved it.

    Args:
        text: what `gin.config_str` made of it in version 0.1 or later; today's is returned as it is.
    """
    if re.search(r'^loop\.train\.(?:generator|checkpoint_every) =', text, re.MULTILINE):
        text = _without_what_0_1_bound_on_the_loop(text)
    if re.search(r'^step\.GanStep\.generator =', text, re.MULTILINE):
        text = _grouped(text)
    return text


def _grouped(text: str) -> str:
    """What belongs together is one argument; what is off is None and has no parameters."""
    added = ['step.GanStep.networks = @models.Networks()']
    imports = ['from dvdgan_tf import models', 'from dvdgan_tf.training import ema']
    text, evaluation = _with_its_own_period(text)
    added += evaluation
    if float(_value(text, 'step.GanStep.grid_cell_weight') or 0):
        added.append('step.GanStep.grid_cell = @losses.GridCell()')
        imports.append('from dvdgan_tf import losses')
    else:
        text = _dropped(text, 'step.GanStep.grid_cell_weight', 'step.GanStep.grid_cell_samples')
    if _value(text, 'pipeline.RecordClips.native') == 'True':
        added.append('pipeline.RecordClips.field = @pipeline.Field()')
    else:
        text = re.sub(r'^pipeline\.RecordClips\.(?:importance|knee) = None\n', '', text, flags=re.MULTILINE)
    text = _dropped(text, 'pipeline.RecordClips.native')
    for before, now in _GROUPED.items():
        text = re.sub(rf'^{before} =', f'{now} =', text, flags=re.MULTILINE)
    for owner, argument, made in (
        ('step.GanStep', 'discriminator_inputs', 'models.DiscriminatorInputs'),
        ('step.GanStep', 'moving_average', 'ema.MovingAverage'),
        ('models.Generator', 'groups', 'models.Groups'),
    ):
        if re.search(rf'^{re.escape(made)}\.', text, re.MULTILINE):
            added.append(f'{owner}.{argument} = @{made}()')
    return _with(_with_imports(text, imports), added)


def _with_its_own_period(text: str) -> tuple[str, list[str]]:
    """The period is the evaluation's; with none, nothing of an evaluation is left."""
    every, evaluation = _value(text, 'loop.train.evaluate_every'), _value(text, 'loop.train.evaluation')
    text = _dropped(text, 'loop.train.evaluate_every')
    made = re.fullmatch(r'@(\S+)\(\)', evaluation or '')
    if made is None or every is None:
        return text, []
    if every != '0':
        return text, [f'{made[1]}.every = {every}']
    text = _dropped(text, 'loop.train.evaluation', rf'{made[1]}.\w+')
    return text, ['loop.train.evaluation = None']


def _without_what_0_1_bound_on_the_loop(text: str) -> str:
    clips = _value(text, 'offline.OfflineFrechet.num_clips') or '256'
    for before, now in _RENAMED.items():
        text = re.sub(before, now, text, flags=re.MULTILINE)
    text = re.sub(_GONE, '', text, flags=re.MULTILINE)
    for name, now in _MOVED_FROM_THE_LOOP.items():
        text = re.sub(rf'^loop\.train\.{name} =', f'{now} =', text, flags=re.MULTILINE)
    text, added = _one_distance(text, clips)
    text = _with_imports(text, _IMPORTS)
    seed = _value(text, 'loop.train.seed')
    added += [
        'loop.train.checkpoints = @schedule.Checkpoints()',
        'loop.train.previews = @schedule.Previews()',
        *([f'step.GanStep.seed = {seed}'] if seed and not _value(text, 'step.GanStep.seed') else []),
    ]
    return _with(text, added)


def _one_distance(text: str, clips: str) -> tuple[str, list[str]]:
    """Drops the distance that 0.1 logged; where nothing else scored, the protocol of as many clips takes its place."""
    frechet, every = _value(text, 'loop.train.frechet'), _value(text, 'loop.train.frechet_every')
    evaluation = _value(text, 'loop.train.evaluation')
    text = re.sub(r'^loop\.train\.frechet(?:_every)? = .*\n', '', text, flags=re.MULTILINE)
    if evaluation not in (None, 'None'):
        return text, []
    text = re.sub(r'^loop\.train\.(?:evaluation|evaluate_every) = .*\n', '', text, flags=re.MULTILINE)
    if frechet in (None, 'None'):
        return text, []
    return text, [
        'loop.train.evaluation = @during_training.ProtocolScores()',
        f'loop.train.evaluate_every = {every or 1000}',
        f"during_training.ProtocolScores.names = ('offline_{clips}',)",
    ]


def _with(text: str, lines: Sequence[str]) -> str:
    return text.rstrip('\n') + '\n' + '\n'.join(lines) + '\n'


def _with_imports(text: str, imports: Sequence[str]) -> str:
    lines = ''.join(f'{line}\n' for line in imports if f'{line}\n' not in text)
    return re.sub(r'^(from __gin__ .*\n)', rf'\1{lines}', text, count=1, flags=re.MULTILINE)


def _dropped(text: str, *names: str) -> str:
    """Without the bindings of these, patterns, whose values may go on in lines that are indented."""
    for name in names:
        text = re.sub(rf'^{name} =.*\n([ \t].*\n)*', '', text, flags=re.MULTILINE)
    return text


def _value(text: str, name: str) -> str | None:
    found = re.search(rf'^{re.escape(name)} = (.*)$', text, re.MULTILINE)
    return found[1] if found else None
