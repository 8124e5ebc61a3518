"""Looking up the width constants of a resolution."""

from typing import Dict, Tuple

from dvdgan_tf.errors import InputError


def constants(table: Dict[int, Tuple[int, ...]], resolution: int) -> Tuple[int, ...]:
    """The width constants of a resolution.

    Raises:
      InputError: the table has no such resolution.
    """
    if resolution not in table:
        raise InputError(f'RESOLUTION is {resolution}; the networks are defined for {", ".join(map(str, table))}.')
    return table[resolution]
