"""What is taken: no index and no network of a settled trial is free."""

from __future__ import annotations

import optuna
import pytest
from optuna.trial import FrozenTrial
from small_searches import SPACE

from bonas.optuna_internals import finish, read_afresh
from bonas.studies.proposing.parameters import Parameters
from bonas.studies.proposing.taken import Taken
from bonas.studies.records import ERROR, RELEASED, REOPENED, STOPPED, Proposal

NOTHING = Parameters({})
FIRST, SECOND = (dict(member.choices) for member in SPACE.reference[:2])


@pytest.fixture
def study() -> optuna.Study:
    """Two running trials, of which the first one is settled."""
    made = optuna.create_study()
    made.ask(), made.ask()
    Proposal(0, FIRST, None).settle(made, made.trials[0])
    return made


def is_taken(study: optuna.Study, own: FrozenTrial, index: int, params: dict[str, str]) -> bool:
    """Return whether a proposal is taken, for a reader that has seen nothing before."""
    return Taken().has(study, own, Proposal(index, params, None), SPACE, NOTHING)


def test_the_index_and_the_network_of_a_settled_trial_are_taken(study: optuna.Study) -> None:
    own = study.trials[1]
    assert is_taken(study, own, 0, SECOND)
    assert is_taken(study, own, 1, FIRST)
    assert not is_taken(study, own, 1, SECOND)


def test_a_trial_does_not_take_its_own_proposal(study: optuna.Study) -> None:
    assert not is_taken(study, study.trials[0], 0, FIRST)


def test_an_offer_takes_nothing(study: optuna.Study) -> None:
    study.ask()
    Proposal(2, SECOND, None).offer(study, study.trials[2])
    assert not is_taken(study, study.trials[1], 2, SECOND)


def test_what_was_given_up_is_free(study: optuna.Study) -> None:
    first = study.trials[0]
    RELEASED.write(study, first, STOPPED)
    finish(study, first, optuna.trial.TrialState.FAIL)
    assert not is_taken(study, study.trials[1], 0, FIRST)


def test_what_failed_is_free_once_it_is_reopened(study: optuna.Study) -> None:
    first, own = study.trials
    ERROR.write(study, first, "Traceback")
    finish(study, first, optuna.trial.TrialState.FAIL)
    assert is_taken(study, own, 0, FIRST)
    REOPENED.write(study, 1)
    assert not is_taken(study, own, 0, FIRST)


def test_each_reading_of_the_study_is_a_new_one(study: optuna.Study) -> None:
    taken, own = Taken(), study.trials[1]
    proposal = Proposal(1, SECOND, None)
    assert not taken.has(study, own, proposal, SPACE, NOTHING)
    study.ask()
    Proposal(2, SECOND, None).settle(study, read_afresh(study, study.trials[2]))
    assert taken.has(study, own, proposal, SPACE, NOTHING)


def test_keys_of_another_study_are_not_kept() -> None:
    taken = Taken()
    for params in (FIRST, SECOND):
        study = optuna.create_study()
        study.ask(), study.ask()
        Proposal(0, params, None).settle(study, study.trials[0])
        study.tell(0, 1.0)
        own, same = study.trials[1], Proposal(1, params, None)
        assert taken.has(study, own, same, SPACE, NOTHING)
        other = Proposal(1, SECOND if params is FIRST else FIRST, None)
        assert not taken.has(study, own, other, SPACE, NOTHING)
