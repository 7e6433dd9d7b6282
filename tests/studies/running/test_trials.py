"""A trial's life in the study: what comes late is kept, and the budget is met exactly."""

from __future__ import annotations

import pytest
from optuna.trial import TrialState, create_trial
from small_searches import NAMES, SPACE, asked, running, served, server_of, study_of

from bonas import optuna_internals as internals
from bonas.evaluation.candidate import INDEX
from bonas.studies import outcomes
from bonas.studies.budget import Budget
from bonas.studies.records import DIED, PROPOSAL
from bonas.studies.running import trials


def test_a_result_that_comes_late_is_kept() -> None:
    study = study_of()
    trial = asked(study)
    trials.release(study, study.trials[0], DIED)
    trials.complete(study, trial, {"accuracy": 9.0, "latency": 1.0}, NAMES)
    assert [t.state for t in study.trials] == [TrialState.FAIL, TrialState.COMPLETE]
    assert study.trials[1].params == trial.params
    assert outcomes.given_up(study.trials) == []


def test_of_two_results_of_one_proposal_the_first_is_kept() -> None:
    study = study_of()
    late = asked(study)
    trials.release(study, study.trials[0], DIED)
    again = served(server_of(study))
    trials.complete(study, late, {"accuracy": 9.0, "latency": 1.0}, NAMES)
    trials.complete(study, again, {"accuracy": 8.0, "latency": 1.0}, NAMES)
    assert [t.values for t in study.trials if outcomes.counts(t)] == [[9.0, 1.0]]
    assert running(study) == []


def test_a_proposal_that_cannot_be_read_is_skipped(caplog: pytest.LogCaptureFixture) -> None:
    study = study_of()
    trial = study.ask()
    for text in ("{", "3", 7):
        study._storage.set_trial_system_attr(trial._trial_id, PROPOSAL.key, text)
        asked(study)
    assert "cannot be read" in caplog.text


def test_at_most_the_budget_is_evaluated_whatever_comes_between() -> None:
    study = study_of()
    for _ in range(6):
        study.ask()
    assert [trials.within(study, number, Budget(4)) for number in range(6)] == [True] * 4 + [
        False
    ] * 2
    trials.release(study, study.trials[0], DIED)
    assert trials.within(study, 4, Budget(4))
    assert not trials.within(study, 5, Budget(4))


def test_of_two_results_of_one_network_the_first_is_counted() -> None:
    for first_is_late in (True, False):
        study = study_of()
        late = asked(study)
        trials.release(study, study.trials[0], DIED)
        again = create_trial(
            state=TrialState.RUNNING,
            params=late.params,
            distributions=late.distributions,
            user_attrs={INDEX: 7},  # the network was free, and proposed again
            system_attrs=PROPOSAL.holding(late.params),
        )
        other = internals.create_trial(study, again)
        for trial in (late, other) if first_is_late else (other, late):
            trials.complete(study, trial, {"accuracy": 9.0, "latency": 1.0}, NAMES, None, SPACE)
        assert [t.state for t in study.trials].count(TrialState.COMPLETE) == 2
        assert sum(map(outcomes.counts, study.trials)) == 1
        assert sum(map(outcomes.is_known, study.trials)) == 1
