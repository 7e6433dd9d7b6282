"""DARTS spaces: parameters, genotypes, and the numbers published for them."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from built_networks import drawn, parameters_of, seeds
from hypothesis import given, settings
from hypothesis import strategies as st

import bonas
from bonas.errors import BonasError, InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces.darts.cell import KERNELS, Step
from bonas.spaces.darts.space import DARTSSpace

Genotype = dict[str, list[Step]]


SMALL = DARTSSpace.small()


FINAL = DARTSSpace(channels=36, cells=20)  # what DARTS trained at last


WHOLE = replace(FINAL, operations=tuple(KERNELS), repeat_inputs=True)


TINY = replace(SMALL, channels=4, nodes=3)


SECOND_ORDER: Genotype = {  # found by DARTS, printed in figures 4 and 5 of the paper
    "normal": [
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 0),
        ("sep_conv_3x3", 1),
        ("sep_conv_3x3", 1),
        ("skip_connect", 0),
        ("skip_connect", 0),
        ("dil_conv_3x3", 2),
    ],
    "reduce": [
        ("max_pool_3x3", 0),
        ("max_pool_3x3", 1),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
        ("max_pool_3x3", 0),
        ("skip_connect", 2),
        ("skip_connect", 2),
        ("max_pool_3x3", 1),
    ],
}


ROOT = Path(__file__).parents[3]


SHARED = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared"))


TABLE = SHARED / "data" / "darts_samples.npz"


needs_table = pytest.mark.skipif(
    not TABLE.exists(), reason=f"no {TABLE.name} in data/ of $BONAS_SHARED or ../shared"
)


def test_a_space_of_four_states_has_the_choices_of_darts() -> None:
    space = DARTSSpace()
    assert len(space.distributions) == 2 * (4 * 2 + 3)  # state 2 can only read 0 and 1
    assert space.size == (1 * 3 * 6 * 10 * 7**8) ** 2
    assert space.distributions["reduce_4_inputs"].choices == (
        *("0+1", "0+2", "0+3"),
        *("1+2", "1+3", "2+3"),
    )
    assert replace(space, repeat_inputs=True).distributions["normal_2_inputs"].choices == (
        *("0+0", "0+1", "1+1"),
    )


def test_the_network_of_darts_has_its_published_parameters() -> None:
    choices = FINAL.from_genotype(**SECOND_ORDER)
    assert FINAL.costs(choices)["parameters"] == 3_349_342  # 3.3 million in the paper
    assert parameters_of(FINAL.build(choices)) == 3_349_342


@settings(max_examples=50)
@given(seeds, st.booleans())
def test_a_genotype_gives_the_choices_back(seed: int, repeat: bool) -> None:
    space = replace(WHOLE, repeat_inputs=repeat)
    choices = drawn(space, seed)
    genotype = space.genotype(choices)
    assert list(map(len, genotype.values())) == [8, 8]
    back = space.from_genotype(normal=genotype["normal"], reduce=genotype["reduce"])
    assert back == choices
    assert list(back) == list(choices)
    assert space.architecture(back) == space.architecture(choices)


@settings(max_examples=30)
@given(seeds, st.lists(st.booleans(), min_size=8, max_size=8))
def test_swapped_inputs_are_one_architecture(seed: int, swaps: list[bool]) -> None:
    choices = drawn(WHOLE, seed)
    genotype = WHOLE.genotype(choices)
    for k, (kind, swap) in enumerate(zip(["normal", "reduce"] * 4, swaps, strict=True)):
        if swap:
            steps, i = genotype[kind], 2 * (k // 2)
            steps[i : i + 2] = steps[i : i + 2][::-1]
    swapped = WHOLE.from_genotype(normal=genotype["normal"], reduce=genotype["reduce"])
    assert WHOLE.architecture(swapped) == WHOLE.architecture(choices)
    assert WHOLE.costs(swapped) == WHOLE.costs(choices)


def test_states_may_be_made_in_another_order() -> None:
    # States 2 and 3 both read 0 and 1 only, 4 reads 2 and 3.
    def cell(a: str, b: str, c: str, d: str) -> list[Step]:
        return [(a, 0), (b, 1), (c, 0), (d, 1), ("max_pool_3x3", 2), ("skip_connect", 3)]

    other = cell("sep_conv_3x3", "skip_connect", "dil_conv_5x5", "max_pool_3x3")
    one = cell("skip_connect", "sep_conv_3x3", "sep_conv_5x5", "max_pool_3x3")
    two = cell("sep_conv_5x5", "max_pool_3x3", "skip_connect", "sep_conv_3x3")
    two[4:] = [("skip_connect", 2), ("max_pool_3x3", 3)]
    a, b, c = (
        TINY.architecture(TINY.from_genotype(normal=normal, reduce=other))
        for normal in (one, two, cell("sep_conv_3x3", "skip_connect", *("sep_conv_5x5",) * 2))
    )
    assert a == b
    assert a != c


def test_the_two_inputs_of_a_cell_are_told_apart() -> None:
    space = DARTSSpace(1, operations=("skip_connect", "sep_conv_3x3"))
    skips: list[Step] = [("skip_connect", 0), ("skip_connect", 1)]
    one, other = (
        space.architecture(space.from_genotype(normal=[(a, 0), (b, 1)], reduce=skips))
        for a, b in (space.operations, reversed(space.operations))
    )
    assert one != other


def test_a_cell_of_none_is_not_valid() -> None:
    space = DARTSSpace(1, operations=("none", "skip_connect"))
    dead: list[Step] = [("none", 0), ("none", 1)]
    live: list[Step] = [("none", 0), ("skip_connect", 1)]
    for normal, reduction in ((dead, live), (live, dead)):
        choices = space.from_genotype(normal=normal, reduce=reduction)
        assert not space.is_valid(choices)
        with pytest.raises(InvalidSpace, match="a cell whose operations are all none"):
            space.build(choices)
    assert sum(1 for _ in space) == 3 * 3


@settings(max_examples=30)
@given(seeds, st.floats(5_000, 12_000))
def test_samples_and_neighbours_are_within_the_bounds(seed: int, bound: float) -> None:
    space = replace(SMALL, max_params=bound)
    choices = drawn(space, seed)
    near = list(space.neighbours(choices))
    for member in [choices, *near[::5]]:
        assert space.completed(member) == member
        assert parameters_of(space.build(member)) <= bound


BAD_SETTINGS: dict[str, tuple[dict[str, Any], type[BonasError], str]] = {
    "no state": (
        {"nodes": 0},
        InvalidArgument,
        "nodes must be a whole .* at least 1, got 0",
    ),
    "no channel": ({"channels": 0}, InvalidArgument, "channels must be .* got 0"),
    "two cells": ({"cells": 2}, InvalidSpace, "cells must be at least 3, .* got 2"),
    "a word": ({"image_size": "32"}, InvalidArgument, "image_size must be .* got '32'"),
    "a number": (
        {"repeat_inputs": 1},
        InvalidArgument,
        "repeat_inputs must be True or .* got 1",
    ),
    "no operation": ({"operations": ()}, InvalidArgument, "operations must hold at least one"),
    "unknown": ({"operations": ("conv",)}, InvalidArgument, "unknown name .* 'conv'"),
    "no parameter": ({"max_params": 0}, InvalidArgument, "max_params must be a positive number"),
}


@pytest.mark.parametrize("case", BAD_SETTINGS)
def test_broken_settings_are_refused(case: str) -> None:
    given_, error, message = BAD_SETTINGS[case]
    with pytest.raises(error, match=message):
        replace(SMALL, **given_)


BAD_CELLS: dict[str, tuple[Any, type[BonasError], str]] = {
    "too few": ([("skip_connect", 0)] * 3, InvalidArgument, "normal must hold 4 pairs .* got 3"),
    "no pairs": (["skip_connect"] * 4, InvalidArgument, "normal must be a list of pairs"),
    "unknown": (
        [("skip_connect", 0), ("conv", 1)] * 2,
        InvalidSpace,
        "normal_2_second must be one of .* got 'conv'",
    ),
    "a later state": (
        [("skip_connect", 0), ("skip_connect", 2)] * 2,
        InvalidSpace,
        r"normal_2_inputs must be one of \['0\+1'\], got '0\+2'",
    ),
    "twice": (
        [("skip_connect", 1), ("skip_connect", 1)] * 2,
        InvalidSpace,
        r"got '1\+1'; change operations or repeat_inputs",
    ),
}


@pytest.mark.parametrize("case", BAD_CELLS)
def test_broken_genotypes_are_refused(case: str) -> None:
    steps, error, message = BAD_CELLS[case]
    with pytest.raises(error, match=message):
        SMALL.from_genotype(normal=steps, reduce=[("skip_connect", 0), ("skip_connect", 1)] * 2)


def test_spaces_of_equal_settings_are_equal_and_described_alike() -> None:
    assert replace(SMALL) == SMALL
    assert hash(replace(SMALL)) == hash(SMALL)
    assert replace(SMALL).describe() == SMALL.describe()
    assert replace(SMALL, cells=4).describe() != SMALL.describe()


@cache
def table() -> dict[str, npt.NDArray[Any]]:
    with np.load(TABLE) as archive:
        return dict(archive)


def table_cells(source: str, row: int) -> Genotype:
    names = [str(name) for name in table()["op_names"]]
    cells = table()[f"{source}_genotype"][row]
    return {
        kind: [(names[operation], int(state)) for operation, state in cell]
        for kind, cell in zip(("normal", "reduce"), cells, strict=True)
    }


@needs_table
def test_the_parameters_of_measured_networks_are_those_that_were_reported() -> None:
    # Rows with none are left out: their networks held parameters that nothing reads.
    rows = [
        row for row, cells in enumerate(table()["once_genotype"]) if not (cells[:, :, 0] == 0).any()
    ]
    costs = [FINAL.costs(FINAL.from_genotype(**table_cells("once", row))) for row in rows]
    assert len(rows) == 186
    np.testing.assert_allclose(
        [1e-6 * cost["parameters"] for cost in costs],
        table()["once_value"][rows, 1],
        rtol=1e-6,  # they were stored in single precision
    )


@needs_table
@pytest.mark.parametrize("source", ["swap", "once"])
def test_every_row_is_read_and_written_again(source: str) -> None:
    for row in range(len(table()[f"{source}_genotype"])):
        cells = table_cells(source, row)
        back = WHOLE.genotype(WHOLE.from_genotype(**cells))
        for kind, steps in cells.items():
            pairs = zip(steps[::2], steps[1::2], strict=True)
            assert back[kind] == [step for two in pairs for step in sorted(two, key=lambda s: s[1])]


def test_a_search_finds_small_networks() -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        costs = SMALL.costs(SMALL.architecture(candidate.choices).choices)
        return {"size": costs["parameters"], "work": -costs["multiply_adds"]}

    result = bonas.optimize(
        SMALL,
        6,
        evaluate=evaluate,
        objectives={"size": "minimize", "work": "maximize"},
        surrogate="gp",
        seed=0,
        progress=False,
    )
    assert len(result.study.trials) == 6
    assert result.front
