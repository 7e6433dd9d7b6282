"""The decorator that makes a family: its forms, and the arguments that it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from bonas.errors import BonasError, InvalidArgument
from bonas.spaces.families.declaration import space
from bonas.spaces.families.family import Family

ROW = torch.zeros(1, 4)


def linear(choose: Any) -> nn.Module:
    return nn.Linear(4, choose("width", [2, 3]))


BAD_ARGUMENTS: dict[str, tuple[dict[str, Any], str]] = {
    "no example": ({"input": None}, "input must be an example batch, .* got None"),
    "no batch": ({"input": torch.tensor(1.0)}, "input must be an example batch"),
    "an empty batch": ({"input": torch.zeros(0, 3)}, "input must be an example batch"),
    "no tensors": ({"input": ()}, "input must be an example batch"),
    "no bound": ({"input": ROW, "max_params": 0}, "max_params must be a positive number, got 0"),
    "a word": ({"input": ROW, "max_flops": "1e6"}, "max_flops must be a positive .* got '1e6'"),
    "no function": ({"build": 3, "input": ROW}, "expected a function that takes choose"),
}


@pytest.mark.parametrize("case", BAD_ARGUMENTS)
def test_arguments_that_cannot_work_are_refused(case: str) -> None:
    arguments, message = BAD_ARGUMENTS[case]
    with pytest.raises(InvalidArgument, match=message) as caught:
        space(**arguments)
    assert isinstance(caught.value, BonasError)


def test_a_decorator_and_a_call_make_the_same_family() -> None:
    called, decorated = (
        space(linear, input=ROW, max_params=12),
        space(input=ROW, max_params=12)(linear),
    )
    assert isinstance(decorated, Family)
    assert called.describe() == decorated.describe()
    assert repr(decorated) == "<Family linear>"


def test_bounds_that_are_not_given_are_no_bounds() -> None:
    assert space(linear, input=ROW).limits == {}
    assert space(linear, input=ROW, max_memory=1e6).limits == {"max_memory": 1e6}


def test_the_function_does_not_run_when_it_is_declared() -> None:
    def never(choose: Any) -> nn.Module:
        raise AssertionError("it ran")

    assert space(never, input=ROW).input_shape == (4,)
