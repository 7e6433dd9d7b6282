"""Marks for arguments in an unusual order: as few as possible, none where order does not matter."""

from __future__ import annotations

from itertools import combinations

import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bonas.spaces.sketch import Sketch
from bonas.spaces.tracing.argument_order import ArgumentOrder, longest_sorted
from bonas.spaces.tracing.parameter_counter import ParameterCounter


@given(st.lists(st.integers(0, 4), max_size=8))
def test_a_longest_sorted_subsequence_is_as_long_as_any(ranks: list[int]) -> None:
    keys = [(rank,) for rank in ranks]
    found = longest_sorted(range(len(ranks)), keys)
    assert found == sorted(found)
    assert [ranks[i] for i in found] == sorted(ranks[i] for i in found)
    every = (c for n in range(len(ranks) + 1) for c in combinations(range(len(ranks)), n))
    longest = max(len(c) for c in every if [ranks[i] for i in c] == sorted(ranks[i] for i in c))
    assert len(found) == longest


def sketch() -> tuple[Sketch, int, int]:
    """Return a sketch with a shallow and a deep node."""
    made = Sketch((4,))
    shallow = made.add("relu", [made.input], (4,))
    deep = made.add("sigmoid", [made.add("tanh", [made.input], (4,))], (4,))
    return made, shallow, deep


def test_the_usual_order_is_not_marked() -> None:
    made, shallow, deep = sketch()
    order = ArgumentOrder(made)
    assert order.marked("sub", [(0, shallow), (1, deep)], 2) == ({shallow: [], deep: []}, [])
    assert order.marked("matmul", [(0, deep), (1, shallow)], 2) == ({deep: [], shallow: []}, [])


def test_one_mark_is_enough_for_a_swap() -> None:
    made, shallow, deep = sketch()
    marked, labels = ArgumentOrder(made).marked("sub", [(0, deep), (1, shallow)], 2)
    assert sum(bool(at) for at in marked.values()) == 1
    assert labels == []


def test_a_commutative_function_has_no_order_unless_it_weighs_its_arguments() -> None:
    made, shallow, deep = sketch()
    order = ArgumentOrder(made)
    for reads in ([(0, shallow), (1, deep)], [(0, deep), (1, shallow)]):
        assert not any(order.marked("add", reads, 2)[0].values())
    weighed = order.marked("add", [(0, deep), (1, shallow)], 2, even=False)
    assert any(weighed[0].values())


def test_positions_between_constants_are_labelled() -> None:
    made, shallow, deep = sketch()
    order = ArgumentOrder(made)
    assert order.marked("sub", [(1, shallow)], 2) == ({shallow: []}, ["at=1"])
    assert order.marked("lerp", [(0, shallow), (2, deep)], 3)[1] == ["at=0 2"]


def test_an_argument_that_is_read_twice_is_labelled() -> None:
    made, shallow, _ = sketch()
    order = ArgumentOrder(made)
    assert order.marked("addcmul", [(0, shallow), (1, shallow)], 3) == ({shallow: []}, ["twice"])
    assert order.marked("sub", [(0, shallow), (1, shallow)], 2) == ({shallow: []}, [])


def test_the_order_is_known_of_nodes_that_are_added_later() -> None:
    made, shallow, deep = sketch()
    order = ArgumentOrder(made)
    order.marked("sub", [(0, shallow), (1, deep)], 2)
    deeper = made.add("relu", [deep], (4,))
    assert order.marked("sub", [(0, deep), (1, deeper)], 2) == ({deep: [], deeper: []}, [])


def test_parameters_count_once_and_are_tied_after_that() -> None:
    counter = ParameterCounter()
    one, other = nn.Parameter(torch.zeros(2, 3)), nn.Parameter(torch.zeros(2, 3))
    frozen = nn.Parameter(torch.zeros(5), requires_grad=False)
    assert counter.count([one, frozen]) == (6, [])
    assert counter.count([one]) == (0, ["tied=0"])
    assert counter.count([other]) == (6, [])
    assert counter.count([other, one, other]) == (0, ["tied=0"])
    third = nn.Parameter(torch.zeros(2, 3))
    assert counter.count([third, third]) == (6, [])
    assert counter.count([third]) == (0, ["tied=1"])  # the second of this shape
