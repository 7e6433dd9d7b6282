"""The stopping rules keep the contract that is shipped for rules of one's own."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import torch

from bonas.evaluation import Candidate
from bonas.evaluation.record import Record
from bonas.studies import STOPPING_RULES, Combined, StoppingRule
from bonas.studies.stopping.forecast import Forecast
from bonas.testing import StoppingRuleContract

# A study on which all rules look is one with metric names, which Optuna calls experimental.
pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


class TestHalving(StoppingRuleContract):
    def rule(self) -> StoppingRule:
        return STOPPING_RULES["halving"]()


class TestMedian(StoppingRuleContract):
    def rule(self) -> StoppingRule:
        return STOPPING_RULES["median"]()


class TestForecast(StoppingRuleContract):
    def rule(self) -> StoppingRule:
        return Forecast(least=10)


class TestCombined(StoppingRuleContract):
    def rule(self) -> StoppingRule:
        return Combined(least=40)


class Breaking(StoppingRuleContract):
    """A contract of a rule that breaks one of its terms."""

    def __init__(self, rule: Any) -> None:
        self._rule = rule

    def rule(self) -> StoppingRule:
        """Return the broken rule."""
        found: StoppingRule = self._rule
        return found


def turned_around(study: optuna.Study, candidate: Candidate, record: Record) -> str | None:
    return "fast" if record.values["latency"] < 1 else None


def drawing(study: optuna.Study, candidate: Candidate, record: Record) -> str | None:
    return "unlucky" if torch.rand(()) < 0.5 else None


def writing(study: optuna.Study, candidate: Candidate, record: Record) -> None:
    study.set_user_attr("seen", candidate.number)


def always(study: optuna.Study, candidate: Candidate, record: Record) -> bool:
    return True


@pytest.mark.parametrize(
    ("rule", "term"),
    [
        (turned_around, "test_a_trial_that_dominates_all_others_goes_on"),
        (drawing, "test_equal_studies_get_equal_decisions"),
        (drawing, "test_it_changes_neither_the_study_nor_random_numbers"),
        (writing, "test_it_changes_neither_the_study_nor_random_numbers"),
        (always, "test_it_says_a_decision_a_reason_or_nothing"),
        (always, "test_an_evaluation_without_a_curve_is_let_be"),
    ],
)
def test_the_contract_finds_what_breaks_it(rule: Any, term: str) -> None:
    with pytest.raises(AssertionError):
        getattr(Breaking(rule), term)()
