"""The identity of a file, which shows whether another file has taken its place under its path."""

from __future__ import annotations

import os
from os import PathLike

Identity = tuple[int, int]
"""The device and the inode of a file."""


def identity_of(path: str | PathLike[str] | int) -> Identity | None:
    """Return the identity of the file at ``path``, or of an open one; None if there is none."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
