"""Options that are functions or classes are called without arguments, or refused with a remedy."""

from __future__ import annotations

import functools
from typing import Any

import pytest
import torch
from torch import nn

from bonas.errors import InvalidSpace
from bonas.spaces.families.option_calls import call_option


def block(width: int, depth: int = 1) -> nn.Module:
    return nn.Linear(width, width * depth)


CALLABLE: dict[str, Any] = {
    "a class": nn.Identity,
    "a lambda": lambda: nn.Identity(),
    "a partial": functools.partial(nn.Linear, 2, 3),
    "defaults only": lambda width=3: nn.Linear(width, width),
    "any arguments": lambda *args, **kwargs: nn.Identity(),
}


@pytest.mark.parametrize("case", CALLABLE)
def test_options_that_need_no_arguments_are_called(case: str) -> None:
    assert isinstance(call_option("norm", "x", CALLABLE[case]), nn.Module)


NEEDY: dict[str, tuple[Any, str]] = {
    "a class of torch": (nn.BatchNorm2d, r"lambda: nn\.BatchNorm2d\(num_features\); or offer a l"),
    "a function": (block, r"block needs width; wrap it in a function: lambda: block\(width\)"),
    "two arguments": (nn.Linear, r"nn\.Linear needs in_features, out_features"),
    "one without a signature": (torch.relu, r"lambda: relu\(x\)"),
}


@pytest.mark.parametrize("case", NEEDY)
def test_options_that_need_arguments_are_refused_with_a_remedy(case: str) -> None:
    option, message = NEEDY[case]
    with pytest.raises(InvalidSpace, match=message):
        call_option("norm", "x", option)


def test_a_type_error_inside_an_option_is_its_own() -> None:
    def broken() -> nn.Module:
        raise TypeError("inside")

    with pytest.raises(TypeError, match="inside"):
        call_option("norm", "x", broken)
