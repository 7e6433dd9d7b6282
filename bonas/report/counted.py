"""Numbers of things in words."""

from __future__ import annotations


def counted(n: int, noun: str, plural: str = "") -> str:
    """Return a number of things in words.

    >>> counted(1, "trial"), counted(3, "trial"), counted(2, "fully", "fully")
    ('1 trial', '3 trials', '2 fully')
    """
    return f"{n:,} {noun if n == 1 else plural or noun + 's'}"
