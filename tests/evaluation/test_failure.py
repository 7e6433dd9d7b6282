"""What an error of an evaluation says about it: its kind, and the phase that it came from."""

import errno
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import optuna
import pytest
import torch

from bonas.errors import EvaluationFailed, InvalidData, NotFinite
from bonas.evaluation import Candidate, ShortTraining, Stages, measured
from bonas.evaluation.failure import KINDS, Failure, kind_of, phase, phase_of
from bonas.studies.outcomes import failure_of
from bonas.studies.records import ERROR, FAILURE
from tests.candidates import candidate as candidate_of


def _raised(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:
        return error
    raise AssertionError


def _torch_refused() -> None:
    torch.empty(2**60, dtype=torch.int8)


def _numpy_refused() -> None:
    np.ones(2**58)


def _wrapped() -> None:
    try:
        _torch_refused()
    except RuntimeError as error:
        raise InvalidData("the network cannot take the batch") from error


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (_raised(_torch_refused), "out_of_memory"),
        (_raised(_numpy_refused), "out_of_memory"),
        (_raised(_wrapped), "out_of_memory"),
        (MemoryError(), "out_of_memory"),
        (torch.cuda.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (OSError(errno.ENOMEM, "Cannot allocate memory"), "out_of_memory"),
        (OSError(errno.ENOENT, "not enough memory"), "exception"),
        (ValueError("out of memory"), "exception"),
        (NotFinite("expected a finite loss, got nan"), "nan"),
        (FloatingPointError("overflow"), "nan"),
        (EvaluationFailed("no"), "exception"),
        (SystemExit(1), "exception"),
    ],
)
def test_an_error_has_a_kind(error: BaseException, kind: str) -> None:
    assert kind_of(error) == kind
    assert kind in KINDS


def test_a_circle_of_causes_has_a_kind() -> None:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert kind_of(one) == "exception"


def test_an_error_keeps_the_innermost_phase() -> None:
    def fails() -> None:
        with phase("training"):
            with phase("build"):
                pass
            with phase("step"):
                raise ValueError

    assert phase_of(_raised(fails)) == "step"
    assert phase_of(ValueError()) == ""


def test_an_error_that_cannot_be_shown_has_a_text() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    def fails() -> None:
        raise Mute

    assert "Mute" in Failure.of(_raised(fails)).text


def _broken(candidate: Candidate) -> dict[str, float]:
    return {"loss": math.inf}


def _unbuildable() -> torch.nn.Module:
    raise RuntimeError("no such network")


@pytest.mark.parametrize(
    ("network", "evaluate", "phase_name", "kind"),
    [
        (torch.nn.Identity, _broken, "_broken", "nan"),
        (torch.nn.Identity, Stages([_broken]), "_broken", "nan"),
        (torch.nn.Identity, lambda candidate: {"loss": math.nan}, "evaluation", "nan"),
        (_unbuildable, ShortTraining(), "build", "exception"),
        (torch.nn.Identity, ShortTraining(epochs=1), "training", "exception"),
    ],
)
def test_a_failure_names_what_was_at_work(
    network: Callable[[], torch.nn.Module], evaluate: Any, phase_name: str, kind: str
) -> None:
    error = _raised(lambda: measured(evaluate, candidate_of(network), []))
    assert (phase_of(error), kind_of(error)) == (phase_name, kind)


def test_what_an_earlier_version_stored_is_an_exception() -> None:
    study = optuna.create_study()
    trial = optuna.create_trial(
        state=optuna.trial.TrialState.FAIL, user_attrs=ERROR.holding("Traceback\nValueError: x\n")
    )
    study.add_trial(trial)
    assert failure_of(study.trials[0]) == Failure("exception", "", "Traceback\nValueError: x\n")
    assert Failure("exception", "", "Traceback\nValueError: x\n").message == "ValueError: x"


@pytest.mark.parametrize("stored", [{}, {"kind": "other"}, {"kind": 3, "phase": 4, "signal": "x"}])
def test_what_another_program_spoilt_is_an_exception(stored: dict[str, Any]) -> None:
    attributes = {**ERROR.holding("text"), FAILURE.key: stored}
    trial = optuna.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=attributes)
    assert failure_of(trial) == Failure("exception", "", "text")


def test_a_failure_is_read_as_it_was_stored() -> None:
    failure = Failure("crash", "training", "text", 11)
    attributes = {**ERROR.holding(failure.text), **FAILURE.holding(failure.stored())}
    trial = optuna.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=attributes)
    assert failure_of(trial) == failure


def test_a_trial_that_did_not_fail_has_no_failure() -> None:
    attributes = FAILURE.holding({"kind": "crash"})
    released = optuna.create_trial(state=optuna.trial.TrialState.FAIL, user_attrs=attributes)
    assert failure_of(released) is None
    assert failure_of(optuna.create_trial(value=1.0, user_attrs=ERROR.holding("x"))) is None
