"""What stands in a label: arguments that are not the default, by name or alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from bonas.spaces.tracing.argument_labels import argument_label, argument_labels
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.function_names import plain_name

X = torch.ones(2, 3, 4)


def labels(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[str, ...]:
    return argument_labels(Call(plain_name(function), function, args, kwargs, X))


CASES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "a default is left out": (labels(F.leaky_relu, X, 0.01), ()),
    "a well-known argument stands alone": (labels(F.leaky_relu, X, 0.2), ("0.2",)),
    "others stand by name": (labels(F.softplus, X, 2.0), ("beta=2",)),
    "an operand stands alone": (labels(torch.mul, X, 2), ("2",)),
    "numbers have seven digits": (labels(torch.mul, X, 1 / 3), ("0.3333333",)),
    "dimensions count from the front": (labels(torch.sum, X, -2), ("dim=1",)),
    "and the last one is -1": (labels(torch.sum, X, 2), ("dim=-1",)),
    "the usual dimension is left out": (labels(torch.softmax, X, 2), ()),
    "another one is not": (labels(torch.softmax, X, 1), ("dim=1",)),
    "dimensions in any order are sorted": (labels(torch.flip, X, (2, 0)), ("dim=0, -1",)),
    "dimensions that matter are not": (labels(Tensor.permute, X, 2, 0, 1), ("dim=-1, 0, 1",)),
    "dtypes and devices are left out": (labels(torch.zeros_like, X, dtype=torch.int8), ()),
    "one argument of a group brings all": (labels(F.hardtanh, X, -1.0, 6.0), ("-1", "6")),
    "a group of defaults brings none": (labels(F.hardtanh, X, -1.0, 1.0), ()),
    "the rate of a dropout always stands": (labels(F.dropout, X, 0.5, False), ("0.5",)),
    "and whether it is active": (labels(F.dropout, X, 0.5, True), ("0.5", "active")),
    "a name that must not stand is left out": (
        argument_labels(Call("add", torch.add, (X, 3), {"alpha": 2}, X), frozenset({"alpha"})),
        ("3",),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_labels(case: str) -> None:
    found, expected = CASES[case]
    assert found == expected


def test_equal_numbers_of_different_types_have_labels_of_their_own() -> None:
    """Check the cache: 1, 1.0 and True are one key of a dict."""
    assert labels(torch.mul, X, 1) == ("1",)
    assert labels(torch.mul, X, True) == ("True",)
    assert labels(torch.pow, X, 2) == labels(torch.pow, X, 2.0) == ("2",)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (slice(1, None), "1:"),
        (slice(None, -1, 2), ":-1:2"),
        ((1, (2, None)), "1, 2"),
        (..., "..."),
        (torch.float16, "float16"),
        (2j, "0+2j"),
        (torch.relu, "relu"),
        (None, ""),
        (X, ""),
    ],
)
def test_values_as_text(value: Any, text: str) -> None:
    assert argument_label(value) == text
