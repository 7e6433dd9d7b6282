"""What a study searches beyond the space, and when nothing of a space is left."""

from __future__ import annotations

import optuna
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from bonas.spaces import CellSpace
from bonas.studies.proposing.search_space import is_exhausted, outside_parameters
from bonas.studies.records import ERROR

SPACE = CellSpace(nodes=2, operations=("none", "skip_connect", "nor_conv_1x1"))
RATE: dict[str, BaseDistribution] = {"rate": FloatDistribution(0.0, 1.0)}
BATCH: dict[str, BaseDistribution] = {"batch": IntDistribution(8, 64)}


def add(study: optuna.Study, others: dict[str, BaseDistribution], **more: object) -> None:
    """Add a finished trial of the space's first architecture with other parameters."""
    choices = dict(SPACE.reference[0].choices)
    values = {name: 0.5 if name == "rate" else 8 for name in others}
    study.add_trial(
        create_trial(
            value=1.0,
            params={**choices, **values},
            distributions={**SPACE.distributions, **others},
        )
    )


def test_a_study_without_finished_trials_has_the_space_alone() -> None:
    assert outside_parameters(optuna.create_study(), SPACE) == {}
    assert outside_parameters(optuna.create_study(), None) == {}


def test_only_what_every_finished_trial_has_is_searched() -> None:
    study = optuna.create_study()
    add(study, {**RATE, **BATCH})
    assert outside_parameters(study, SPACE) == {**RATE, **BATCH}
    add(study, RATE)
    assert outside_parameters(study, SPACE) == RATE
    add(study, {})
    assert outside_parameters(study, SPACE) == {}


def test_a_parameter_with_one_value_is_not_searched() -> None:
    study = optuna.create_study()
    add(study, {"rate": FloatDistribution(0.5, 0.5)})
    assert outside_parameters(study, SPACE) == {}


def test_without_a_space_all_shared_parameters_are_searched() -> None:
    study = optuna.create_study()
    study.add_trial(create_trial(value=1.0, params={"rate": 0.5}, distributions=RATE))
    assert outside_parameters(study, None) == RATE


def test_a_space_is_exhausted_when_each_architecture_was_proposed() -> None:
    study = optuna.create_study()
    assert SPACE.members is not None
    *others, last = SPACE.members
    for member in others:
        study.add_trial(
            create_trial(
                value=1.0, params=dict(member.choices), distributions=dict(SPACE.distributions)
            )
        )
    assert not is_exhausted(study, SPACE)
    failed = create_trial(
        state=TrialState.FAIL,
        params=dict(last.choices),
        distributions=dict(SPACE.distributions),
        user_attrs=ERROR.holding("Traceback"),
    )
    study.add_trial(failed)
    assert is_exhausted(study, SPACE)


def test_other_parameters_are_never_exhausted() -> None:
    study = optuna.create_study()
    for _ in SPACE.members or ():
        add(study, RATE)
    assert not is_exhausted(study, SPACE)
    assert not is_exhausted(study, None)
