"""A canonical form of labelled directed acyclic graphs: equal for isomorphic graphs only.

Colour refinement (Weisfeiler and Leman, 1968) splits the nodes by their neighbourhoods. The nodes
that it leaves with equal colours fall into independent parts: where every node of one colour feeds
every node of another, or none does, the colours imply the edges, and these edges join no parts.
Parts are numbered one by one and sorted, so 512 equal branches are 512 small problems. Inside a
part one node after the other is individualised, and refinement goes on: the search tree of McKay
and Piperno (2014), "Practical graph isomorphism, II", of which the smallest certificate is kept.

    form(nodes)  = sorted forms of the parts of nodes, each with its colours
    form(part)   = (names, colours, edges) in the numbering of its form, the smallest of all that
                   begin with a node of its smallest class of equal colours

A branch of that tree whose first leaf equals that of an explored one is its image under an
automorphism (colours encode the path from the root, so that equal leaves map branch to branch), and
is skipped.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b

Certificate = tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[tuple[int, int], ...]]
Form = tuple[Certificate, tuple[int, ...]]
"""Names, colours and edges in a numbering, and the numbering, a list of nodes."""
Colours = dict[int, bytes]


def canonical_form(
    labels: Sequence[str],
    features: Sequence[Sequence[float]] | None,
    before: Sequence[Sequence[int]],
    after: Sequence[Sequence[int]],
    order: Sequence[int],
) -> tuple[str, tuple[int, ...]]:
    """Return the hash (32 hexadecimal digits) and the canonical numbering of an acyclic graph.

    ``before[i]`` and ``after[i]`` are the neighbours of node ``i``; ``order`` is topological. The
    numbering lists the nodes; isomorphic graphs are equal when each is written in its numbering.
    """
    rows = [()] * len(labels) if features is None else features
    names = [_name(label, tuple(row)) for label, row in zip(labels, rows, strict=True)]
    form, numbering = _Search(names, before, after).canonical(order)
    return _digest(repr(form).encode()).hex(), numbering


@lru_cache(maxsize=10_000)
def _name(label: str, row: tuple[float, ...]) -> bytes:
    """Return a digest of a node's label and features; -0.0 and 0.0 are one value."""
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

    def canonical(self, order: Sequence[int]) -> Form:
        """Return the form of the whole graph."""
        return self._form(self._refined(self._pedigrees(order)))

    def _pedigrees(self, order: Sequence[int]) -> Colours:
        """Return initial colours: digests of all that is up- and downstream, one pass each way."""
        own = self.names
        up, down = list(own), list(own)
        for node in order:
            up[node] = _digest(own[node] + b"".join(sorted([up[p] for p in self.before[node]])))
        for node in reversed(order):
            down[node] = _digest(own[node] + b"".join(sorted([down[s] for s in self.after[node]])))
        return {i: _digest(u + d) for i, (u, d) in enumerate(zip(up, down, strict=True))}

    def _refined(self, colours: Colours) -> Colours:
        """Refine colours by those of the neighbours until no class splits any further."""
        classes = len(set(colours.values()))
        while classes < len(colours):
            colours = {
                node: _digest(
                    colour
                    + b"<"
                    + b"".join(sorted([colours[p] for p in self.before[node] if p in colours]))
                    + b">"
                    + b"".join(sorted([colours[s] for s in self.after[node] if s in colours]))
                )
                for node, colour in colours.items()
            }
            found = len(set(colours.values()))
            if found == classes:
                break
            classes = found
        return colours

    def _form(self, colours: Colours, *, first: bool = False) -> Form:
        """Return the form of the coloured nodes; with ``first``, of the first leaf of each part.

        The first leaf depends on the numbering of the given graph, the form does not.
        """
        if len(set(colours.values())) == len(colours):
            return self._numbered(colours, sorted(colours, key=colours.__getitem__))
        parts = self._parts(colours)
        if len(parts) == 1:
            return self._connected(colours, first)
        forms = [self._form({n: colours[n] for n in part}, first=first) for part in parts]
        return self._numbered(colours, [node for _, own in sorted(forms) for node in own])

    def _connected(self, colours: Colours, first: bool) -> Form:
        """Return the form of one part, in which some nodes have equal colours."""
        cell = _smallest_class(colours)
        start = self._form(self._individualised(colours, cell[0]), first=first)
        if first:
            return start
        found = {start[0]: start[1], **dict([self._leaf(colours, cell[0])])}
        best = start
        for node in cell[1:]:
            leaf = self._leaf(colours, node)
            if leaf[0] in found:
                continue
            form = self._form(self._individualised(colours, node))
            found |= dict([leaf, form])
            best = min(best, form)
        return best

    def _leaf(self, colours: Colours, node: int) -> Form:
        return self._form(self._individualised(colours, node), first=True)

    def _individualised(self, colours: Colours, node: int) -> Colours:
        return self._refined({**colours, node: _digest(b"!" + colours[node])})

    def _parts(self, colours: Colours) -> list[list[int]]:
        """Return the parts that are connected by edges which colours do not imply."""
        owner = {node: node for node in colours}

        def root(node: int) -> int:
            while owner[node] != node:
                owner[node] = node = owner[owner[node]]
            return node

        for source, target in self._unimplied_edges(colours):
            owner[root(source)] = root(target)
        parts: dict[int, list[int]] = {}
        for node in colours:
            parts.setdefault(root(node), []).append(node)
        return list(parts.values())

    def _unimplied_edges(self, colours: Colours) -> Iterable[tuple[int, int]]:
        """Yield the edges between classes of which not every node feeds every node."""
        size: dict[bytes, int] = {}
        between: dict[tuple[bytes, bytes], list[tuple[int, int]]] = {}
        for node, colour in colours.items():
            size[colour] = size.get(colour, 0) + 1
            for target in self.after[node]:
                if target in colours:
                    between.setdefault((colour, colours[target]), []).append((node, target))
        for (one, other), edges in between.items():
            if len(edges) < size[one] * size[other]:
                yield from edges

    def _numbered(self, colours: Colours, order: Sequence[int]) -> Form:
        number = {node: i for i, node in enumerate(order)}
        certificate = (
            tuple([self.names[node] for node in order]),
            tuple([colours[node] for node in order]),
            tuple(
                sorted(
                    [
                        (i, number[t])
                        for s, i in number.items()
                        for t in self.after[s]
                        if t in number
                    ]
                )
            ),
        )
        return certificate, tuple(order)


def _smallest_class(colours: Colours) -> list[int]:
    """Return the nodes of the smallest colour that several nodes have."""
    groups: dict[bytes, list[int]] = {}
    for node, colour in colours.items():
        groups.setdefault(colour, []).append(node)
    return groups[min(colour for colour, nodes in groups.items() if len(nodes) > 1)]
