"""The table of what memory's options save and cost: which numbers go where."""

from dvdgan_tf.benchmarks import memory


def test_a_step_is_two_updates_of_d_and_one_of_g_and_is_compared_with_the_first(monkeypatch):
    def measured(options, sizes, times):
        assert sizes == (64, 48, 16, 4)
        slower = 1.5 if options.recompute else 1.0
        judging, making = memory.Cost(1e6, 2e6, 2.0, 1.0), memory.Cost(3e6, 4e6, 4.0 * slower, 2.0 * slower)
        return {'discriminators': judging, 'generator': making}

    monkeypatch.setattr(memory, '_measure_alone', measured)
    title, _, _, *rows = memory.report()
    assert title.startswith('64x64, 48 frames, ch 16, batch 4')
    assert rows[0] == '| as it is | 1, 3 MB | 2, 4 MB | 8.0 (1.00) | 4.0 (1.00) |'
    assert rows[1] == '| `recompute` | 1, 3 MB | 2, 4 MB | 10.0 (1.25) | 5.0 (1.25) |'
    assert len(rows) == len(memory.OPTIONS)
