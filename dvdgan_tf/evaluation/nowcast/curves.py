"""The scores of `nowcast` over lead time as a picture: every method in one colour."""

from __future__ import annotations

from collections.abc import Mapping

from dvdgan_tf.evaluation.results import figure

_NAMES = {'csi': 'CSI', 'bias': 'frequency bias', 'fss': 'FSS', 'crps': 'CRPS, mm/h'}
_PANELS = (
    *('crps', 'crps_average_4', 'crps_max_4', 'crps_average_16', 'crps_max_16'),
    *('csi_0.5', 'csi_1', 'csi_4', 'csi_8', 'bias_1', 'bias_4', 'fss_1', 'fss_4', 'spectrum_distance'),
)


def write(result: Mapping[str, object], prefix: str) -> str:
    """Writes prefix.png, and returns its path.

    Args:
        result: of `protocol.Nowcast`.
        prefix: of the path.

    Raises:
        InputError: matplotlib is not installed.
    """
    methods = result['methods']
    panels = [name for name in _PANELS if name in methods['model']]
    picture = figure.empty(prefix, 16, 13)
    grid = picture.subplots(4, 4).ravel()
    for axes, name in zip(grid, panels):
        for number, (method, scores) in enumerate(methods.items()):
            axes.plot(*_points(scores[name]), f'C{number}.-', label=method)
        axes.set(title=_title(name), xlabel='lead time, frames')
        if name.startswith('bias'):
            axes.axhline(1.0, color='grey', linestyle=':')
    _draw_spread(grid[len(panels)], methods)
    _draw_spectra(grid[len(panels) + 1], methods)
    for axes in grid[len(panels) + 2 :]:
        axes.set_axis_off()
    of = f'{result["fake_clips"]} forecasts of {result["members"]} members'
    picture.suptitle(f'{result["split"]}, step {result["model"]["step"]}, {of}', x=0.01, ha='left')
    picture.legend(*grid[0].get_legend_handles_labels(), loc='upper right', ncols=len(methods))  # beside the title
    return figure.write(picture, prefix, dots_per_inch=80)


def _points(values: list) -> tuple[list, list]:
    known = [(lead, value) for lead, value in enumerate(values, 1) if value is not None]
    return [lead for lead, _ in known], [value for _, value in known]


def _title(name: str) -> str:
    kind, _, rest = name.partition('_')
    if kind == 'spectrum':
        return 'distance of spectra, dB'
    if kind == 'crps':
        return f'{_NAMES[kind]}{", " + rest.replace("_", " of ") + " pixels" if rest else ""}'
    return f'{_NAMES[kind]}, {rest} mm/h'


def _draw_spread(axes: object, methods: Mapping[str, Mapping]) -> None:
    """Spread (dashed) and error of the mean of every ensemble."""
    for number, scores in enumerate(methods.values()):
        axes.plot(*_points(scores['error']), f'C{number}.-')
        if any(scores['spread']):
            axes.plot(*_points(scores['spread']), f'C{number}--')
    axes.set(title='error of the mean, spread dashed, mm/h', xlabel='lead time, frames')


def _draw_spectra(axes: object, methods: Mapping[str, Mapping]) -> None:
    """Spectra of the last lead time: of the truth, of each method, and of the mean of the model's ensemble."""
    truth = methods['model']['spectrum_of_truth'][-1]
    rings = range(1, len(truth) + 1)
    axes.loglog(rings, truth, 'k', label='truth')
    for number, scores in enumerate(methods.values()):
        axes.loglog(rings, scores['spectrum'][-1], f'C{number}')
    axes.loglog(rings, methods['model']['spectrum_of_mean'][-1], 'C0:', label='mean of the model')
    axes.set(title='power at the last lead time', xlabel='waves over the crop')
    axes.legend(fontsize='x-small', loc='lower left')
