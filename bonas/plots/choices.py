"""Choices of networks as text: in which they differ, and each as ``name=value``, folded.

Neighbours whose names begin alike share a line: ``stage1_*  width=16  depth=3`` has the values of
``stage1_width`` and ``stage1_depth``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import Any

_WIDEST = 32  # characters of a name or a value
_HEAD = re.compile(r"[^._/]+[._/](?=.)")  # what names of one part of a network have in common
_GAP = "  "


def differing(networks: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the parameters that not all networks have with the same value, in their order."""
    names = dict.fromkeys(name for choices in networks for name in choices)
    return [name for name in names if len({_key(choices, name) for choices in networks}) > 1]


def printable(value: object) -> str:
    r"""Return a name or a value for a line of text: short, without control characters.

    >>> printable(0.12345678), printable("two\nlines"), printable("x" * 40)[-5:]
    ('0.1235', 'two\\nlines', 'xx...')
    """
    text = f"{value:.4g}" if isinstance(value, float) else str(value)
    if not text.isprintable():
        text = repr(text)[1:-1]
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


def folded(choices: Mapping[str, Any], width: int) -> list[str]:
    """Return choices as lines of at most ``width`` characters, unless a single one is longer.

    >>> folded({"kind": "conv", "stage1_width": 16, "stage1_depth": 3}, 40)
    ['kind=conv', 'stage1_*  width=16  depth=3']
    """
    lines: list[str] = []
    for head, names in _groups(list(choices)):
        own = [f"{printable(name[len(head) :])}={printable(choices[name])}" for name in names]
        lines += _filled([f"{printable(head)}*", *own] if head else own, width)
    return lines


def _groups(names: Sequence[str]) -> list[tuple[str, list[str]]]:
    """Return neighbours that begin alike with how they begin; all others with an empty text."""
    groups: list[tuple[str, list[str]]] = []
    for head, run in groupby(names, _head):
        own = list(run)
        if head and len(own) > 1:
            groups.append((head, own))
        elif groups and not groups[-1][0]:
            groups[-1][1].extend(own)
        else:
            groups.append(("", own))
    return groups


def _head(name: str) -> str:
    found = _HEAD.match(name)
    return "" if found is None else found[0]


def _filled(words: Sequence[str], width: int) -> list[str]:
    """Return words as lines; all but the first are indented."""
    lines = [words[0]]
    for word in words[1:]:
        if len(lines[-1]) + len(_GAP) + len(word) <= width:
            lines[-1] += _GAP + word
        else:
            lines.append(_GAP + word)
    return lines


def _key(choices: Mapping[str, Any], name: str) -> str:
    return repr(choices[name]) if name in choices else ""
