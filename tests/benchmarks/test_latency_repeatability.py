"""Facts about the comparison of two measurements of the same networks."""

from __future__ import annotations

import numpy as np
import pytest

from bonas.benchmarks.latency_repeatability import Repeatability, both_protocols, repeatability
from bonas.cli import main
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Latency
from bonas.spaces.mlp.space import MLPSpace

SPACE = MLPSpace(6, 4)


def test_differences_are_shares_of_the_smaller_value() -> None:
    """Check by hand: 1 and 2 ms differ by 100 %, 4 and 3 ms by a third."""
    found = Repeatability(np.array([1.0, 4.0, 5.0]), np.array([2.0, 3.0, 5.0]), 0.1)
    assert found.differences == pytest.approx([100.0, 100 / 3, 0.0])
    estimates = found.estimates()
    assert estimates["median difference [%]"][0] == pytest.approx(100 / 3)
    assert estimates["90 % quantile [%]"][0] == pytest.approx(100 / 3 + 0.8 * 200 / 3)
    assert estimates["Spearman"][0] == pytest.approx(1.0)


def test_each_network_is_measured_twice_by_each_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[str, str]] = []

    def measured(self: Latency, candidate: Candidate) -> dict[str, float]:
        seen.append((self.statistic, str(sorted(candidate.choices.items()))))
        return {"latency": float(len(seen))}

    monkeypatch.setattr(Latency, "__call__", measured)
    found = repeatability(both_protocols(Latency()), 5, space=SPACE)
    assert [statistic for statistic, _ in seen] == 10 * ["median", "low_quantile"]
    assert seen[:10] == seen[10:]
    assert all((each.second > each.first).all() for each in found.values())


def test_too_few_networks_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="networks must be a whole number of at least 3"):
        repeatability({"median": Latency()}, 2, space=SPACE)


def test_the_command_shows_both_protocols_and_the_machine(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    values = iter(np.linspace(1, 2, 100))
    monkeypatch.setattr(Latency, "__call__", lambda self, candidate: {"latency": next(values)})
    main(["bench", "latency", "--networks", "3", "--seconds", "0"])
    shown = capsys.readouterr().out
    assert "cores" in shown
    assert "median (" in shown
    assert "low quantile in rounds (" in shown
    assert shown.count("Spearman") == 2
