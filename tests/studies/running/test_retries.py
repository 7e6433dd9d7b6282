"""What failed is tried again by a later call, once, under its old number; nothing else is."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

import bonas
from bonas.errors import EvaluationFailed
from bonas.evaluation import Candidate
from bonas.spaces import MLPSpace, NASBench201
from bonas.studies import outcomes
from bonas.studies.lease import Worker
from bonas.studies.records import DIED, ERROR, RELEASED
from bonas.studies.running import retries

SPACE = NASBench201(channels=4, cells=1, stages=1)
SMALL = MLPSpace(
    inputs=4,
    classes=3,
    depths=(1,),
    widths=(8, 16),
    activations=("relu", "gelu"),
    norms=("none",),
    residual=(False,),
)


class Evaluation:
    """Fails for the numbers that are ``broken``; counts how often each network is evaluated."""

    def __init__(self, space: bonas.Space, broken: Any = ()) -> None:
        self.space, self.broken = space, broken
        self.times: Counter[str] = Counter()

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        self.times[self.space.architecture(candidate.choices).key] += 1
        if candidate.number in self.broken:
            raise FileNotFoundError("data/train.csv")
        return {"accuracy": float(sum(map(ord, str(candidate.choices))) % 97)}


def search(evaluate: Any, budget: int, storage: object, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {"surrogate": "random", "seed": 0, "progress": False, **more}
    return bonas.optimize(
        given.pop("space", SPACE),
        budget,
        evaluate=evaluate,
        objectives={"accuracy": "maximize"},
        storage=storage,
        **given,
    )


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return str(tmp_path / "search.log")


@pytest.mark.filterwarnings("ignore:all architectures")
def test_a_space_that_failed_as_a_whole_is_evaluated_after_the_evaluation_is_fixed(
    storage: str,
) -> None:
    evaluate = Evaluation(SMALL, broken=range(100))
    for _ in range(2):  # nor does it matter how often it was called before
        assert not search(evaluate, 8, storage, space=SMALL)
    evaluate.broken = ()
    found = search(evaluate, 8, storage, space=SMALL)
    assert len(found.candidates) == SMALL.size == 4
    assert not found.failures


def test_a_corrected_search_is_as_if_it_had_never_failed(storage: str) -> None:
    evaluate = Evaluation(SPACE, broken=range(3, 100))
    with pytest.raises(EvaluationFailed, match="5 evaluations in a row"):
        search(evaluate, 14, storage, surrogate="gp")
    evaluate.broken = ()
    corrected = search(evaluate, 14, storage, surrogate="gp")
    through = search(evaluate, 14, None, surrogate="gp")
    assert [c.choices for c in corrected.candidates] == [c.choices for c in through.candidates]
    assert [c.number for c in corrected.candidates] == list(range(14))
    assert (corrected.missing, corrected.failures) == (0, {})


def test_a_network_of_which_only_the_fault_is_its_own_costs_one_evaluation_per_call(
    storage: str,
) -> None:
    evaluate = Evaluation(SPACE, broken=(1, 3))
    for call in (1, 2, 3):
        found = search(evaluate, 5, storage)
        assert sorted(found.failures) == [1, 3]
        assert sorted(evaluate.times.values()) == [1, 1, 1, call, call]
    assert (len(found.candidates), found.missing) == (3, 0)


def test_many_of_these_end_no_search_that_has_measured_others(
    storage: str, caplog: pytest.LogCaptureFixture
) -> None:
    evaluate = Evaluation(SPACE, broken=range(0, 16, 2))
    search(evaluate, 16, storage)
    with caplog.at_level(logging.WARNING):
        found = search(evaluate, 20, storage)
    assert (len(found.candidates), len(found.failures), found.missing) == (12, 8, 0)
    assert "8 architecture(s) that failed before will be tried again" in caplog.text
    assert "5 architectures failed as before" in caplog.text
    assert Counter(evaluate.times.values()) == {1: 15, 2: 5}


def test_where_nothing_was_ever_measured_it_is_said_at_the_fifth_failure(storage: str) -> None:
    evaluate = Evaluation(SPACE, broken=range(100))
    for times in (1, 2):
        with pytest.raises(EvaluationFailed, match="5 evaluations in a row"):
            search(evaluate, 20, storage)
        assert evaluate.times.total() == 5 * times
    assert len(evaluate.times) == 5


def test_a_search_that_joins_others_at_work_reopens_nothing(storage: str) -> None:
    study = search(Evaluation(SPACE, broken=(1,)), 3, storage).study
    other = study.ask()
    other.set_user_attr("bonas:worker", Worker.here(lease=60.0).described())
    assert retries.reopen(study) == 0
    study.tell(other, state=TrialState.FAIL)
    assert retries.reopen(study) == 1


def test_the_budget_does_not_count_what_is_to_be_tried_again(storage: str) -> None:
    study = search(Evaluation(SPACE, broken=(0, 2)), 5, storage).study
    assert outcomes.evaluated(study) == 5
    retries.reopen(study)
    assert outcomes.evaluated(study) == 3
    retries.close(study)
    assert outcomes.evaluated(study) == 5


@pytest.mark.parametrize("attribute", ["three", -1, True, None])
def test_an_attribute_of_another_program_reopens_nothing(storage: str, attribute: Any) -> None:
    study = search(Evaluation(SPACE, broken=(0,)), 2, storage).study
    study.set_user_attr("bonas:reopened", attribute)
    assert outcomes.evaluated(study) == 2


def test_what_killed_eight_processes_is_not_tried_again(storage: str) -> None:
    evaluate = Evaluation(SPACE)
    study = search(evaluate, 2, storage).study
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.FAIL,
            user_attrs=ERROR.holding("8 processes died"),
            system_attrs=RELEASED.holding(DIED),
        )
    )
    assert retries.reopen(study) == 0
