"""An architecture as a labelled directed acyclic graph.

Nodes are operations, edges are tensors. Three labels are reserved:

- ``input`` and ``output`` mark the ends;
- ``identity`` marks a node that returns its input, or the sum of its inputs.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from operator import index

from bonas.errors import InvalidGraph
from bonas.spaces.canonical import canonical_form

INPUT = "input"
OUTPUT = "output"
IDENTITY = "identity"

Edge = tuple[int, int]


@dataclass(frozen=True, slots=True)
class ArchitectureGraph:
    """A frozen labelled directed acyclic graph of ``v`` nodes.

    Args:
        labels: One non-empty string per node.
        edges: Pairs (source, target) of node indices, in any order, each at most once.
        features: Optional, ``v`` rows of equally many finite numbers (sizes of the operation, say).

    Two graphs are ``==`` if they have the same nodes in the same order; they are the same network
    if their ``canonical_hash`` is equal.

    Raises:
        InvalidGraph: if a part is empty or repeated, an index is out of range, or there is a cycle.

    >>> chain = ArchitectureGraph(["input", "conv", "output"], [(0, 1), (1, 2)])
    >>> shuffled = ArchitectureGraph(["conv", "output", "input"], [(2, 0), (0, 1)])
    >>> chain.canonical_hash == shuffled.canonical_hash
    True
    """

    labels: tuple[str, ...]
    edges: tuple[Edge, ...]
    features: tuple[tuple[float, ...], ...] | None = None
    order: tuple[int, ...] = field(init=False, repr=False, compare=False)
    predecessors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    successors: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    _form: list[tuple[str, tuple[int, ...]]] = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        labels: Sequence[str],
        edges: Iterable[Edge],
        features: Sequence[Sequence[float]] | None = None,
    ) -> None:
        put = object.__setattr__
        put(self, "labels", _checked_labels(labels))
        put(self, "edges", _checked_edges(edges, len(self.labels)))
        put(self, "features", _checked_features(features, len(self.labels)))
        before: list[list[int]] = [[] for _ in self.labels]
        after: list[list[int]] = [[] for _ in self.labels]
        for source, target in self.edges:
            before[target].append(source)
            after[source].append(target)
        put(self, "predecessors", tuple(map(tuple, before)))
        put(self, "successors", tuple(map(tuple, after)))
        put(self, "order", _topological_order(before, after))
        put(self, "_form", [])

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def canonical_hash(self) -> str:
        """32 hexadecimal digits, equal exactly for isomorphic graphs of equal labels and features.

        Isomorphic graphs always agree; others differ as surely as 128-bit BLAKE2b digests do.
        """
        return self._canonical_form()[0]

    def _canonical_form(self) -> tuple[str, tuple[int, ...]]:
        if not self._form:
            self._form.append(
                canonical_form(
                    self.labels, self.features, self.predecessors, self.successors, self.order
                )
            )
        return self._form[0]

    def live(self) -> frozenset[int]:
        """Return the nodes that lie on a path from an ``input`` to an ``output``.

        Raises:
            InvalidGraph: if a node labelled ``input`` or ``output`` is missing.
        """
        self.require_ends()
        reached = {i for i, label in enumerate(self.labels) if label == INPUT}
        for node in self.order:
            if any(p in reached for p in self.predecessors[node]):
                reached.add(node)
        needed = {i for i, label in enumerate(self.labels) if label == OUTPUT}
        for node in reversed(self.order):
            if any(s in needed for s in self.successors[node]):
                needed.add(node)
        return frozenset(reached & needed)

    def pruned(self) -> ArchitectureGraph:
        """Return the graph without the nodes on no input-output path; the ends always stay.

        Raises:
            InvalidGraph: if a node labelled ``input`` or ``output`` is missing.
        """
        live = self.live()
        keep = [i for i, name in enumerate(self.labels) if i in live or name in (INPUT, OUTPUT)]
        if len(keep) == len(self.labels) and len(live) == len(keep):
            return self
        return self._induced(keep, [e for e in self.edges if e[0] in live and e[1] in live])

    def contracted(self) -> ArchitectureGraph:
        """Return the graph without those ``identity`` nodes whose removal changes no sum.

        An identity stays if bypassing it would double an edge: ``x + identity(x)`` is not ``x``.
        Isomorphic graphs are contracted to isomorphic graphs.
        """
        edges = set(self.edges)
        gone: set[int] = set()
        for node in self._identities():
            sources = [s for s, t in edges if t == node]
            targets = [t for s, t in edges if s == node]
            bypass = {(s, t) for s in sources for t in targets}
            if sources and targets and not bypass & edges:
                edges = {e for e in edges if node not in e} | bypass
                gone.add(node)
        if not gone:
            return self
        return self._induced([i for i in range(len(self.labels)) if i not in gone], sorted(edges))

    def without(self, labels: Collection[str]) -> ArchitectureGraph:
        """Return the graph without the nodes of these labels, and without the edges at them."""
        keep = [i for i, label in enumerate(self.labels) if label not in labels]
        if len(keep) == len(self.labels):
            return self
        kept = set(keep)
        return self._induced(keep, [(s, t) for s, t in self.edges if s in kept and t in kept])

    def relabelled(self, labels: Collection[str], label: str) -> ArchitectureGraph:
        """Return the graph with one label instead of several."""
        if not any(own in labels for own in self.labels):
            return self
        new = [label if own in labels else own for own in self.labels]
        return ArchitectureGraph(new, self.edges, self.features)

    def _identities(self) -> list[int]:
        """List the identity nodes in an order that isomorphic graphs share, the widest first.

        The order matters, since removing one can block another; with the widest first, the
        simplest of several equivalent graphs remains.
        """
        found = [i for i, label in enumerate(self.labels) if label == IDENTITY]
        if len(found) > 1:
            place = {node: rank for rank, node in enumerate(self._canonical_form()[1])}
            found.sort(
                key=lambda i: (-len(self.predecessors[i]) * len(self.successors[i]), place[i])
            )
        return found

    def _induced(self, keep: Sequence[int], edges: Sequence[Edge]) -> ArchitectureGraph:
        """Return the graph of the nodes ``keep``, with ``edges`` in the old numbering."""
        new = {old: i for i, old in enumerate(keep)}
        return ArchitectureGraph(
            [self.labels[i] for i in keep],
            [(new[s], new[t]) for s, t in edges],
            None if self.features is None else [self.features[i] for i in keep],
        )

    def require_ends(self) -> None:
        """Check that there is a node labelled ``input`` and one labelled ``output``.

        Raises:
            InvalidGraph: if one of them is missing.
        """
        for end in (INPUT, OUTPUT):
            if end not in self.labels:
                raise InvalidGraph(
                    f"expected a node labelled {end!r}, got labels {sorted(set(self.labels))}; "
                    f"label the ends {INPUT!r} and {OUTPUT!r}"
                )


def _checked_labels(labels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(labels, str) or len(labels) == 0:
        raise InvalidGraph(f"expected a non-empty sequence of labels, got {labels!r}")
    for i, label in enumerate(labels):
        if not isinstance(label, str) or not label:
            raise InvalidGraph(f"the label of node {i} must be a non-empty string, got {label!r}")
    return tuple(labels)


def _checked_edges(edges: Iterable[Edge], v: int) -> tuple[Edge, ...]:
    pairs = list(edges)
    try:
        checked = sorted((index(s), index(t)) for s, t in pairs)
    except (TypeError, ValueError) as error:
        raise InvalidGraph(f"edges must be pairs of whole numbers, got {pairs!r}") from error
    for i, (source, target) in enumerate(checked):
        if not (0 <= source < v and 0 <= target < v):
            raise InvalidGraph(
                f"edge ({source}, {target}) leaves the graph: its nodes are 0 to {v - 1}"
            )
        if i and checked[i - 1] == (source, target):
            raise InvalidGraph(f"edge ({source}, {target}) is given twice; give each edge once")
    return tuple(checked)


def _checked_features(
    features: Sequence[Sequence[float]] | None, v: int
) -> tuple[tuple[float, ...], ...] | None:
    if features is None:
        return None
    try:
        rows = tuple(tuple(float(value) for value in row) for row in features)
    except (TypeError, ValueError) as error:
        raise InvalidGraph(f"features must be rows of numbers, got {features!r}") from error
    if len(rows) != v or len({len(row) for row in rows}) > 1:
        raise InvalidGraph(
            f"expected {v} feature rows of one length, "
            f"got {len(rows)} rows of lengths {sorted({len(row) for row in rows})}"
        )
    for i, row in enumerate(rows):
        if not all(map(math.isfinite, row)):
            raise InvalidGraph(f"the features of node {i} must be finite, got {row}")
    return rows


def _topological_order(before: list[list[int]], after: list[list[int]]) -> tuple[int, ...]:
    """Sort the nodes by Kahn's algorithm: a node comes after all its sources."""
    waiting = [len(p) for p in before]
    ready = [i for i, w in enumerate(waiting) if w == 0]
    order: list[int] = []
    while ready:
        node = ready.pop()
        order.append(node)
        for target in after[node]:
            waiting[target] -= 1
            if waiting[target] == 0:
                ready.append(target)
    if len(order) < len(before):
        stuck = sorted(set(range(len(before))) - set(order))
        raise InvalidGraph(f"the graph has a cycle through some of the nodes {stuck}; remove it")
    return tuple(order)
