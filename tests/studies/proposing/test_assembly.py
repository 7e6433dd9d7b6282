"""A proposer out of the arguments of a user: defaults, names and what cannot work."""

from __future__ import annotations

from typing import Any

import pytest
from small_searches import SPACE

from bonas.encoders import OneHot
from bonas.errors import InvalidArgument
from bonas.studies import ACQUISITIONS, SourceTask
from bonas.studies.proposing.assembly import check_reference_point, make_proposer


def source_task() -> SourceTask:
    """Return measurements of another task."""
    rows = [
        (member.choices, {"accuracy": float(i)}) for i, member in enumerate(SPACE.reference[:8])
    ]
    return SourceTask.of_rows("other", rows, {"accuracy": "maximize"})


def test_a_source_task_makes_the_initial_design_smaller() -> None:
    assert make_proposer(SPACE).n_initial == 10
    assert make_proposer(SPACE, surrogate="gp", source_tasks=[source_task()]).n_initial == 4
    assert make_proposer(SPACE, n_initial=7).n_initial == 7


def test_a_surrogate_brings_the_encoders_that_it_reads() -> None:
    assert make_proposer(SPACE, surrogate="wl").encoders == ("wl0", "wl1", "wl2")
    assert make_proposer(SPACE, surrogate="random").surrogates.one is None


def test_encoders_are_names_or_objects_one_or_several() -> None:
    one_hot = OneHot(SPACE)
    assert make_proposer(SPACE, surrogate="gp", encoder="one_hot").encoders == ["one_hot"]
    assert make_proposer(SPACE, surrogate="gp", encoder=one_hot).encoders == [one_hot]
    both = make_proposer(SPACE, surrogate="gp", encoder=["paths", one_hot]).encoders
    assert both == ["paths", one_hot]


def test_an_acquisition_is_a_name_or_a_function() -> None:
    def mine(*arguments: Any) -> Any:
        raise NotImplementedError

    for given in (*ACQUISITIONS, mine):
        make_proposer(SPACE, acquisition=given)
    with pytest.raises(InvalidArgument, match="unknown acquisition 'ucb'"):
        make_proposer(SPACE, acquisition="ucb")


@pytest.mark.parametrize("n", [0, -1, 1.5, True, "4"])
def test_an_initial_design_has_a_whole_number_of_trials(n: Any) -> None:
    with pytest.raises(InvalidArgument, match="n_initial must be a whole number of at least 1"):
        make_proposer(SPACE, n_initial=n)


def test_a_space_is_an_object_or_nothing() -> None:
    with pytest.raises(InvalidArgument, match=r"space must be a bonas\.Space or None, got"):
        make_proposer(type(SPACE))  # type: ignore[arg-type]  # on purpose
    assert make_proposer(None).space is None


@pytest.mark.parametrize("given", [None, [1.0, -2.0], (0,)])
def test_a_finite_reference_point_is_returned(given: Any) -> None:
    assert check_reference_point(given) is given


@pytest.mark.parametrize("given", [[float("nan")], [1.0, float("inf")], [float("-inf")]])
def test_a_reference_point_that_is_not_finite_is_refused(given: list[float]) -> None:
    with pytest.raises(InvalidArgument, match="reference_point must hold finite numbers"):
        check_reference_point(given)
