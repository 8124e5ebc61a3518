"""A run folder from someone else runs no code of theirs: what it names outside of the package is refused."""

import pytest

from dvdgan_tf import config
from dvdgan_tf.errors import InputError
from dvdgan_tf.training import loop


@pytest.fixture
def folder(tmp_path):
    """A run folder; a file `ran` appears in it if something that it names is run."""
    config.parse(['gin/quickstart.gin'], ['loop.train.evaluation = None'])
    path = tmp_path / 'run'
    config.save(str(path))
    return path


def _with(folder, first, *, seed=None, last=''):
    """The folder's configuration with more lines, and another value of the seed."""
    file = folder / config.FILE_NAME
    text = file.read_text()
    head, rest = text.split('\n', 1)
    if seed is not None:
        rest = rest.replace('loop.train.seed = %SEED', f'loop.train.seed = {seed}')
        assert seed in rest
    file.write_text('\n'.join([head, *first, rest, last]))


def _attack(folder, name):
    """What each way of running code writes into the configuration."""
    ran = folder / 'ran'
    program = folder / 'program.py'
    program.write_text(f'open({str(ran)!r}, "w").close()\n')
    attacks = {
        'os.system': lambda: _with(
            folder, ['import os'], seed='@os.system()', last=f"os.system.command = 'touch {ran}'\n"
        ),
        'runpy': lambda: _with(
            folder, ['import runpy'], seed='@runpy.run_path()', last=f"runpy.run_path.path_name = '{program}'\n"
        ),
        'a macro': lambda: _with(
            folder, ['import os', 'EVIL = @os.system()'], seed='%EVIL', last=f"os.system.command = 'touch {ran}'\n"
        ),
        'through a module of the package': lambda: _with(
            folder,
            ['from dvdgan_tf.work_dir import data_facts'],
            seed='@data_facts.os.system()',
            last=f"data_facts.os.system.command = 'touch {ran}'\n",
        ),
        'through a configurable module': lambda: _with(
            folder,
            [],
            seed='@loop.data_facts.os.system()',
            last=f"loop.data_facts.os.system.command = 'touch {ran}'\n",
        ),
        'hidden in a list': lambda: _with(
            folder,
            ['import os'],
            last=f"synthetic.SyntheticClips.seed = [{{'a': (@os.system(),)}}]\nos.system.command = 'touch {ran}'\n",
        ),
    }
    attacks[name]()
    return ran


ATTACKS = {
    'os.system': 'imports os,',
    'runpy': 'imports runpy,',
    'a macro': 'imports os,',
    'through a module of the package': 'imports dvdgan_tf.work_dir.data_facts,',
    'through a configurable module': 'names loop.data_facts.os.system,',
    'hidden in a list': 'imports os,',
}


@pytest.mark.parametrize('name', ATTACKS)
def test_a_folder_that_would_run_code_is_refused_by_name_unless_it_is_trusted(folder, name):
    ran = _attack(folder, name)
    with pytest.raises(InputError, match=ATTACKS[name]) as raised:
        config.load(str(folder))
    assert '--trust' in str(raised.value) and '\n' not in str(raised.value)
    assert not ran.exists()
    config.load(str(folder), trusted=True)
    if name == 'hidden in a list':
        config.bindings(loop.train, only=('data',))
    else:
        config.bindings(loop.train, only=('seed',))
    assert ran.exists()


def test_an_include_is_refused_and_shows_nothing_of_the_file(folder, tmp_path):
    secret = tmp_path / 'secret'
    secret.write_text('correct horse battery staple\n')
    _with(folder, [], last=f"include '{secret}'\n")
    with pytest.raises(InputError, match='includes ') as raised:
        config.load(str(folder))
    assert 'horse' not in str(raised.value)
    secret.write_text('loop.train.steps_per_loop = 3\n')
    config.load(str(folder), trusted=True)
    assert config.bindings(loop.train, only=('steps_per_loop',)) == {'steps_per_loop': 3}


def test_going_on_with_a_run_runs_nothing_of_its_folder(folder):
    ran = _attack(folder, 'os.system')
    config.parse(['gin/quickstart.gin'], ['loop.train.evaluation = None'])
    assert config.difference(str(folder))['loop.train.seed'] == ('@os.system()', '%SEED')
    assert not ran.exists()


def test_a_run_whose_data_were_named_on_the_command_line_is_data_too(tmp_path):
    config.parse(['gin/small/weizmann_32x32x12.gin'], ["DATA_DIR = 'records'", 'SEED = 3'])
    config.save(str(tmp_path))
    config.load(str(tmp_path))
    assert 'SEED = 3' in config.text()
