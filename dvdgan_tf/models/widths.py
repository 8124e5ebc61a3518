"""Looking up the width constants of a resolution."""

from __future__ import annotations

from dvdgan_tf.errors import InputError


def constants(table: dict[int, tuple[int, ...]], resolution: int) -> tuple[int, ...]:
    """The width constants of a resolution.

    Raises:
        InputError: the table has no such resolution.
    """
    if resolution not in table:
        raise InputError(f'RESOLUTION is {resolution}; the networks are defined for {", ".join(map(str, table))}.')
    return table[resolution]
