"""The overhead of the search, measured on few trials."""

from __future__ import annotations

from collections.abc import Iterator

import optuna
import pytest

from bonas.benchmarks import overhead
from bonas.benchmarks.overhead import Overhead, measure, overhead_table
from bonas.spaces import NASBench201


@pytest.fixture(autouse=True)
def verbosity() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    yield
    optuna.logging.set_verbosity(before)


def test_the_first_ask_is_measured_apart_from_the_others() -> None:
    found = measure(5, "random", 3)
    assert (found.trials, len(found.later)) == (5, 3)
    assert min(found.first, *found.later) > 0.0
    assert found.peak_gigabytes > 0.01


def test_the_table_has_a_row_per_size_with_median_and_maximum(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def measured(trials: int, surrogate: str, repeats: int) -> Overhead:
        return Overhead(trials, 9.0, [0.1, 0.5, 0.2], 1.5)

    monkeypatch.setattr(overhead, "measure", measured)
    head, _, names, *rows = overhead_table([20, 100], "gp", 3).splitlines()
    assert head.startswith("seconds per ask, surrogate gp")
    assert names.split() == ["trials", "first", "ask", "median", "slowest", "peak", "GB"]
    assert [row.split() for row in rows] == [
        ["20", "9.00", "0.20", "0.50", "1.50"],
        ["100", "9.00", "0.20", "0.50", "1.50"],
    ]


def test_synthetic_values_follow_from_the_network() -> None:
    space = NASBench201()
    small = dict.fromkeys(space.edges, "skip_connect")
    large = dict.fromkeys(space.edges, "nor_conv_3x3")
    (worse, fast), (better, slow) = (overhead._values(space, c) for c in (small, large))
    assert worse < better < 94.0
    assert fast < slow
