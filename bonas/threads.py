"""How many CPU threads torch may use: small models are slower on many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Torch computes with that many CPU threads inside; None leaves the number as it is."""
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block with torch and the BLAS of scipy on one thread, then go back as before."""
    with limited_threads(1), _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Looking for thread pools among the loaded libraries takes milliseconds: done once."""
    return ThreadpoolController()
