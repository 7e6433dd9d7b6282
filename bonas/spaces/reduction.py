"""The reduction of a graph to the operations that compute something.

A space may return a graph with a node for each operation that was chosen, ``none`` and
``skip_connect`` among them. The reduced graph is without these:

    absent     removed with its edges: it adds nothing to a sum
    identity   its sources feed its targets directly, where that changes no sum
    dead       removed: on no path from the input to the output

Two graphs of the same computation are reduced to one, and the statistics, paths and messages that
surrogates read are those of operations that do something.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from bonas.errors import InvalidSpace
from bonas.spaces.graph import IDENTITY, ArchitectureGraph

_ABSENT = frozenset({"none", "null", "zero", "zeros", "zeroize"})
_IDENTITIES = frozenset(
    {"id", "identity", "no_op", "noop", "skip", "skip_connect", "skip_connection", "skipconnect"}
)
_LOST = 0.25  # share of networks that an absent operation may disconnect at most


@dataclass(frozen=True, slots=True)
class Reduction:
    """The labels of operations that are absent, and of identities.

    The label ``identity`` is always among the latter.
    """

    absent: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Return whether there is any label; dead nodes are removed in any case."""
        return bool(self.absent or self.identities)

    def of(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """Return the reduced graph; the ends always stay.

        Raises:
            InvalidGraph: if a node labelled ``input`` or ``output`` is missing.
        """
        kept = graph.without(self.absent).relabelled(self.identities, IDENTITY)
        return kept.pruned().contracted()


@dataclass(frozen=True, slots=True)
class Reading:
    """How the graphs of a space are reduced: by what was ``declared``, and what is ``suspected``.

    Labels whose names suggest that they do nothing still distinguish architectures until they are
    declared; surrogates see the graphs without them.
    """

    declared: Reduction
    suspected: Reduction

    @classmethod
    def of(
        cls,
        absent: Collection[str] | None,
        identities: Collection[str] | None,
        graphs: Iterable[ArchitectureGraph],
    ) -> Reading:
        """Return the reading of declared labels, or of those found in ``graphs`` if none are.

        Raises:
            InvalidSpace: if a declaration is not a set of labels.
        """
        declared = Reduction(_labels("absent", absent), _labels("identities", identities))
        if absent is not None or identities is not None:
            return cls(declared, Reduction())
        return cls(declared, suspected([declared.of(graph) for graph in graphs]))

    def seen(self, declared: ArchitectureGraph) -> ArchitectureGraph:
        """Return the graph that surrogates read, given one reduced by the declared labels."""
        return self.suspected.of(declared) if self.suspected else declared

    def advice(self) -> str:
        """Return a hint to declare what is suspected; empty if nothing is."""
        parts = {"absent": self.suspected.absent, "identities": self.suspected.identities}
        sets = [f"{name} = {{{str(sorted(x))[1:-1]}}}" for name, x in parts.items() if x]
        if not sets:
            return ""
        return (
            "operations that by their names do nothing; surrogates see its graphs without them. "
            f"Declare {' and '.join(sets)} in the class, and equal networks are one; or "
            "absent = set(), if they do something"
        )


def suspected(graphs: Collection[ArchitectureGraph]) -> Reduction:
    """Return the labels whose names suggest an absent operation or an identity.

    A name like ``none`` whose removal would disconnect more than a quarter of the graphs stands in
    a chain, where it must mean an identity.
    """
    labels = {label for graph in graphs for label in graph.labels}
    identities = _named(labels, _IDENTITIES) - {IDENTITY}
    absent: frozenset[str] = frozenset()
    for label in sorted(_named(labels, _ABSENT)):
        having = [graph for graph in graphs if label in graph.labels]
        cut = sum(not graph.without({label}).live() for graph in having)
        whole = sum(bool(graph.live()) for graph in having)
        lost = (cut - (len(having) - whole)) / len(having)
        if lost > _LOST:
            identities |= {label}
        else:
            absent |= {label}
    return Reduction(absent, identities)


def _named(labels: Iterable[str], names: Collection[str]) -> frozenset[str]:
    """Return the labels that match one of the names, as ``Skip-Connect`` or ``op=none`` do."""
    return frozenset(label for label in labels if _plain(label) in names)


def _plain(label: str) -> str:
    last = label.replace(":", "=").rpartition("=")[2]
    return last.strip().lower().replace("-", "_").replace(" ", "_")


def _labels(name: str, given: Collection[str] | None) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Collection | None):
        raise InvalidSpace(f"{name} must be a set of labels, got {given!r}; put it in {{}}")
    return frozenset(given or ())
