"""The one exception that stands for a user's mistake."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence: what was received and what to do. Commands print it, without a traceback, and exit
    with 2.
    """
