"""Bounds on cells, held against every one of the 15,625 cells of NAS-Bench-201."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import optuna
import pytest
from scipy.stats import chi2

import bonas
from bonas.errors import InvalidArgument, InvalidSpace, StudyMismatch
from bonas.evaluation import Objective
from bonas.result import SearchResult
from bonas.spaces import CellSpace, Choices, NASBench101Space, NASBench201, Space
from bonas.studies.lineage.description import incompatibilities, make_description

FREE = NASBench201()
LEAST = 73_306  # parameters of a cell of pools and skips: stem, reductions and head


@cache
def parameters() -> dict[tuple[str, ...], float]:
    """Return the operations of every valid cell -> the parameters of its network."""
    return {key(choices): FREE.costs(choices)["parameters"] for choices in FREE}


def key(choices: Choices) -> tuple[str, ...]:
    return tuple(map(str, choices.values()))


def within(bound: float) -> set[tuple[str, ...]]:
    return {cell for cell, size in parameters().items() if size <= bound}


@pytest.mark.parametrize("bound", [LEAST, 1e5, 400_000, 1e7])
def test_enumeration_gives_exactly_the_cells_within_the_bound(bound: float) -> None:
    space = NASBench201(max_params=bound)
    assert {key(choices) for choices in space} == within(bound)
    assert space.size == 15_625  # valid or not


def test_members_are_the_architectures_that_have_a_cell_within_the_bound() -> None:
    # Isomorphic cells may have different sizes, since operations on no path are counted.
    space = NASBench201(max_params=1e5)
    choices = (dict(zip(FREE.edges, cell, strict=True)) for cell in within(1e5))
    hashes = {FREE.graph(each).canonical_hash for each in choices}
    assert space.members is not None
    assert {a.key for a in space.members} == hashes
    assert all(space.is_valid(a.choices) for a in space.members)
    assert len(space.members) < len(within(1e5))


@pytest.mark.parametrize("bound", [LEAST, 1e5, 400_000])
def test_samples_are_within_the_bound_and_reach_many_cells(bound: float) -> None:
    space, rng = NASBench201(max_params=bound), np.random.default_rng(0)
    found = {key(space.sample(rng)) for _ in range(200)}
    assert found <= within(bound)
    assert len(found) > 100


def test_a_loose_bound_leaves_every_draw_as_it_is() -> None:
    loose = NASBench201(max_params=1e9)
    for seed in range(30):
        one, other = (s.sample(np.random.default_rng(seed)) for s in (loose, FREE))
        assert one == other


def test_half_of_all_cells_are_sampled_equally_often() -> None:
    # Of 16 cells of three nodes, those with at most one convolution; a draw that breaks the bound
    # is drawn again up to eight times, so that walks are rare.
    free = CellSpace(nodes=3, operations=("skip_connect", "nor_conv_1x1"), channels=2, stages=1)
    sizes = [free.costs(choices)["parameters"] for choices in free]
    space = replace(free, max_params=sorted(set(sizes))[1])
    valid = [key(choices) for choices in space]
    assert len(valid) == 1 + 3
    rng = np.random.default_rng(0)
    seen = Counter(key(space.sample(rng)) for _ in range(2_000))
    distance = sum((seen[cell] - 500) ** 2 / 500 for cell in valid)
    assert distance < chi2.isf(1e-6, df=3)  # farther away once in a million seeds


@pytest.mark.parametrize("seed", range(5))
def test_neighbours_are_all_cells_within_the_bound_at_one_operation_s_distance(seed: int) -> None:
    space = NASBench201(max_params=400_000)
    choices = space.sample(np.random.default_rng(seed))
    found = [key(near) for near in space.neighbours(choices)]
    own = key(choices)
    assert sorted(found) == sorted(
        cell for cell in within(400_000) if sum(a != b for a, b in zip(cell, own, strict=True)) == 1
    )


@pytest.mark.parametrize("name", ["max_params", "max_flops", "max_memory"])
def test_each_bound_holds_by_its_own_size(name: str) -> None:
    free = CellSpace(nodes=3, channels=4, cells=1, image_size=8)

    def size(choices: Choices) -> float:
        costs = free.costs(choices)
        return {
            "max_params": costs["parameters"],
            "max_flops": 2 * costs["multiply_adds"],
            "max_memory": free.memory(choices),
        }[name]

    sizes = sorted(size(choices) for choices in free)
    for bound in (sizes[0], sizes[len(sizes) // 3]):
        space = replace(free, **{name: bound})
        assert [size(c) for c in space] == [x for x in map(size, free) if x <= bound]
        for seed in range(10):
            assert size(space.sample(np.random.default_rng(seed))) <= bound


def test_a_bound_that_no_cell_keeps_is_named_with_the_smallest_network() -> None:
    space = NASBench201(max_params=LEAST - 1)
    assert space.members == ()
    with pytest.raises(
        InvalidSpace, match=r"NASBench201 .* max_params=73,305 rejects 1,000 .* has 73,306\)"
    ):
        space.sample(np.random.default_rng(0))


@pytest.mark.parametrize("bound", [0, -1, True, "1e5", float("nan")])
def test_a_bound_that_is_not_a_positive_number_is_refused(bound: object) -> None:
    with pytest.raises(InvalidArgument, match="max_params must be a positive number, got"):
        NASBench201(max_params=bound)  # type: ignore[arg-type]  # on purpose


def test_a_cell_without_a_path_is_not_valid_under_a_bound_either() -> None:
    dead = dict.fromkeys(FREE.edges, "none")
    assert not NASBench201(max_params=1e6).is_valid(dead)
    assert NASBench201(max_params=1e6, allow_disconnected=True).is_valid(dead)
    assert not NASBench201(max_params=1e4, allow_disconnected=True).is_valid(dead)


def test_a_space_without_bounds_is_described_as_before_there_were_any() -> None:
    assert FREE.describe() == {
        "space": "NASBench201",
        "parameters": {name: list(FREE.operations) for name in FREE.edges},
        "nodes": 4,
        "operations": FREE.operations,
        "channels": 16,
        "cells": 5,
        "stages": 3,
        "classes": 10,
        "in_channels": 3,
        "image_size": 32,
        "allow_disconnected": False,
    }
    bounded = NASBench201(max_params=1e5)
    assert bounded.describe() == {**FREE.describe(), "max_params": 1e5}
    assert bounded != FREE


def test_a_search_stays_within_the_bound() -> None:
    space: Space = NASBench201(channels=4, cells=1, image_size=8, max_params=5_500)
    study = optuna.create_study(
        direction="maximize",
        sampler=bonas.ArchitectureSampler(space, surrogate="gp", n_initial=4, seed=0),
    )
    for _ in range(8):
        trial = study.ask()
        size = space.costs(space.suggest(trial))["parameters"]
        assert size <= 5_500
        study.tell(trial, size)
    assert len({tuple(t.params.items()) for t in study.trials}) == 8


def searched(space: Space, storage: optuna.storages.BaseStorage, **more: Any) -> SearchResult:
    return bonas.optimize(
        space,
        6,
        evaluate=lambda candidate: {"size": space.costs(candidate.choices)["parameters"]},
        objectives={"size": "minimize"},
        surrogate="random",
        seed=0,
        progress=False,
        storage=storage,
        study_name="cells",
        **more,
    )


def test_a_study_is_resumed_under_its_own_bounds_and_forked_under_others() -> None:
    free, storage = NASBench201(channels=4, cells=1), optuna.storages.InMemoryStorage()
    sizes = [c.values["size"] for c in searched(free, storage).candidates]
    assert len(searched(free, storage).study.trials) == 6  # nothing differs
    bounded = replace(free, max_params=sorted(sizes)[3])
    with pytest.raises(StudyMismatch, match="max_params is new"):
        searched(bounded, storage)
    fork = searched(bounded, storage, on_mismatch="fork")
    found = [c.values["size"] for c in fork.candidates]
    kept = [size for size in sizes if size <= max(found)]
    assert len(kept) >= 4
    assert found[: len(kept)] == kept
    assert len(found) == 6
    assert max(found) <= sorted(sizes)[3]


@pytest.mark.parametrize(
    "change", [{"max_params": 1e5}, {"max_flops": 1e9}, {"max_memory": 1e9}, {"max_edges": 8}]
)
def test_what_was_measured_holds_under_other_bounds(change: dict[str, Any]) -> None:
    space = NASBench101Space()
    size = [Objective("size", "minimize")]
    before, after = (
        make_description(s.describe(), size) for s in (space, replace(space, **change))
    )
    assert incompatibilities(before, after, space.bounds) == []
    assert len(incompatibilities(before, after)) == 1
    other = make_description(replace(space, channels=64).describe(), size)
    assert incompatibilities(before, other, space.bounds) == ["channels was 128, now 64"]
