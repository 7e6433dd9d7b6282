"""Layouts: which columns belong together."""

from __future__ import annotations

import pytest
import torch

from bonas.encoders import (
    Layout,
)
from bonas.errors import InvalidArgument


def test_a_block_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidArgument, match="no block 'gnn', only"):
        Layout({"paths": slice(0, 2)}, {}).columns(torch.zeros(1, 2), "gnn")
