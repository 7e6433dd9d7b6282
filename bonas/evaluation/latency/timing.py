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
from collections.abc import Callable

import torch

_BLOCK_MS = 0.5  # a thousand times the cost of reading the clocks
_CLOCK_MS = 0.001  # the resolution: shorter times are rounding errors
_ON_CORE = 0.95  # share of a timing during which the thread must have had the core
_ENOUGH = 5  # timings that are kept at least


def timings(
    run: Callable[[], object],
    device: torch.device,
    *,
    warmup: int,
    repeats: int,
    seconds: float,
) -> list[float]:
    """Return the milliseconds per run of all timings that were not interrupted.

    Args:
        run: What is timed.
        device: Where it computes; its clock is used.
        warmup: Runs before the timings.
        repeats: Minimum number of timings.
        seconds: Minimum duration of all timings.
    """
    timed = _TIMED[device.type]
    once = min(timed(run, 1)[0] for _ in range(warmup))
    runs = math.ceil(_BLOCK_MS / max(once, _CLOCK_MS))
    end = time.perf_counter() + seconds
    found: list[tuple[float, float]] = []
    while len(found) < repeats or time.perf_counter() < end:
        found.append(timed(run, runs))
    found.sort(key=lambda timing: -timing[1])
    calm = sum(share >= _ON_CORE for _, share in found)
    return [ms for ms, _ in found[: max(calm, _ENOUGH)]]


def _timed_on_cpu(run: Callable[[], object], runs: int) -> tuple[float, float]:
    """Return the milliseconds per run over ``runs`` of them, and the thread's share of the core.

    With several threads the calling one may wait for the others, so that the share is set to 1.
    """
    wall, core = time.perf_counter(), time.thread_time()
    for _ in range(runs):
        run()
    core, wall = time.thread_time() - core, time.perf_counter() - wall
    share = core / wall if wall > 0 and torch.get_num_threads() == 1 else 1.0
    return 1000.0 * wall / runs, share


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
