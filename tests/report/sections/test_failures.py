"""Facts about the failures of a report."""

from __future__ import annotations

from optuna.trial import TrialState, create_trial
from written_studies import empty, failed_throughout, stored

from bonas.report.searched import Searched
from bonas.report.sections.failures import section


def failure(text: str, kind: str, phase: str) -> dict[str, object]:
    return {"bonas:error": text, "bonas:failure": {"kind": kind, "phase": phase}}


def test_a_search_without_failures_has_no_such_section() -> None:
    assert section(Searched.of(empty())) is None


def test_failures_of_one_cause_are_shown_once() -> None:
    one = failure("Traceback\nMemoryError: 1 GiB", "out_of_memory", "training")
    other = failure("Traceback\nValueError: no", "exception", "build")
    study = stored(
        *(create_trial(state=TrialState.FAIL, user_attrs=each) for each in [one, other, one])
    )
    made = section(Searched.of(study))
    assert made is not None
    assert made.html.count("<details>") == 2
    assert "trials 0, 2, in training" in made.html
    assert "trial 1, in build" in made.html
    assert "3 evaluations of 3 trials failed, for 2 causes." in made.html


def test_a_long_traceback_keeps_its_end() -> None:
    text = "x" * 10_000 + "\nRuntimeError: the end"
    study = stored(create_trial(state=TrialState.FAIL, user_attrs={"bonas:error": text}))
    made = section(Searched.of(study))
    assert made is not None
    assert "characters before this]" in made.html
    assert made.html.count("RuntimeError: the end") == 2  # the message, and the traceback
    assert len(made.html) < 6_000


def test_a_failure_of_another_program_has_no_traceback() -> None:
    made = section(Searched.of(failed_throughout()))
    assert made is not None
    assert "no message was stored" in made.html
