"""Clocks that a test turns by hand."""

from __future__ import annotations


class Clocks:
    """A wall clock and a thread clock in place of the module ``time``."""

    def __init__(self) -> None:
        self.wall = 0.0
        self.core = 0.0

    def perf_counter(self) -> float:
        return self.wall

    def thread_time(self) -> float:
        return self.core
