"""Facts about stacks, repetitions, blocks and blocks that return at another width."""

from __future__ import annotations

from drawings.networks import chain

from bonas import ArchitectureGraph
from bonas.drawings.diagram import Box, Group, Item, Level
from bonas.drawings.network import as_outline, diagram_of
from bonas.drawings.placement import shown_text
from bonas.drawings.repeats import segments
from bonas.spaces import Outline, Sketch


def told(item: Item) -> object:
    """Return an item as plain values: captions, and how often they follow each other."""
    if isinstance(item, Box):
        texts = tuple(shown_text(row) for row in item.rows)
        found: object = texts[0] if len(texts) == 1 else texts
    else:
        found = [item.title, *map(told, item.level.items)]
    return (item.times, found) if item.times > 1 else found


def told_of(graph: ArchitectureGraph | Outline) -> list[object]:
    return [told(item) for item in diagram_of(as_outline(graph)).items]


def residual(n: int, label: str = "f") -> ArchitectureGraph:
    """Return ``n`` times  x + f(x)."""
    labels, edges, x = ["input"], [], 0
    for _ in range(n):
        f, total = len(labels), len(labels) + 1
        labels += [label, "add"]
        edges += [(x, f), (f, total), (x, total)]
        x = total
    return ArchitectureGraph([*labels, "output"], [*edges, (x, len(labels))])


def test_norms_and_activations_stand_on_what_feeds_them() -> None:
    graph = chain("input", "conv2d", "batch_norm", "relu", "max_pool", "relu", "linear", "output")
    stack = ("conv", "batch norm", "ReLU")
    assert told_of(graph) == ["input", stack, "max pool", "ReLU", "linear", "output"]


def test_nothing_stands_on_what_is_read_elsewhere() -> None:
    graph = ArchitectureGraph(
        ["input", "conv2d", "relu", "add", "output"], [(0, 1), (1, 2), (1, 3), (2, 3), (3, 4)]
    )
    assert told_of(graph) == ["input", "conv", "ReLU", "+", "output"]


def test_equal_residual_parts_are_folded() -> None:
    assert told_of(residual(1)) == ["input", "f", "+", "output"]
    assert told_of(residual(4)) == ["input", (4, ["", "f", "+"]), "output"]


def test_two_equal_operations_stay_and_three_are_one() -> None:
    assert told_of(chain("input", "linear", "linear", "output"))[1:-1] == ["linear"] * 2
    assert told_of(chain("input", *["linear"] * 3, "output"))[1:-1] == [(3, "linear")]


def test_a_repetition_of_several_parts_is_found_within_others() -> None:
    labels = ["a", "b", "b", "b", "c"] * 3
    assert told_of(chain("input", *labels, "d", "output")) == [
        "input", (3, ["", "a", (3, "b"), "c"]), "d", "output"
    ]  # fmt: skip


def test_a_repeated_part_does_not_begin_with_an_activation_where_it_need_not() -> None:
    labels = ["max_pool", *["relu", "max_pool", "linear"] * 3]
    assert (3, ["", "ReLU", "max pool", "linear"]) not in told_of(chain("input", *labels, "output"))


def test_parts_that_an_edge_leaps_over_are_not_folded() -> None:
    plain = chain("input", *["a", "b"] * 3, "output")
    leaping = ArchitectureGraph(plain.labels, [*plain.edges, (1, 6)])
    assert len(told_of(plain)) == 3
    assert len(told_of(leaping)) > 3


def test_a_repetition_has_the_edges_of_each_of_its_parts() -> None:
    """x + f(x) twice, then f(x) alone: the third has no way around it."""
    labels = ["input", "f", "add", "f", "add", "f", "add", "output"]
    edges = [(0, 1), (0, 2), (1, 2), (2, 3), (2, 4), (3, 4), (4, 5), (5, 6), (6, 7)]
    assert told_of(ArchitectureGraph(labels, edges)) == [
        "input", (2, ["", "f", "+"]), "f", "+", "output"
    ]  # fmt: skip


