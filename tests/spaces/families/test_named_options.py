"""Options of any kind have names that a study can store, and come back as they are."""

from __future__ import annotations

import functools
from enum import Enum, IntEnum
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.families.chooser import Chooser, replayed
from bonas.spaces.families.named_options import named_options


class Colour(Enum):
    RED = 1
    BLUE = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


def block(width: int) -> nn.Module:
    return nn.Linear(width, width)


class ReLU(nn.Module):
    """A class with the name of one of torch."""


class Addressed:
    """An object whose text holds its address."""


NAMED: dict[str, tuple[list[Any], list[Any]]] = {
    "plain values": ([None, True, 2, 0.5, "a"], [None, True, 2, 0.5, "a"]),
    "numbers of NumPy": ([np.int64(3), np.float32(0.5), np.bool_(True)], [3, 0.5, True]),
    "tensors without a dimension": ([torch.tensor(3), torch.tensor(0.5)], [3, 0.5]),
    "lists of sizes": ([[16, 32], [16], []], ["[16, 32]", "[16]", "[]"]),
    "tuples": ([(3, 3), (5,), ("a", None)], ["(3, 3)", "(5,)", "('a', None)"]),
    "lists of NumPy": ([[np.int64(1)], np.array([1, 2])], ["[1]", "[1, 2]"]),
    "dicts and sets": ([{"a": [1]}, {3, 1}], ["{'a': [1]}", "{1, 3}"]),
    "classes": ([nn.BatchNorm2d, nn.Identity], ["BatchNorm2d", "Identity"]),
    "lists of classes": ([[nn.ReLU, nn.Tanh], [nn.ReLU]], ["[ReLU, Tanh]", "[ReLU]"]),
    "functions": ([torch.relu, block, np.tanh], ["relu", "block", "tanh"]),
    "one name of two modules": (
        [nn.ReLU, ReLU],
        ["torch.nn.modules.activation.ReLU", f"{__name__}.ReLU"],
    ),
    "partials": (
        [functools.partial(block, 3), functools.partial(nn.GELU, approximate="tanh")],
        ["block(3)", "GELU(approximate='tanh')"],
    ),
    "enums": ([Colour.RED, Colour.BLUE], ["RED", "BLUE"]),
    "enums that are numbers": ([Level.LOW, Level.HIGH], [1, 2]),
    "types of torch": ([torch.float32, torch.bfloat16], ["torch.float32", "torch.bfloat16"]),
    "objects": ([Fraction(1, 3), Addressed()], ["1/3", "Addressed"]),
    "networks": ([nn.ReLU(), nn.LeakyReLU(0.1)], ["ReLU()", "LeakyReLU(negative_slope=0.1)"]),
    "not a number": ([float("nan"), 1.0], ["nan", 1.0]),
}


@pytest.mark.parametrize("kind", NAMED)
def test_options_of_any_kind_have_names_and_are_returned(kind: str) -> None:
    options, names = NAMED[kind]
    named = named_options("a", options)
    assert list(named.names) == names
    assert [type(name) for name in named.names] == [type(name) for name in names]
    for i, name in enumerate(named.names):
        assert Chooser(replayed({"a": name}))("a", options) is options[i]


def test_any_ordered_collection_is_a_list_of_options() -> None:
    assert named_options("a", {"x": 1, "y": 2}.keys()).names == ("x", "y")
    assert named_options("a", Colour).names == ("RED", "BLUE")
    assert named_options("a", np.array([1, 2])).names == (1, 2)
    assert named_options("a", range(3)).names == (0, 1, 2)


@given(st.lists(st.lists(st.integers(0, 500), min_size=1), min_size=2, unique_by=tuple))
def test_long_texts_are_short_and_differ(options: list[list[int]]) -> None:
    names = named_options("a", options).names
    assert len(set(names)) == len(options)
    assert all(len(str(name)) <= 120 for name in names)


REFUSED: dict[str, tuple[Any, str]] = {
    "equal numbers": ([1, True, 1.0], r"repeats an option: \[1, True, 1.0\]; 1 and True are the s"),
    "a number of NumPy": ([1, np.int64(1)], r"repeats an option.*1 and np.int64\(1\)"),
    "equal lists": ([[1], [1]], r"two options named '\[1\]'"),
    "functions without names": ([lambda: 1, lambda: 2], "two options named .*<lambda>.*in a dict"),
    "a set": ({"a", "b"}, "must be a non-empty list or a dict, got .*; a set has no order"),
    "bytes": (b"ab", "must be a non-empty list or a dict"),
    "an iterator": (iter([1, 2]), "must be a non-empty list or a dict"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_options_without_distinct_names_are_refused(case: str) -> None:
    options, message = REFUSED[case]
    with pytest.raises(InvalidSpace, match=message):
        named_options("a", options)
