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

    def of(self, graph: ArchitectureGraph) -> ArchitectureGraph:
        """Return what computes; the ends stay, and a graph without them is returned as it is."""
        kept = graph.without(self.absent).relabelled(self.identities, IDENTITY)
        return kept.pruned().contracted()


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
