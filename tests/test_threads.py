"""Facts about limits on CPU threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import pytest
import torch

from bonas.threads import limited_threads, one_thread


@pytest.fixture
def three() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_the_limit_holds_inside_and_ends_with_the_block(three: None) -> None:
    with limited_threads(2):
        assert torch.get_num_threads() == 2
        with limited_threads(1):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    assert torch.get_num_threads() == 3


def test_none_changes_nothing_but_what_is_set_inside_is_undone(three: None) -> None:
    with limited_threads(None):
        assert torch.get_num_threads() == 3
        torch.set_num_threads(1)
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("limit", [limited_threads(1), one_thread()])
def test_an_error_ends_the_limit(three: None, limit: AbstractContextManager[None]) -> None:
    with pytest.raises(ZeroDivisionError), limit:
        _ = 1 // (torch.get_num_threads() - 1)
    assert torch.get_num_threads() == 3
