"""Texts that every storage accepts: names, which are keys of a database, and long texts.

    SQLite       no lone surrogate, which ``os.listdir`` returns for bytes that are not UTF-8
    PostgreSQL   no NUL; at most 512 characters in a name
    MySQL        at most 512 characters in a name, and 64 KiB in a text

A name that one of them refuses is refused by bonas at once, whatever the storage, so that a study
can be copied from any storage to any other.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 20_000
"""Maximum number of characters of a text; its end is kept, where a traceback names the error."""
RESERVED = "bonas:"
"""Prefix of the names under which bonas itself writes to a study."""

_LONGEST_NAME = 500  # of 512: "_sd", ".v2" and the like are appended
_SHOWN = 60  # characters of a name in a message
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def objection(name: str, *, reserved: str = RESERVED) -> str | None:
    """Return why a name cannot be stored everywhere; None if it can.

    Names that begin with ``reserved`` are refused; an empty string reserves nothing.

    >>> objection("accuracy")
    >>> objection("bonas:seed")
    "names that begin with 'bonas:' are those of bonas"
    """
    kinds = {unicodedata.category(character) for character in name}
    if not name:
        return "it is empty"
    if len(name) > _LONGEST_NAME:
        return f"it has {len(name)} characters, at most {_LONGEST_NAME} can be stored"
    if "Cs" in kinds:
        return "it has a lone surrogate, which is not a character"
    if "Cc" in kinds:
        return "it has a control character"
    if reserved and name.startswith(reserved):
        return f"names that begin with {reserved!r} are those of bonas"
    return None


def shown(name: object) -> str:
    r"""Return a name, or any other value given as one, for a message: printable and short.

    >>> shown("caf" + chr(0xDCE9)), shown(1)
    ("'caf\\udce9'", '1')
    """
    text = ascii(name) if isinstance(name, str) and _UNSTORABLE.search(name) else repr(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def storable(text: str) -> str:
    """Return the end of a text as every storage accepts it; invalid characters become ``?``.

    >>> storable("caf" + chr(0xDCE9))
    'caf?'
    """
    return _UNSTORABLE.sub("?", text[-LONGEST:])
