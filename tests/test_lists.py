"""Lists as data sets: what a line names, the labels as classes, parts of films, and what cannot be used of them."""

import json
import math

import pytest

from dvdgan_tf.errors import InputError
from dvdgan_tf.prepare.listing import BadClip
from dvdgan_tf.prepare.sources.lists import classes, list_clips, seconds


def described(listing):
    return [(clip.name, listing.class_names[clip.label], clip.split) for clip in listing.clips]


def written(tmp_path, text, name='clips.csv'):
    (tmp_path / name).write_text(text)
    return str(tmp_path / name)


@pytest.mark.parametrize('ending', ['.csv', '.jsonl'])
def test_lists_name_paths_labels_and_splits(tmp_path, ending):
    rows = [{'path': 'x/a.mp4', 'label': 'run', 'split': 'test'}, {'path': 'b.mp4', 'label': 'jump', 'split': 'train'}]
    rows.append({**rows[0]})
    lines = ['Path, label,split'] + [','.join(row.values()) for row in rows]
    text = '\ufeff' + '\r\n'.join(lines) if ending == '.csv' else '\n'.join(map(json.dumps, rows))
    listing = list_clips(written(tmp_path, text, f'clips{ending}'))
    assert described(listing) == [('b.mp4', 'jump', 'train'), ('x/a.mp4', 'run', 'test')]
    assert listing.clips[1].path == str(tmp_path / 'x/a.mp4')
    assert listing.absent == (('x/a.mp4', 'is named twice in the list'),)


def test_splits_have_their_usual_names(tmp_path):
    words = ['Train', 'TEST', 'val', 'Validation', ' training ', '', 'dev']
    text = 'path,label,split\n' + ''.join(f'{number}.mp4,a,{word}\n' for number, word in enumerate(words))
    found = [clip.split for clip in list_clips(written(tmp_path, text)).clips]
    assert found == ['train', 'test', 'validate', 'validate', 'train', 'train', 'dev']


def test_a_missing_label_or_path_is_that_lines_reason(tmp_path):
    rows = [{'path': 'a.mp4', 'label': 'x'}, {'path': 'b.mp4'}, {'path': 'c.mp4', 'label': None}, {'label': 'x'}]
    listing = list_clips(written(tmp_path, '\n'.join(map(json.dumps, rows)), 'clips.jsonl'))
    assert described(listing) == [('a.mp4', 'x', 'train')]
    assert listing.absent == (
        ('b.mp4', 'has no label'),
        ('c.mp4', 'has no label'),
        ('a line without a path', 'has no path'),
    )
    short = list_clips(written(tmp_path, 'path,label\na.mp4,x\nb.mp4\n'))
    assert described(short) == [('a.mp4', 'x', 'train')] and short.absent == (('b.mp4', 'has no label'),)


def test_names_may_hold_characters_that_end_lines_elsewhere(tmp_path):
    name = 'a\u2028b\u0085c.mp4'
    text = json.dumps({'path': name, 'label': 'x'}, ensure_ascii=False) + '\n'
    assert list_clips(written(tmp_path, text, 'clips.jsonl')).clips[0].name == name


@pytest.mark.parametrize(
    'labels, names, numbers',
    [
        (['2', '0'], ['0', '1', '2'], [2, 0]),
        (['007', '1'], [str(n) for n in range(8)], [7, 1]),
        (['20240101', '3'], ['3', '20240101'], [1, 0]),
        (['1999', '2020'], ['1999', '2020'], [0, 1]),
        (['\u00b2', '1'], ['1', '\u00b2'], [1, 0]),
        (['-1', '1'], ['-1', '1'], [0, 1]),
        (['9' * 500, '1'], ['1', '9' * 500], [1, 0]),
    ],
)
def test_labels_that_are_class_numbers_stay_these_numbers_and_others_are_names(labels, names, numbers):
    found, by_label = classes(labels)
    assert found == names and [by_label[label] for label in labels] == numbers


def test_class_numbers_may_be_large_where_most_occur():
    names, by_label = classes(str(number) for number in range(1500))
    assert len(names) == 1500 and by_label['1499'] == 1499


def test_start_and_end_make_parts_of_films_that_share_a_group(tmp_path):
    lines = ['a.mp4,x,0,10', 'a.mp4,y,1:05,1:10.5', 'a.mp4,x,0,10', 'a.mp4,x,12,', 'b.mp4,x,,', 'a.mp4,x,9,3']
    listing = list_clips(written(tmp_path, '\n'.join(['path,label,start,end', *lines])))
    assert [(clip.name, clip.group, clip.part and (clip.part.start, clip.part.end)) for clip in listing.clips] == [
        ('a.mp4#0-10', 'a.mp4', (0, 10)),
        ('a.mp4#12-', 'a.mp4', (12, math.inf)),
        ('a.mp4#65-70.5', 'a.mp4', (65, 70.5)),
        ('b.mp4', 'b.mp4', None),
    ]
    assert listing.absent == (('a.mp4', 'is named twice in the list'), ('a.mp4', 'ends at 3 and starts at 9'))


def test_times_are_read_as_people_write_them():
    assert [seconds(text) for text in ('12.5', '1:00', '01:02:03.25')] == [12.5, 60, 3723.25]
    for text in ('soon', '1:2:3:4', '-1', 'nan', 'inf', '\u0661'):
        with pytest.raises(BadClip, match='has the time'):
            seconds(text)


@pytest.mark.parametrize(
    'name, text, word',
    [
        ('a.csv', 'file,label\nx.mp4,1\n', 'no column path'),
        ('a.csv', 'path,class\nx.mp4,1\n', 'no column label'),
        ('a.csv', '', 'no column path'),
        ('a.jsonl', '{"path": "x.mp4", "label"\n', 'damaged'),
        ('a.jsonl', '[1, 2]\n', 'damaged'),
        ('a.jsonl', '[' * 100000, 'damaged'),
    ],
)
def test_a_bad_list_is_refused_in_one_sentence(tmp_path, name, text, word):
    with pytest.raises(InputError, match=word):
        list_clips(written(tmp_path, text, name))


def test_a_list_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match='cannot be read'):
        list_clips(str(tmp_path / 'missing.csv'))
    (tmp_path / 'latin.csv').write_bytes(b'path,label\n\xff\xfe.mp4,1\n')
    with pytest.raises(InputError, match='cannot be read'):
        list_clips(str(tmp_path / 'latin.csv'))
