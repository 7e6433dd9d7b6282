"""A canonical form of labelled directed acyclic graphs: equal for isomorphic graphs only.

Colour refinement (Weisfeiler and Leman, 1968) splits the nodes by what they see; a node that is
still confused with another is singled out, and the refinement goes on: the search tree of McKay
and Piperno (2014), "Practical graph isomorphism, II". Each leaf is a numbering of the nodes, hence
a certificate (names, edges, colours in that numbering); the smallest one is the
canonical form. A branch whose first certificate was met before is the image of an explored branch
under an automorphism (the colours remember the way down, so equal ones make it map branch to
branch) and is skipped, which keeps graphs of many equal branches cheap.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b

Certificate = tuple[tuple[bytes, ...], tuple[tuple[int, int], ...], tuple[bytes, ...]]
Leaves = dict[Certificate, tuple[int, ...]]


def canonical_form(
    labels: Sequence[str],
    features: Sequence[Sequence[float]] | None,
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
    order: Sequence[int],
) -> tuple[str, tuple[int, ...]]:
    """The hash (32 hexadecimal digits) and the canonical numbering of a directed acyclic graph.

    ``before[i]`` and ``after[i]`` are the neighbours of node ``i``; ``order`` is topological. The
    numbering lists the nodes; two isomorphic graphs are the same graph, each in its numbering.
    """
    rows = [()] * len(labels) if features is None else features
    names = [_name(label, tuple(row)) for label, row in zip(labels, rows, strict=True)]
    form, numbering = _Search(names, before, after).canonical(order)
    return _digest(repr(form).encode()).hex(), numbering


@lru_cache(maxsize=10_000)
def _name(label: str, row: tuple[float, ...]) -> bytes:
    """What tells a node from others by itself; -0.0 and 0.0 are one value."""
    numbers = struct.pack(f"<{len(row)}d", *[x + 0.0 for x in row])
    return _digest(label.encode() + b"\0" + numbers)


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


class _Search:
    """The search tree over numberings of one graph."""

    def __init__(
        self,
        names: Sequence[bytes],
        before: Sequence[Sequence[int]],
        after: Sequence[Sequence[int]],
    ) -> None:
        self.names = names
        self.before = before
        self.after = after

    def canonical(self, order: Sequence[int]) -> tuple[Certificate, tuple[int, ...]]:
        """The smallest certificate of all numberings that the refinement allows, and its own."""
        return min(self._leaves(self._refined(self._pedigrees(order))).items())

    def _pedigrees(self, order: Sequence[int]) -> list[bytes]:
        """First colours: what lies upstream and downstream of each node, in one pass each way."""
        own = self.names
        up, down = list(own), list(own)
        for node in order:
            up[node] = _digest(own[node] + b"".join(sorted([up[p] for p in self.before[node]])))
        for node in reversed(order):
            down[node] = _digest(own[node] + b"".join(sorted([down[s] for s in self.after[node]])))
        return [_digest(u + d) for u, d in zip(up, down, strict=True)]

    def _refined(self, colours: list[bytes]) -> list[bytes]:
        """Colours that no further look at the neighbours would split."""
        classes = len(set(colours))
        while classes < len(colours):
            colours = [
                _digest(
                    colour
                    + b"<"
                    + b"".join(sorted([colours[p] for p in self.before[node]]))
                    + b">"
                    + b"".join(sorted([colours[s] for s in self.after[node]]))
                )
                for node, colour in enumerate(colours)
            ]
            found = len(set(colours))
            if found == classes:
                break
            classes = found
        return colours

    def _leaves(self, colours: list[bytes]) -> Leaves:
        """The leaves below, one of each orbit at least: a certificate -> a numbering."""
        cell = self._first_confused(colours)
        if not cell:
            return self._leaf(colours)
        found = self._leaves(self._singled_out(colours, cell[0]))
        for node in cell[1:]:
            branch = self._singled_out(colours, node)
            if not self._first_leaf(branch).keys() <= found.keys():
                found |= self._leaves(branch)
        return found

    def _first_leaf(self, colours: list[bytes]) -> Leaves:
        while cell := self._first_confused(colours):
            colours = self._singled_out(colours, cell[0])
        return self._leaf(colours)

    def _first_confused(self, colours: list[bytes]) -> list[int]:
        """The nodes of the smallest colour that more than one node has; empty at a leaf."""
        if len(set(colours)) == len(colours):
            return []
        groups: dict[bytes, list[int]] = {}
        for node, colour in enumerate(colours):
            groups.setdefault(colour, []).append(node)
        return groups[min(colour for colour, nodes in groups.items() if len(nodes) > 1)]

    def _singled_out(self, colours: list[bytes], node: int) -> list[bytes]:
        marked = colours.copy()
        marked[node] = _digest(b"!" + colours[node])
        return self._refined(marked)

    def _leaf(self, colours: list[bytes]) -> Leaves:
        order = sorted(range(len(colours)), key=colours.__getitem__)
        number = {node: i for i, node in enumerate(order)}
        certificate = (
            tuple([self.names[node] for node in order]),
            tuple(sorted([(number[s], number[t]) for s in order for t in self.after[s]])),
            tuple([colours[node] for node in order]),
        )
        return {certificate: tuple(order)}
