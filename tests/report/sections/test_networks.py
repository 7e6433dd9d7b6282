"""Facts about the networks of a report."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from shown_results import RESULT
from written_studies import empty, one_objective

from bonas.report.searched import Searched
from bonas.report.sections import networks
from bonas.report.sections.networks import evenly, section


def test_networks_are_drawn_and_compared_with_their_neighbour() -> None:
    searched = Searched.of(RESULT.study, RESULT.space)
    made = section(searched)
    assert made is not None
    assert made.html.count('<figure class="network card"') == len(searched.front)
    assert made.html.count("<svg") == len(searched.front)
    for before in searched.front[:-1]:
        assert f"Against trial {before.number}, its neighbour" in made.html


def test_both_ends_of_a_long_front_are_shown() -> None:
    trials = list(Searched.of(RESULT.study).trials)
    shown = evenly(trials, 4)
    assert len(shown) == 4
    assert (shown[0], shown[-1]) == (trials[0], trials[-1])
    assert evenly(trials, 100) == trials


@pytest.mark.parametrize("make", [empty, one_objective])
def test_what_has_no_choices_has_no_networks(make: Any) -> None:
    assert section(Searched.of(make())) is None


def test_a_network_that_cannot_be_drawn_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    searched = Searched.of(RESULT.study, RESULT.space)
    first, draw = searched.front[0].number, networks.draw

    def broken(*given: Any, title: str, **more: Any) -> Any:
        if title == f"Network of trial {first}":
            raise ZeroDivisionError("of the user")
        return draw(*given, title=title, **more)

    monkeypatch.setattr(networks, "draw", broken)
    with caplog.at_level(logging.WARNING):
        made = section(searched)
    assert made is not None
    assert made.html.count("<svg") == len(searched.front) - 1
    assert "1 network is not drawn" in made.html
    assert "of the user" in caplog.text
