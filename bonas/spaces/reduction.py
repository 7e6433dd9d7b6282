"""What of a drawn graph computes: operations that are absent, or pass on what they get, removed.

A graph may be drawn with a node for each operation that was chosen, ``none`` and ``skip_connect``
among them. A network is what remains of it:

    absent     gone, with the edges at it: it brings nothing to a sum
    identity   its sources feed its targets directly, where that changes no sum
    dead       gone: on no path from the input to the output

Two drawings that compute the same become one graph, and the statistics, paths and messages that
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
_LOST = 0.25  # of all networks: what an absent operation may cut at most


@dataclass(frozen=True, slots=True)
class Reduction:
    """The labels of operations that are absent, and of those that pass on what they get.

    ``identity`` is always among the latter.
    """

    absent: frozenset[str] = frozenset()
    identities: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        """Whether there is any label; what is dead is removed without one, too."""
        return bool(self.absent or self.identities)

    def of(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """Return what computes; the ends stay, and a graph without them is returned as it is."""
        kept = graph.without(self.absent).relabelled(self.identities, IDENTITY)
        return kept.pruned().contracted()


@dataclass(frozen=True, slots=True)
class Reading:
    """How the graphs that a space draws are read: what was ``declared``, and what is ``suspected``.

    Labels that by their names do nothing tell networks apart until they are declared, since nobody
    has said so; surrogates see the graphs without them.
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
        """Return the reading of what is declared, or of some ``graphs`` where nothing is.

        Raises:
            InvalidSpace: for something else than sets of labels.
        """
        declared = Reduction(_labels("absent", absent), _labels("identities", identities))
        if absent is not None or identities is not None:
            return cls(declared, Reduction())
        return cls(declared, suspected([declared.of(graph) for graph in graphs]))

    def seen(self, declared: ArchitectureGraph) -> ArchitectureGraph:
        """Return the graph that surrogates read, of one without what was declared."""
        return self.suspected.of(declared) if self.suspected else declared

    def advice(self) -> str:
        """Return what the author of a space may want to declare; empty where that is nothing."""
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
    """Return the labels that by their names are absent or identities, and were not declared.

    A name of nothing (``none``) that would cut the input from the output of more than a quarter of
    the graphs stands in a chain, where it must mean that nothing is done: an identity.
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
    """Return the labels that are one of the names, as in ``Skip-Connect`` or ``op=none``."""
    return frozenset(label for label in labels if _plain(label) in names)


def _plain(label: str) -> str:
    last = label.replace(":", "=").rpartition("=")[2]
    return last.strip().lower().replace("-", "_").replace(" ", "_")


def _labels(name: str, given: Collection[str] | None) -> frozenset[str]:
    if isinstance(given, str) or not isinstance(given, Collection | None):
        raise InvalidSpace(f"{name} must be a set of labels, got {given!r}; put it in {{}}")
    return frozenset(given or ())
