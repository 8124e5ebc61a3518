"""The search for a recipe: every variant is a configuration that works, and its table says what the runs said."""

import argparse
import importlib.util
import json
import os

import pytest

from dvdgan_tf import config
from dvdgan_tf.training import loop

_CHECKOUT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


@pytest.fixture(scope='module')
def recipe():
    spec = importlib.util.spec_from_file_location('recipe', os.path.join(_CHECKOUT, 'studies', 'recipe.py'))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _arguments(**changes):
    given = {'steps': 400, 'precision': 'float32', 'weizmann': 'records', 'scenes': 'records'}
    return argparse.Namespace(**{**given, **changes})


def test_every_variant_is_a_configuration_without_a_dead_binding(recipe):
    texts = {}
    for data_set, (gin_file, _) in recipe.SETS.items():
        for variant in recipe.VARIANTS:
            if recipe.is_possible(data_set, variant):
                config.parse([gin_file], recipe.bindings(data_set, variant, _arguments(), seed=3))
                assert config.dead_bindings(loop.train) == [], (data_set, variant)
                text = config.text()
                assert 'SEED = 3' in text and 'TRAIN_STEPS = 400' in text and "'recognition', 'offline_256'" in text
                assert text not in texts, (data_set, variant, texts[text])
                texts[text] = data_set, variant
    assert len(texts) == 3 * len(recipe.VARIANTS) - 1


def test_a_finished_run_is_a_row_at_equal_steps_and_at_equal_time(recipe, tmp_path):
    columns = {f'recognition/{name}': 0.5 for name in recipe.COLUMNS}
    floors = {f'recognition/{name}_floor': 0.9 for name in recipe.COLUMNS}
    with open(tmp_path / 'metrics.jsonl', 'w') as file:
        for step in (50, 100, 150, 200):
            record = {'step': step, 'loss/spatial': step / 1000, 'loss/temporal': 0.5}
            file.write(json.dumps(record) + '\n')
            if step % 100 == 0:
                found = {'step': step, 'offline_256/frechet': 1000.0 / step, 'offline_256/frechet_floor': 1.0}
                file.write(json.dumps({**found, **columns, **floors}) + '\n')
    result = recipe.result(str(tmp_path))
    assert list(result['looks']) == ['100', '200']
    assert result['lowest'] == {'spatial': 0.1, 'temporal': 0.5}
    key = {'set': 'shapes', 'seed': 0, 'steps': 200}
    costs = {'base': 20.0, 'slow': 40.0}
    rows = [{**key, 'variant': variant, 'seconds': cost, **result} for variant, cost in costs.items()]
    table = '\n'.join(recipe.table(rows))
    assert 'recognised (0.9)' in table and 'offline (1)' in table
    base, slow = table.splitlines()[-2:]
    assert base.endswith('| 5 | 0.10 | 5 (step 200) | 0.1, 0.5 |')
    assert slow.endswith('| 5 | 0.20 | 10 (step 100) | 0.1, 0.5 |')
