"""A search: what it refuses, what it makes of its parts, and where a worker finds one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

import bonas
from bonas.errors import InvalidArgument, MissingBuilder
from bonas.evaluation import Candidate, Stages
from bonas.spaces import CellSpace
from bonas.studies.proposing.proposer import Proposer
from bonas.studies.search import Search

SPACE = CellSpace(nodes=2)


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Return one objective."""
    return {"accuracy": 1.0}


def size(candidate: Candidate) -> dict[str, float]:
    """Return another one."""
    return {"size": 2.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"space": CellSpace}, "space must be an object of a bonas.Space"),
        ({"space": None}, "space must be an object of a bonas.Space"),
        ({"evaluate": 5}, "evaluate must be a function of a candidate"),
        ({"stopping": 5}, "stopping must be a name"),
    ],
)
def test_what_cannot_be_searched_is_explained(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Search(**{"space": SPACE, "evaluate": evaluate, **given})


def test_objectives_are_needed_where_the_evaluation_declares_none() -> None:
    search = Search(SPACE, evaluate)
    with pytest.raises(InvalidArgument, match="does not say what its objectives are"):
        _ = search.goals
    (goal,) = Search(SPACE, evaluate, {"accuracy": "maximize"}).goals
    assert (goal.name, goal.direction) == ("accuracy", "maximize")


def test_several_evaluations_are_stages_and_one_is_itself() -> None:
    assert isinstance(Search(SPACE, [evaluate, size]).evaluator, Stages)
    assert Search(SPACE, evaluate).evaluator is evaluate


def test_a_space_that_builds_nothing_has_no_default_evaluation() -> None:
    class Drawn(bonas.Space):
        def __init__(self) -> None:
            self.parameters = {"width": (8, 16)}

        def graph(self, choices: Any) -> Any:
            return SPACE.reference[0].graph

    with pytest.raises(MissingBuilder):
        _ = Search(Drawn()).evaluator


def test_the_sampler_and_the_proposer_have_the_settings_of_the_search() -> None:
    search = Search(SPACE, evaluate, surrogate="random")
    sampler, proposer = search.sampler(3), search.proposer()
    assert (sampler.space, sampler.seed) == (SPACE, 3)
    assert isinstance(proposer, Proposer)
    assert proposer.space is SPACE
    assert proposer.surrogates.one is None  # random
    assert search.proposer() is not proposer
    assert search.sampler(None).seed != search.sampler(None).seed


def test_a_wrong_surrogate_is_refused_by_both() -> None:
    search = Search(SPACE, evaluate, surrogate="gpp")
    for make in (search.proposer, lambda: search.sampler(0)):
        with pytest.raises(InvalidArgument, match="unknown surrogate 'gpp'"):
            make()


def test_a_description_has_the_space_and_the_evaluation() -> None:
    described = Search(SPACE, evaluate).describe()
    assert described.keys() >= SPACE.describe().keys() | {"evaluation"}


# --- a search that a worker imports

MODULE = """
import bonas
space = bonas.spaces.CellSpace(nodes=2)
ready = bonas.Search(space, len)

def made():
    return bonas.Search(space, max)

def odd():
    return 5
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Write a module with searches into the working directory; return its name."""
    (tmp_path / "module_of_searches.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "module_of_searches", raising=False)
    return "module_of_searches"


def test_a_search_is_found_by_its_name_or_made(module: str) -> None:
    assert Search.named(f"{module}:ready").evaluate is len
    assert Search.named(f"{module}:made").evaluate is max


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "expected module:name"),
        (":", "expected module:name"),
        (":none", "there is no 'none' in a module 'module_of_searches'"),
        (":odd", "must be or make a bonas.Search, got 5"),
        (":space", "must be or make a bonas.Search"),
    ],
)
def test_what_is_no_search_is_explained(module: str, name: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Search.named(module + name)
