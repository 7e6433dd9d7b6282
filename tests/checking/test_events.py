"""Events of a child: what was said before its end is known after it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonas.checking.events import EventLog, Problem, StepFailed, read_events
from bonas.errors import InvalidData


def test_steps_leave_what_they_found(tmp_path: Path) -> None:
    log = EventLog(tmp_path / "events")
    with log.step("first") as facts:
        facts["size"] = 3

    def fail() -> None:
        with log.step("second") as facts:
            facts["tried"] = "this"
            raise ValueError("no size")

    with pytest.raises(StepFailed):
        fail()
    found = read_events(tmp_path / "events")
    assert [(e.step, e.state, e.facts) for e in found.values()] == [
        ("first", "done", {"size": 3}),
        ("second", "failed", {"tried": "this"}),
    ]
    problem = found["second"].problem
    assert problem is not None
    assert (problem.kind, problem.text, problem.is_explained) == ("ValueError", "no size", False)


def test_a_step_that_was_cut_off_has_begun(tmp_path: Path) -> None:
    path = tmp_path / "events"
    assert read_events(path) == {}
    log = EventLog(path)
    log.note("third", {"seconds": 1.0})
    whole = path.read_bytes()
    log.note("fourth", {})
    path.write_bytes(path.read_bytes()[: len(whole) + 5])  # it was killed while it wrote
    assert [(e.step, e.state) for e in read_events(path).values()] == [("third", "begun")]


def test_errors_of_bonas_explain_themselves() -> None:
    assert Problem.of(InvalidData("expected rows, got none; add some")).is_explained
    long = Problem.of(ValueError("x" * 10_000))
    assert len(long.text) < 500


def test_the_kind_of_a_failure_is_known_and_no_error_is_too_odd() -> None:
    class Odd(Exception):
        def __str__(self) -> str:
            raise TypeError

    assert Problem.of(MemoryError()).failure == "out_of_memory"
    assert Problem.of(Odd()).kind == "Odd"
