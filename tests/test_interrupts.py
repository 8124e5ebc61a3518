"""Signals: the first is noted, the second ends the process at once, and outside of the loop so does the first."""

import os
import signal
import subprocess
import sys

import pytest

from dvdgan_tf.training import interrupts

_ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_LOOP = """
import logging, sys, time
from dvdgan_tf.training.interrupts import StopRequest
logging.basicConfig(stream=sys.stdout)
with StopRequest():
    print('ready', flush=True)
    while True:
        time.sleep(0.01)
"""
_BEFORE = """
import time
from dvdgan_tf.training.interrupts import ended_at_once
with ended_at_once():
    try:
        print('ready', flush=True)
        time.sleep(600)
    except BaseException:
        print('an exception', flush=True)
"""
BOTH = pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGINT])


def _start(body):
    process = subprocess.Popen(
        [sys.executable, '-c', body], cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == 'ready\n'
    return process


@BOTH
def test_the_first_is_noted_and_what_was_there_before_comes_back(number):
    before = [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]
    with interrupts.StopRequest() as stop:
        assert stop.received is None
        os.kill(os.getpid(), number)
        assert stop.received == number
    assert before == [signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT)]


@BOTH
@pytest.mark.parametrize('second', [signal.SIGTERM, signal.SIGINT])
def test_the_second_ends_the_process_without_a_traceback(number, second):
    process = _start(_LOOP)
    process.send_signal(number)
    assert f'{number.name}: finishing this loop call' in process.stdout.readline()
    process.send_signal(second)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said, errors) == (-second, '', '')


@BOTH
def test_outside_of_the_loop_the_first_ends_it_with_a_sentence(number):
    process = _start(_BEFORE)
    process.send_signal(number)
    said, errors = process.communicate(timeout=60)
    assert (process.returncode, said) == (128 + number, '')
    assert errors.startswith(f'{number.name} outside of the training loop: what was saved before stays; ')
    assert errors.count('\n') == 1


def test_a_handler_that_python_does_not_know_becomes_the_usual_one(monkeypatch):
    usual = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setattr(interrupts, '_install', lambda handler: {signal.SIGTERM: None})
    try:
        with interrupts.StopRequest():
            pass
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        for number, handler in usual.items():
            signal.signal(number, handler)
