"""Timing: how many milliseconds a call takes on a device.

A timing covers one run, or a block of runs where one is too short for the clock. On a busy machine
the operating system preempts the thread for milliseconds at a time; such a timing says little about
the network. The clock of the thread stands still meanwhile and gives it away: with

    share = CPU time of the thread / wall time

timings with a share below 95 % are dropped, and where too few remain, those with the highest share
are kept.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import torch

Timed = Callable[[Callable[[], object], int], tuple[float, float]]
"""A call and a number of runs -> milliseconds per run, and the thread's share of the core."""

_BLOCK_MS = 0.5  # a thousand times the cost of reading the clocks
_CLOCK_MS = 0.001  # the resolution: shorter times are rounding errors
_ON_CORE = 0.95  # share of a timing during which the thread must have had the core
_ENOUGH = 5  # timings that are kept at least
_FINE_CLOCK = time.get_clock_info("thread_time").resolution < 1e-5  # that of Windows takes 16 ms


def timings(
    run: Callable[[], object],
    timed: Timed,
    *,
    warmup: int,
    repeats: int,
    seconds: float,
) -> list[float]:
    """Return the milliseconds per run of all timings that were not interrupted.

    Args:
        run: What is timed.
        timed: How: milliseconds per run, and share of the core, of a number of runs.
        warmup: Runs before the timings.
        repeats: Minimum number of timings.
        seconds: Minimum duration of all timings.
    """
    runs = block_of(run, timed, warmup)
    end = time.perf_counter() + seconds
    found: list[tuple[float, float]] = []
    while len(found) < repeats or time.perf_counter() < end:
        found.append(timed(run, runs))
    return calm(found)


def timed_on(device: torch.device) -> Timed:
    """Return how runs are timed on a device: by its own clock."""
    return _TIMED[device.type]


def block_of(run: Callable[[], object], timed: Timed, warmup: int) -> int:
    """Return how many runs one timing covers, by the fastest of ``warmup`` runs."""
    once = min(timed(run, 1)[0] for _ in range(warmup))
    return math.ceil(_BLOCK_MS / max(once, _CLOCK_MS))


def calm(found: Sequence[tuple[float, float]]) -> list[float]:
    """Return the milliseconds of the timings that were not interrupted, given with their shares."""
    ordered = sorted(found, key=lambda timing: -timing[1])
    number = sum(share >= _ON_CORE for _, share in ordered)
    return [ms for ms, _ in ordered[: max(number, _ENOUGH)]]


def _timed_on_cpu(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the milliseconds per run over ``runs`` of them, and the thread's share of the core.

    With several threads the calling one may wait for the others, so that the share is set to 1.
    """
    wall, core = time.perf_counter(), time.thread_time()
    for _ in range(runs):
        run()
    core, wall = time.thread_time() - core, time.perf_counter() - wall
    alone = _FINE_CLOCK and torch.get_num_threads() == 1
    share = core / wall if wall > 0 and alone else 1.0
    return 1000.0 * wall / runs, share


def timed_elsewhere(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the milliseconds per run of a runtime that computes in threads of its own, and 1."""
    wall = time.perf_counter()
    for _ in range(runs):
        run()
    return 1000.0 * (time.perf_counter() - wall) / runs, 1.0


def _timed_on_cuda(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the same by the clock of the device; each run waits for the one before."""
    total = 0.0
    for _ in range(runs):
        start = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # untyped
        end = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]  # in torch
        start.record()
        run()
        end.record()
        end.synchronize()
        total += start.elapsed_time(end)
    return total / runs, 1.0


def _timed_on_mps(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the same by the wall clock; each run waits for the one before."""
    start = time.perf_counter()
    for _ in range(runs):
        run()
        torch.mps.synchronize()
    return 1000.0 * (time.perf_counter() - start) / runs, 1.0


_TIMED = {"cpu": _timed_on_cpu, "cuda": _timed_on_cuda, "mps": _timed_on_mps}
