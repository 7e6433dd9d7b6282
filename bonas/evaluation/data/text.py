"""A small real text for language models: sources of modules of Python's standard library.

They are read from the running Python: nothing is downloaded, and the text depends on the version of
Python only.
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
"""The vocabulary: the token id of a character is its index; all others become ``?``."""

_IDS = np.full(256, CHARACTERS.index("?"))  # by Latin-1 code
_IDS[[ord(character) for character in CHARACTERS]] = np.arange(len(CHARACTERS))


def python_text(length: int = 64) -> tuple[Integers, Integers]:
    """Return windows of ``length`` characters with the next characters as targets.

    There are about 240,000 characters; the windows do not overlap.

    Returns:
        Inputs and targets, both ``n x length`` token ids.

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
    """Return the token ids of a text, one per character."""
    latin = np.frombuffer(text.encode("latin-1", errors="replace"), dtype=np.uint8)
    return _IDS[latin]


def decoded(ids: Integers) -> str:
    """Return the text of token ids."""
    return "".join(CHARACTERS[i] for i in ids)


def split_python_text(shares: Shares) -> Splits:
    """Split the windows of ``python_text`` at random."""
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
