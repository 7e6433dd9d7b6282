"""What the end of a child means, as a sentence."""

from __future__ import annotations

import pytest

from bonas.checking.child import Ended
from bonas.checking.events import Event, Problem
from bonas.checking.notes import in_common, shown, trouble_of

BEGUN = {"build": Event("build", "begun")}


def failed(problem: Problem) -> Ended:
    """Return the end of a child whose build has failed."""
    return Ended("failed", {"build": Event("build", "failed", problem=problem)})


def test_a_child_that_did_all_has_no_trouble() -> None:
    done = Ended("done", {"build": Event("build", "done")})
    assert trouble_of(done, 5.0, "a network", "fix build") is None


@pytest.mark.parametrize(
    ("ended", "text", "must_fix"),
    [
        (
            failed(Problem("ValueError", "no", "a.py, line 3, in build")),
            "expected a network, got ValueError: no (a.py, line 3, in build); fix build",
            True,
        ),
        (
            failed(Problem("InvalidData", "expected x, got y; do z", is_explained=True)),
            "expected x, got y; do z",
            True,
        ),
        (
            failed(Problem("RuntimeError", "too much", failure="out_of_memory")),
            "expected a network, got no memory for it",
            True,
        ),
        (
            Ended("time", BEGUN, place="a.py, line 3, in build"),
            "expected a network within 5.0 s, got no end by then (a.py, line 3, in build)",
            False,
        ),
        (
            Ended("crash", BEGUN, "SIGSEGV", printed="loading\nweights\n"),
            "expected a network, got the end of its process (SIGSEGV), after it printed 'weights'",
            True,
        ),
        (Ended("crash", BEGUN, "SIGKILL"), "as the system does when memory runs out", True),
    ],
)
def test_each_end_has_its_sentence(ended: Ended, text: str, must_fix: bool) -> None:
    found = trouble_of(ended, 5.0, "a network", "fix build")
    assert found is not None
    assert text in found.text
    assert found.step == "build"
    assert found.must_fix == must_fix


def test_failures_share_choices_that_successes_lack() -> None:
    failures = [{"kernel": 7, "width": 8}, {"kernel": 7, "width": 16, "extra": True}]
    assert in_common(failures, [{"kernel": 3, "width": 8}]) == {"kernel": 7}
    assert in_common(failures, [{"kernel": 7, "width": 8}]) == {}
    assert shown({f"p{i}": i for i in range(8)}, 2) == "p0=0, p1=1 and 6 more choices"
