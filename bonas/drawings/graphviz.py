"""Layers found by Graphviz' ``dot``, where it is installed.

Only its layers and the order in them are taken; places, lines and looks are those of bonas.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Sequence
from itertools import pairwise

from bonas.drawings.layers import Edge, Layered, layered

_logger = logging.getLogger(__name__)

_SECONDS = 5.0
_MOST = 800  # nodes, dummies included, that dot is asked about: it takes seconds for more


def is_installed() -> bool:
    """Return whether there is a ``dot`` on the path."""
    return shutil.which("dot") is not None


def dot_layered(n: int, edges: Sequence[Edge], last: int | None = None) -> Layered:
    """Return nodes in layers as ``layered`` does, in the order of ``dot`` if that crosses less.

    Where ``dot`` is missing, fails or takes longer than 5 seconds, and in very large networks, that
    of ``layered`` stays.
    """
    own = layered(n, edges, last)
    if not own.crossings or sum(map(len, own.layers)) > _MOST:
        return own
    places = _places(own)
    if places is None:
        return own
    rows = tuple(tuple(sorted(row, key=places.__getitem__)) for row in own.layers)
    theirs = Layered(rows, own.chains, n)
    return theirs if theirs.crossings < own.crossings else own


def _places(own: Layered) -> dict[int, float] | None:
    """Return the x of every node, dummies included, as ``dot`` places them."""
    pairs = {pair for chain in own.chains.values() for pair in pairwise(chain)}
    ranks = [f"{{rank=same;{';'.join(map(str, row))}}}" for row in own.layers if row]
    arrows = [f"{a}->{b}" for a, b in sorted(pairs)]
    source = f"digraph{{node[shape=point];{';'.join([*ranks, *arrows])}}}"
    try:
        done = subprocess.run(
            ["dot", "-Tplain"],
            input=source,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        _logger.debug("dot gave no layout: %s", error)
        return None
    found = {}
    for line in done.stdout.splitlines():
        words = line.split()
        if words[:1] == ["node"]:
            found[int(words[1])] = float(words[2])
    return found if len(found) == sum(map(len, own.layers)) else None
