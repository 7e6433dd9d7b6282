"""The spaces of tables."""

from __future__ import annotations

import numpy as np
from small_tables import BOTH, OWN, ROWS

from bonas.benchmarks.tables import (
    Table,
)
from bonas.benchmarks.tables.spaces import MeasuredPart
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choices, NASBench201


def test_incomplete_rows_are_masked_and_never_proposed() -> None:
    assert OWN.masked == 3
    assert repr(OWN) == (
        "<Table 'mine': 5 rows (3 masked), accuracy [%] maximize, latency [ms] minimize, "
        "signal 'truth'>"
    )
    assert OWN.truth.shape == (5, 2)
    assert OWN.space.is_valid({"op": "c", "depth": 1})
    assert not OWN.space.is_valid({"op": "c", "depth": 2})
    assert not OWN.space.is_valid({"op": "d", "depth": 1})
    assert [tuple(c.values()) for c in OWN.space] == list(OWN.rows)
    assert OWN.space.size == 5
    rng = np.random.default_rng(0)
    assert {tuple(OWN.space.sample(rng).values()) for _ in range(100)} == set(OWN.rows)
    assert [tuple(c.values()) for c in OWN.space.neighbours({"op": "c", "depth": 1})] == [
        ("a", 1),
        ("b", 1),
    ]


def test_a_table_of_few_of_very_many_combinations_is_a_small_space() -> None:
    rng = np.random.default_rng(0)
    rows = {
        tuple(row): {"accuracy": float(i)} for i, row in enumerate(rng.integers(9, size=(40, 9)))
    }
    table = Table.of(rows, parameters=list("abcdefghi"), objectives={"accuracy": "maximize"})
    assert table.space.members is not None
    assert len(table.space.members) == len(table.space.reference) == 40
    drawn = table.space.sample(rng)
    assert table.space.is_valid(drawn)
    order = [tuple(choices.values()) for choices in table.space]
    places = [
        [d.choices.index(c) for d, c in zip(table.space.distributions.values(), row, strict=True)]
        for row in order
    ]
    assert places == sorted(places)


def test_combinations_are_architectures_of_their_own_with_the_given_graph() -> None:
    def graph(choices: Choices) -> ArchitectureGraph:
        return ArchitectureGraph([INPUT, str(choices["op"]), OUTPUT], [(0, 1), (1, 2)])

    table = Table.of(ROWS, parameters=["op", "depth"], objectives=BOTH, graph=graph)
    assert table.space.members is not None
    assert len(table.space.members) == 5
    assert {a.graph.labels[1] for a in table.space.members} == {"a", "b", "c"}


def test_without_a_graph_the_choices_are_a_chain() -> None:
    graph = OWN.space.graph({"op": "a", "depth": 1})
    assert graph.labels == (INPUT, "op=a", "depth=1", OUTPUT)
    assert graph.edges == ((0, 1), (1, 2), (2, 3))


def test_a_measured_part_builds_and_costs_what_its_space_does() -> None:
    whole = NASBench201(nodes=3)
    rows = [("nor_conv_3x3", "none", "nor_conv_1x1"), ("skip_connect", "none", "skip_connect")]
    part = MeasuredPart(whole, rows)
    choices = dict(zip(whole.parameters, rows[0], strict=True))
    assert part.graph(choices) == whole.graph(choices)
    assert part.costs(choices) == whole.costs(choices)
    network = part.build(choices)
    assert sum(p.numel() for p in network.parameters()) == whole.costs(choices)["parameters"]
    assert part.describe() == {**whole.describe(), "rows": 2}
    assert not part.is_valid({**choices, "edge_0_1": "none"})
