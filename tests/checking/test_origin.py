"""Which line an error came from: the user's, whatever libraries lie in between."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import nn

from bonas.checking.origin import origin_in_dump, origin_of
from bonas.errors import InvalidArgument


class Wrong(nn.Module):
    """A network that fails within torch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([x, x[:, :1].reshape(7)])  # this line


def raised(error: type[Exception], call: Callable[[], object]) -> Exception:
    """Return the error of a call."""
    with pytest.raises(error) as found:
        call()
    return found.value


def test_it_is_the_deepest_line_of_the_user() -> None:
    error = raised(RuntimeError, lambda: nn.Sequential(Wrong())(torch.zeros(2, 3)))
    assert "test_origin.py, line " in origin_of(error)
    assert origin_of(error).endswith("# this line")
    assert "in forward" in origin_of(error)


def test_it_is_that_of_the_first_error() -> None:
    def wrapped() -> None:
        try:
            np.zeros(3).reshape(2)
        except ValueError as error:
            raise InvalidArgument("expected something else") from error

    assert origin_of(raised(InvalidArgument, wrapped)).endswith("np.zeros(3).reshape(2)")


def test_an_error_that_was_not_raised_has_none() -> None:
    assert origin_of(ValueError("nowhere")) == ""


def test_a_dump_has_the_deepest_line_first() -> None:
    dump = f"""Thread 0x1 (most recent call first):
  File "{torch.__file__}", line 10 in inner
  File "/home/me/train.py", line 7 in train
  File "/home/me/main.py", line 3 in <module>
"""
    assert origin_in_dump(dump) == "train.py, line 7, in train"
    assert origin_in_dump('  File "<string>", line 1 in <module>') == ""
