"""Facts about rounds, with clocks that the tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from clocks import Clocks

from bonas.evaluation.latency.rounds import Reference, Timings, timed_in_rounds
from bonas.evaluation.latency.timing import timed_on

TIMED = timed_on(torch.device("cpu"))


class Scripted:
    """A call whose n-th run takes ``run(n)``: milliseconds on the core, and off it."""

    def __init__(self, clocks: Clocks, run: Callable[[int], tuple[float, float]]) -> None:
        self.clocks, self.script, self.runs = clocks, run, 0

    def __call__(self) -> None:
        on, off = self.script(self.runs)
        self.clocks.wall += (on + off) / 1000
        self.clocks.core += on / 1000
        self.runs += 1


class ScriptedReference(Reference):
    """A reference whose runs take as long as a test says."""

    def __init__(self, clocks: Clocks, run: Callable[[int], tuple[float, float]]) -> None:
        super().__init__(torch.device("cpu"), TIMED)
        self.run = self.call = Scripted(clocks, run)
        self.block = 1


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def in_rounds(
    run: Scripted, reference: Reference, repeats: int = 20, seconds: float = 0.0
) -> Timings:
    return timed_in_rounds(run, TIMED, reference, warmup=3, repeats=repeats, seconds=seconds)


def test_the_value_is_the_low_quantile_and_the_spread_that_of_the_quartiles(
    clocks: Clocks,
) -> None:
    """Check by hand: after 3 runs of warm-up, rounds of a warm run and four; 1 to 21 ms.

    Their 10 % quantile is at 1 + 0.1 * 20, their quartiles are at 6 and 16.
    """
    timed = [n for n in range(3, 200) if (n - 3) % 5]  # runs that are timed
    place = {n: i for i, n in enumerate(timed)}
    run = Scripted(clocks, lambda n: (float(place.get(n, 0) % 21 + 1), 0.0))
    found = in_rounds(run, ScriptedReference(clocks, lambda n: (1.0, 0.0)), repeats=84)
    assert (found.value, found.iqr) == pytest.approx((3.0, 10.0))
    assert (found.reference, found.drift) == pytest.approx((1.0, 0.0))


def test_time_that_other_processes_take_does_not_count(clocks: Clocks) -> None:
    """Preempt each run for longer than it takes: no timing is left alone."""
    run = Scripted(clocks, lambda n: (2.0, 5.0 + n % 7))
    found = in_rounds(run, ScriptedReference(clocks, lambda n: (1.0, 3.0)))
    assert (found.value, found.iqr, found.reference) == pytest.approx((2.0, 0.0, 1.0))


def test_network_and_reference_take_turns(clocks: Clocks) -> None:
    order: list[str] = []
    run = Scripted(clocks, lambda n: order.append("n") or (1.0, 0.0))
    reference = ScriptedReference(clocks, lambda n: order.append("r") or (1.0, 0.0))
    in_rounds(run, reference)
    assert "".join(order) == "nnn" + 5 * "nnnnnrr"


def test_rounds_go_on_for_the_given_seconds(clocks: Clocks) -> None:
    run = Scripted(clocks, lambda n: (1.0, 0.0))
    in_rounds(run, ScriptedReference(clocks, lambda n: (1.0, 0.0)), seconds=0.7)
    assert run.runs == pytest.approx(3 + 500, abs=5)  # a round takes 5 + 2 ms


def test_a_slower_clock_is_divided_out_after_a_second_look(clocks: Clocks) -> None:
    """Slow network and reference by half after the least was seen."""
    reference = ScriptedReference(clocks, lambda n: (1.0 if n < 10 else 1.5, 0.0))
    for _ in range(5):
        reference.drift(reference.once())
    run = Scripted(clocks, lambda n: (3.0, 0.0))
    found = in_rounds(run, reference)
    assert found.drift == pytest.approx(0.5)
    assert found.value == pytest.approx(2.0)
    assert run.runs == 3 + 2 * 25


def test_of_two_attempts_that_with_less_drift_counts(clocks: Clocks) -> None:
    """Let the clock recover for the second attempt: its 5 rounds have 10 runs of the reference."""
    reference = ScriptedReference(clocks, lambda n: (1.5 if 2 <= n < 12 else 1.0, 0.0))
    reference.drift(reference.once())
    run = Scripted(clocks, lambda n: (3.0 if n < 28 else 2.0, 0.0))
    found = in_rounds(run, reference)
    assert (found.value, found.drift) == pytest.approx((2.0, 0.0))


def test_a_fast_call_is_timed_in_blocks_and_an_unmeasurable_one_ends(clocks: Clocks) -> None:
    """Check by hand: 0.5 ms hold 5 runs of 0.1 ms; a round has one warm run and four blocks."""
    run = Scripted(clocks, lambda n: (0.1, 0.0))
    found = in_rounds(run, ScriptedReference(clocks, lambda n: (1.0, 0.0)))
    assert found.value == pytest.approx(0.1)
    assert run.runs in (3 + 5 * (1 + 4 * 5), 3 + 5 * (1 + 4 * 6))
    nothing = Scripted(clocks, lambda n: (0.0, 0.0))
    assert in_rounds(nothing, ScriptedReference(clocks, lambda n: (0.0, 0.0))).value == 0.0
