"""Facts about drawings of candidates and of choices, in files and in notebooks."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import numpy as np
import pytest
from candidates import candidate, candidate_of
from optuna.trial import TrialState, create_trial
from torch import nn

from bonas import spaces
from bonas.errors import InvalidArgument, InvalidSpace
from bonas.evaluation import Candidate
from bonas.spaces import ArchitectureGraph, Choices, Space

MLP = spaces.MLPSpace(inputs=8, classes=2)
CHOICES = MLP.sample(np.random.default_rng(0))

NOTEBOOK = """
import numpy as np
import bonas
space = bonas.spaces.NASBench201()
choices = space.sample(np.random.default_rng(0))
"""


class Failing(Space):
    """A space whose graphs cannot be drawn."""

    parameters = {"which": ["this", "that"]}  # noqa: RUF012 - never changed, short to read

    def graph(self, choices: Choices) -> ArchitectureGraph:
        raise RuntimeError("<no graph>")


def test_a_candidate_is_drawn_with_its_sizes_and_written(tmp_path: Path) -> None:
    drawing = candidate_of(MLP, CHOICES, 3).draw(tmp_path / "net.svg")
    assert (tmp_path / "net.svg").read_text(encoding="utf-8") == drawing.svg + "\n"
    assert "<title>network 3</title>" in drawing.svg
    assert ">linear 2<" in drawing.svg
    assert drawing.svg == MLP.draw(CHOICES, title="network 3").svg
    assert drawing._repr_svg_() == drawing.svg


def test_nothing_is_written_under_another_ending(tmp_path: Path) -> None:
    for draw in (candidate_of(MLP, CHOICES).draw, lambda path: MLP.draw(CHOICES, path)):
        with pytest.raises(InvalidArgument, match=r"expected a file name that ends in \.svg"):
            draw(tmp_path / "net.png")
    assert not list(tmp_path.iterdir())


def test_candidates_are_compared_with_candidates() -> None:
    one, two = candidate_of(MLP, CHOICES), next(MLP.neighbours(CHOICES))
    assert "no difference" in one.draw(compared_with=one).svg
    svg = one.draw(compared_with=candidate_of(MLP, two)).svg
    assert svg == MLP.draw(CHOICES, compared_with=two, title="network 0").svg
    assert "no difference" not in svg
    with pytest.raises(InvalidArgument, match="expected a candidate to compare with, got 3"):
        one.draw(compared_with=3)  # type: ignore[arg-type]  # what the error is for


def test_choices_of_another_space_are_an_error() -> None:
    with pytest.raises(InvalidSpace, match="choices must name every parameter"):
        MLP.draw({})
    with pytest.raises(InvalidSpace, match="choices must name every parameter"):
        MLP.draw(CHOICES, compared_with={"depth": 1})


def test_a_notebook_shows_a_candidate_with_its_values() -> None:
    trial = create_trial(state=TrialState.RUNNING)
    shown = Candidate(MLP, CHOICES, trial, {"accuracy <top-1>": 0.123456789, "latency": 2.0})
    html = shown._repr_html_()
    assert html.count("<svg") == 1
    assert "<td>accuracy &lt;top-1&gt;</td><td>0.123457</td>" in html


def test_a_candidate_that_cannot_be_drawn_is_shown_with_the_reason() -> None:
    html = candidate_of(Failing(), {"which": "this"})._repr_html_()
    assert "not drawn: &lt;no graph&gt;" in html
    assert "<svg" not in html


def test_a_space_of_ones_own_is_drawn_as_its_graph() -> None:
    assert ">this<" in candidate(nn.Identity).draw().svg


def test_an_executed_notebook_holds_drawings() -> None:
    book = nbformat.v4.new_notebook()
    cells = [
        NOTEBOOK + "space.draw(choices)",
        "bonas.evaluation.Candidate.without_trial(space, choices)",
    ]
    book.cells = [nbformat.v4.new_code_cell(source) for source in cells]
    nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    drawing, candidate = (cell.outputs[-1].data for cell in book.cells)
    assert drawing["image/svg+xml"].startswith("<svg")
    assert drawing["image/svg+xml"].endswith("</svg>")
    assert candidate["text/html"].count(drawing["image/svg+xml"]) == 1
