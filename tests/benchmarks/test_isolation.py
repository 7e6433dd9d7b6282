"""The overhead of isolation is that of the processes, not of what they evaluate."""

from __future__ import annotations

import pytest

from bonas.benchmarks.isolation import isolation_table
from bonas.errors import InvalidArgument


def test_the_first_evaluation_is_apart_from_the_later_ones() -> None:
    lines = isolation_table(2).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["first", "later,", "later,", "later,"]
    first, *later = (float(line.split("±")[0].split()[-1]) for line in lines[1:])
    assert first > 0
    assert all(0 < seconds < first for seconds in later)  # it imports torch, they are forks


def test_a_mean_needs_two_evaluations() -> None:
    with pytest.raises(InvalidArgument, match="trials"):
        isolation_table(1)
