"""Limits on the CPU threads of torch: small models are slower on many."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import torch
from threadpoolctl import ThreadpoolController


@contextmanager
def limited_threads(threads: int | None) -> Iterator[None]:
    """Run the block with that many CPU threads of torch; None keeps their number."""
    before = torch.get_num_threads()
    try:
        if threads is not None:
            torch.set_num_threads(threads)
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def one_thread() -> Iterator[None]:
    """Run the block with torch and the BLAS of scipy on one thread, then restore their settings."""
    with limited_threads(1), _controller().limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> ThreadpoolController:
    """Find the thread pools of the loaded libraries, once: it takes milliseconds."""
    return ThreadpoolController()
