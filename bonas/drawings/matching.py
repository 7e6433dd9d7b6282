"""What differs between two networks: operations of one that have no partner in the other.

Both are read in topological order. Partners have the same caption, and their order is the same in
both: of all such matchings the one with the most partners, of which those count a little more that
also read the same, feed the same, or are in blocks of one name. It is found by dynamic programming
over  best[i, j]  for the first ``i`` and ``j`` operations:

    best[i, j] = max(best[i-1, j], best[i, j-1], best[i-1, j-1] + score(i, j))

Source: Needleman and Wunsch (1970), "A general method applicable to the search for similarities in
the amino acid sequence of two proteins", Journal of Molecular Biology.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from bonas.drawings.blocks import captions_of, flow
from bonas.drawings.text_width import shortened
from bonas.spaces.outline import Outline

_EQUAL = 16  # what a partner counts
_COMMON = (1, 1, 2)  # what it counts more where both read the same, feed it, are in equal blocks

_SHOWN = 6  # captions in a sentence
_CAPTION = 18.0  # times the size of the font: the width of the longest caption in a sentence


@dataclass(frozen=True, slots=True)
class Differences:
    """What is in one network only.

    Attributes:
        own: Nodes of the first network without a partner in the second.
        other: Nodes of the second without a partner in the first.
        rewired: Nodes of the first that read other partners than theirs do, where every node has a
            partner.
    """

    own: frozenset[int]
    other: frozenset[int]
    rewired: frozenset[int] = frozenset()

    @classmethod
    def between(cls, one: Outline, two: Outline) -> Differences:
        """Return what differs between two networks."""
        pairs = _partners(one, two)
        own = frozenset(range(len(one))) - pairs.keys()
        other = frozenset(range(len(two))) - frozenset(pairs.values())
        if own or other:
            return cls(own, other)
        rewired = {
            node
            for node, partner in pairs.items()
            if {pairs[source] for source in one.graph.predecessors[node]}
            != set(two.graph.predecessors[partner])
        }
        return cls(own, other, frozenset(rewired))

    def sentences(self, one: Outline, two: Outline) -> list[tuple[str, bool]]:
        """Return what to write under the drawing of the first network.

        Each comes with whether it explains the marks in the drawing.
        """
        found = []
        if self.own:
            found.append((f"not in the other: {_counted(one, self.own)}", True))
        if self.rewired:
            found.append((f"connected differently: {_counted(one, self.rewired)}", True))
        if self.other:
            found.append((f"only in the other: {_counted(two, self.other)}", False))
        return found or [("no difference", False)]


def _counted(outline: Outline, nodes: Collection[int]) -> str:
    """Return the captions of some nodes with their counts, the first few of them."""
    captions = captions_of(outline)
    counts = Counter(captions[node] for node in flow(outline) if node in nodes)
    parts = [
        f"{shortened(text, 1, _CAPTION)} ({n})" if n > 1 else shortened(text, 1, _CAPTION)
        for text, n in counts.items()
    ]
    more = len(parts) - _SHOWN
    return "; ".join([*parts[:_SHOWN], *([f"and {more} more"] if more > 0 else [])])


def _partners(one: Outline, two: Outline) -> dict[int, int]:
    """Return the nodes of the first network with a partner in the second."""
    a, b = flow(one), flow(two)
    names, others = captions_of(one), captions_of(two)
    context, other_context = _context(one, names), _context(two, others)

    def alike(x: int, y: int) -> bool:
        return names[x] == others[y] and context[x][-1] == other_context[y][-1]

    begin, end, most = 0, 0, min(len(a), len(b))
    while begin < most and alike(a[begin], b[begin]):
        begin += 1
    while end < most - begin and alike(a[-1 - end], b[-1 - end]):
        end += 1
    pairs = dict(zip(a[:begin], b[:begin], strict=True))
    pairs |= dict(zip(a[len(a) - end :], b[len(b) - end :], strict=True))
    a, b = a[begin : len(a) - end], b[begin : len(b) - end]

    def score(x: int, y: int) -> int:
        if names[x] != others[y]:
            return 0
        common = map(str.__eq__, context[x], other_context[y])
        return _EQUAL + sum(w for w, same in zip(_COMMON, common, strict=True) if same)

    scores = [[score(x, y) for y in b] for x in a]
    return pairs | {a[i]: b[j] for i, j in _aligned(scores, len(b))}


def _context(outline: Outline, names: Sequence[str]) -> list[tuple[str, str, str]]:
    """Return what each node reads and feeds, as captions, and the names of its blocks."""
    graph = outline.graph
    return [
        (
            repr(sorted(names[source] for source in graph.predecessors[node])),
            repr(sorted(names[target] for target in graph.successors[node])),
            repr([block.name for block in outline.blocks[node]]),
        )
        for node in range(len(graph))
    ]


def _aligned(scores: Sequence[Sequence[int]], width: int) -> list[tuple[int, int]]:
    """Return the pairs (row, column), both rising, of the largest total score; 0 is no pair."""
    best = [[0] * (width + 1) for _ in range(len(scores) + 1)]
    for i, row in enumerate(scores, start=1):
        above, here = best[i - 1], best[i]
        for j, score in enumerate(row, start=1):
            here[j] = max(above[j], here[j - 1], above[j - 1] + score)
    found, i, j = [], len(scores), width
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found.append((i, j))
    return found
