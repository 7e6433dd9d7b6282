"""A small real text for language models: the sources of modules of Python's standard library.

The text is read from the Python that runs, so nothing is downloaded, and it is the same for one
version of Python; another version has a slightly different one.
"""

from __future__ import annotations

import importlib.util
import platform
from importlib.abc import InspectLoader

import numpy as np
import torch

from bonas.arguments import check_count
from bonas.errors import MissingData
from bonas.evaluation.data.rows import Integers
from bonas.evaluation.data.shares import Shares
from bonas.evaluation.data.splits import Splits, split_tensors
from bonas.evaluation.data.targets import Targets

MODULES = ("difflib", "fractions", "heapq", "random", "statistics", "textwrap")
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))
"""The vocabulary: a character's token id is its place; all other characters become ``?``."""

_IDS = np.full(256, CHARACTERS.index("?"))  # of the codes of Latin-1
_IDS[[ord(character) for character in CHARACTERS]] = np.arange(len(CHARACTERS))


def python_text(length: int = 64) -> tuple[Integers, Integers]:
    """Windows of ``length`` characters and, for each character, the next one; about 240,000 in all.

    Returns:
        Inputs and targets, both ``n x length`` token ids. No two windows overlap.

    Raises:
        InvalidArgument: if ``length`` is not a whole number of at least 1.
        MissingData: if this Python has no sources of its library.

    >>> inputs, targets = python_text(length=32)
    >>> inputs.shape[1], bool((inputs[0, 1:] == targets[0, :-1]).all())
    (32, True)
    """
    check_count("length", length)
    ids = encoded("".join(_source(name) for name in MODULES))
    n = (len(ids) - 1) // length
    return ids[: n * length].reshape(n, length), ids[1 : n * length + 1].reshape(n, length)


def encoded(text: str) -> Integers:
    """The token ids of a text, one a character."""
    latin = np.frombuffer(text.encode("latin-1", errors="replace"), dtype=np.uint8)
    return _IDS[latin]


def decoded(ids: Integers) -> str:
    """The text of token ids."""
    return "".join(CHARACTERS[i] for i in ids)


def split_python_text(shares: Shares) -> Splits:
    """The windows of ``python_text``, drawn at random for each part."""
    inputs, targets = python_text()
    checked = Targets("next_token", torch.from_numpy(targets), len(CHARACTERS), targets.shape[1:])
    rows, version = torch.from_numpy(inputs), platform.python_version()
    name = f"python-text of Python {version}: {checked.name(inputs.shape, rows)}"
    return split_tensors(rows, checked, shares.parts(checked), name)


def _source(module: str) -> str:
    spec = importlib.util.find_spec(module)
    loader = None if spec is None else spec.loader
    source = loader.get_source(module) if isinstance(loader, InspectLoader) else None
    if source is None:
        raise MissingData(
            f"expected the source of the standard library's module {module!r}, got none from this "
            f"Python {platform.python_version()}; use one that keeps its sources"
        )
    return source
