"""The layouts of data sets that can be prepared."""

from dvdgan_tf.data import folders
from dvdgan_tf.data.clips import Listing


def listing(source: str, path: str) -> Listing:
    """The clips of a data set in one of the known layouts."""
    return folders.list_folder(path)
