"""Facts about the timing of a call, with clocks that the tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from clocks import Clocks

from bonas.evaluation.latency.timing import timed_on, timings

CPU = torch.device("cpu")
WARMUP = 10


class Scripted:
    """A call whose n-th run takes ``run(n)``: milliseconds on the core, and off it."""

    def __init__(self, clocks: Clocks, run: Callable[[int], tuple[float, float]]) -> None:
        self.clocks, self.run, self.runs = clocks, run, 0

    def __call__(self) -> None:
        on, off = self.run(self.runs)
        self.clocks.wall += (on + off) / 1000
        self.clocks.core += on / 1000
        self.runs += 1


def timed(
    clocks: Clocks, run: Callable[[int], tuple[float, float]], repeats: int = 30, seconds: float = 0
) -> tuple[list[float], int]:
    """Return the kept timings, and the number of runs after the warm-up."""
    call = Scripted(clocks, run)
    found = timings(call, timed_on(CPU), warmup=WARMUP, repeats=repeats, seconds=seconds)
    return found, call.runs - WARMUP


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_each_timing_that_was_not_interrupted_is_kept(clocks: Clocks) -> None:
    found, runs = timed(clocks, lambda n: (1.0 + n - WARMUP, 0.0) if n >= WARMUP else (1.0, 0.0), 7)
    assert found == pytest.approx([1, 2, 3, 4, 5, 6, 7])
    assert runs == 7


def test_interrupted_timings_are_dropped(clocks: Clocks) -> None:
    """Preempt two of three runs for 4 ms."""
    found, runs = timed(clocks, lambda n: (2.0, 4.0 if n % 3 else 0.0))
    assert found == pytest.approx(10 * [2.0])
    assert runs == 30


def test_a_timing_may_lose_the_core_for_a_twentieth(clocks: Clocks) -> None:
    """Check the limit by hand: shares of 96 % and of 94 %."""
    found, _ = timed(clocks, lambda n: (9.6, 0.4) if n % 2 else (9.4, 0.6))
    assert len(found) == 15


def test_the_least_interrupted_timings_are_kept_where_all_are_interrupted(clocks: Clocks) -> None:
    """Keep the five runs that lose 1 ms, and not the 25 that lose 30 ms."""
    found, _ = timed(clocks, lambda n: (10.0, 1.0 if n % 6 == 0 else 30.0))
    assert found == pytest.approx(5 * [11.0])


def test_with_several_threads_waiting_is_no_interruption(clocks: Clocks, two_threads: None) -> None:
    found, _ = timed(clocks, lambda n: (1.0, 4.0))
    assert found == pytest.approx(30 * [5.0])


def test_slow_runs_on_the_core_are_kept(clocks: Clocks) -> None:
    found, _ = timed(clocks, lambda n: (3.0 if n % 3 else 2.0, 0.0))
    assert sorted(found) == pytest.approx(10 * [2.0] + 20 * [3.0])


def test_runs_below_half_a_millisecond_are_timed_in_blocks(clocks: Clocks) -> None:
    """Check by hand: 0.5 ms hold 5 runs of 0.1 ms."""
    found, runs = timed(clocks, lambda n: (0.1, 0.0), repeats=7)
    assert found == pytest.approx(7 * [0.1])
    assert runs in (7 * 5, 7 * 6)  # 0.5 / 0.1 rounded up


def test_the_fastest_run_of_the_warm_up_decides_the_size_of_a_block(clocks: Clocks) -> None:
    """Check by hand: the first runs take 9 ms, the last of the warm-up 0.25 ms: blocks of two."""
    _, runs = timed(clocks, lambda n: (9.0 if n < WARMUP - 1 else 0.25, 0.0), repeats=6)
    assert runs == 6 * 2


def test_the_timings_go_on_for_the_given_seconds(clocks: Clocks) -> None:
    _, runs = timed(clocks, lambda n: (2.0, 0.0), repeats=3, seconds=0.2)
    assert runs in (100, 101)


def test_an_unmeasurably_fast_call_ends(clocks: Clocks) -> None:
    found, runs = timed(clocks, lambda n: (0.0, 0.0), repeats=3)
    assert found == 3 * [0.0]
    assert runs == 3 * 500  # of 0.001 ms, the resolution of the clock