def test_segments_end_where_all_ways_meet() -> None:
    level = Level(
        tuple(Box(()) for _ in range(6)), ((0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (4, 5))
    )
    assert segments(level) == [[0], [1, 2, 3], [4], [5]]
    dead_end = Level(level.items, ((0, 1), (0, 2), (2, 3), (3, 4), (4, 5)))
    assert segments(dead_end) == [[0], [1, 2, 3, 4, 5]]
    two_sources = Level(level.items, ((0, 1), (1, 3), (2, 3), (3, 4), (4, 5)))
    assert segments(two_sources) == [[0, 1, 2, 3], [4], [5]]


def stages(widths: list[int], title: str = "cell", gaps: list[int] | None = None) -> Outline:
    """Return a network of blocks of two linear maps, of a width or of the gaps between."""
    sketch = Sketch((4,))
    x, before = sketch.input, 4
    for width, gap in zip(widths, gaps or widths, strict=True):
        x = sketch.linear(x, before, width)
        with sketch.block(title):
            x = sketch.linear(x, width, gap)
            x = sketch.linear(x, gap, width)
        before = width
    return sketch.outline(x)


def test_a_block_that_returns_at_another_width_is_one_row() -> None:
    assert told_of(stages([8, 16])) == [
        "input", "linear 8", ["cell", "linear 8", "linear 8"], "linear 16", "cell, 16", "output"
    ]  # fmt: skip


def test_a_block_of_other_proportions_is_drawn_in_full() -> None:
    found = told_of(stages([8, 16], gaps=[8, 8]))
    assert ["cell", "linear 8", "linear 16"] in found


def test_letters_distinguish_blocks_of_several_forms() -> None:
    found = told_of(stages([8, 16, 32], gaps=[8, 8, 16]))
    assert found[2] == ["cell A", "linear 8", "linear 8"]
    assert found[4] == ["cell B", "linear 8", "linear 16"]
    assert found[6] == "cell B, 32"


def test_equal_blocks_that_follow_each_other_are_counted() -> None:
    sketch = Sketch((4,))
    x = sketch.input
    for _ in range(3):
        with sketch.block("layer"):
            x = sketch.linear(sketch.linear(x, 4, 8), 8, 4)
    assert told_of(sketch.outline(x)) == [
        "input", (3, ["layer", "linear 8", "linear 4"]), "output"
    ]  # fmt: skip


def test_a_block_that_is_read_twice_is_dissolved() -> None:
    sketch = Sketch((4,))
    with sketch.block("two ends"):
        x = sketch.linear(sketch.input, 4, 8)
        y = sketch.linear(x, 8, 8)
    z = sketch.add("add", [x, y], (8,))
    assert not any(isinstance(item, Group) for item in diagram_of(sketch.outline(z)).items)


def test_operations_of_one_caption_and_other_costs_are_not_folded() -> None:
    sketch = Sketch((4,))
    x = sketch.linear(sketch.input, 4, 8)
    for _ in range(3):
        x = sketch.linear(x, 8, 8)
    assert told_of(sketch.outline(x)) == ["input", "linear 8", (3, "linear 8"), "output"]


def test_a_stage_whose_first_block_reads_another_width_is_one_row() -> None:
    sketch = Sketch((4,))
    x, before = sketch.input, 4
    for width in (4, 8):
        for _ in range(3):
            with sketch.block("cell"):
                x = sketch.linear(sketch.linear(x, before, width), width, width)
            before = width
    found = told_of(sketch.outline(x))
    assert found == ["input", (3, ["cell", "linear 4", "linear 4"]), (3, "cell, 8"), "output"]


def test_a_block_that_is_the_same_everywhere_is_one_row_unless_something_in_it_is_marked() -> None:
    sketch = Sketch((4,))
    with sketch.block("reduction", fixed=True):
        x = sketch.linear(sketch.linear(sketch.input, 4, 8), 8, 8)
    outline = sketch.outline(x)
    assert told_of(outline) == ["input", "reduction, 8", "output"]
    row = diagram_of(outline).items[1]
    assert isinstance(row, Box)
    assert row.last.detail == "reduction: linear 8; linear 8"
    items = diagram_of(outline, [2]).items
    assert [told(item) for item in items] == [
        "input", ["reduction", "linear 8", "linear 8"], "output"
    ]  # fmt: skip
