"""Facts about the figure of learning curves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from matplotlib.axes import Axes

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate, Measurement
from bonas.spaces import NASBench201

SPACE = NASBench201(channels=4, cells=1)


def training(candidate: Candidate) -> Iterator[Measurement]:
    """Yield three epochs; the third trial is pruned after the first of them."""
    for step in (1, 2, 3):
        yield Measurement({"accuracy": candidate.number + step, "loss": 1.0 / step}, step=step)
        if candidate.number == 2:
            raise optuna.TrialPruned


@pytest.fixture(scope="module")
def found() -> bonas.SearchResult:
    return search(training)


def search(evaluate: Any) -> bonas.SearchResult:
    return bonas.optimize(
        SPACE,
        4,
        evaluate=evaluate,
        objectives={"accuracy": "maximize"},
        surrogate="random",
        seed=0,
        progress=False,
    )


def heights(axis: Axes, style: str) -> list[list[float]]:
    """Return the values of the lines with that style."""
    lines = [line for line in axis.get_lines() if line.get_linestyle() == style]
    return sorted([float(y) for y in line.get_ydata()] for line in lines)  # type: ignore[union-attr]


def test_each_trial_with_a_curve_is_a_line(found: bonas.SearchResult) -> None:
    axis = found.plot_curves().axes[0]
    assert axis.get_ylabel() == "accuracy [%]"
    assert heights(axis, "-") == [[1, 2, 3], [2, 3, 4], [4, 5, 6]]
    assert heights(axis, "--") == [[3]]
    legend = axis.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == {
        "front",
        "evaluated",
        "failed or pruned",
    }


def test_other_curves_are_drawn_by_their_names(found: bonas.SearchResult, tmp_path: Path) -> None:
    figure = found.plot_curves(tmp_path / "curves.png", names=["loss", "accuracy"])
    assert [axis.get_ylabel() for axis in figure.axes[:2]] == ["loss", "accuracy [%]"]
    assert (tmp_path / "curves.png").stat().st_size > 10_000


def test_a_curve_that_nobody_has_is_refused(found: bonas.SearchResult) -> None:
    with pytest.raises(InvalidArgument, match=r"unknown curve 'f1'; expected one of 'accuracy', "):
        found.plot_curves(names=["f1"])


def test_without_curves_the_figure_says_so() -> None:
    figure = search(lambda candidate: {"accuracy": 1.0}).plot_curves()
    assert [text.get_text() for text in figure.axes[0].texts] == ["no learning curves"]
