"""The one exception that stands for a user's mistake."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence: what was received and what to do. Commands print it, without a traceback, and exit
    with 2.
    """


class PeerLost(Exception):
    """A process that this one trains with is gone or stuck; final for this process, mended by starting all again."""


EXIT_PEER_LOST = 75  # EX_TEMPFAIL of sysexits: trying again is all it takes
