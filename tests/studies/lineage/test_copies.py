"""A copy keeps what is measured, and leaves behind what is about one trial of one study."""

from __future__ import annotations

import math
from typing import Any

import optuna
import pytest
from lineages import OBJECTIVES, Measure, Widths, search_of
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial

from bonas.studies.lineage.copies import copy_all, copy_comparable, is_valid_in
from bonas.studies.lineage.description import Description, make_description

WIDTHS, KINDS = (8, 16, 32, 64), ("relu", "gelu", "tanh")
STORED = {"width": CategoricalDistribution(WIDTHS), "kind": CategoricalDistribution(KINDS)}


def _description(space: Widths = Widths(), **more: Any) -> Description:  # noqa: B008 # frozen
    search = search_of(space, **more)
    return make_description(search.describe(), search.goals)


def _trial(width: int = 8, state: TrialState = TrialState.COMPLETE, **more: Any) -> FrozenTrial:
    """Return a trial of ``Widths()`` with accuracy 50 and latency ``width``."""
    values = [50.0, float(width)] if state == TrialState.COMPLETE else None
    given = {"values": values, "params": {"width": width, "kind": "relu"}, "distributions": STORED}
    return create_trial(state=state, **{**given, **more})


def _study(*trials: FrozenTrial) -> optuna.Study:
    study = optuna.create_study(study_name="s", directions=list(OBJECTIVES.values()))
    study.add_trials(trials)
    return study


def test_a_copy_has_the_new_options_and_names_its_original() -> None:
    wider = Widths((4, 8, 16, 32, 64, 128))
    study = _study(_trial(8, user_attrs={"accuracy_sd": 0.5}), _trial(16))
    copies = copy_all(study, _description(wider))
    assert list(copies) == ["s#0", "s#1"]
    first = copies["s#0"]
    assert first.params == {"width": 8, "kind": "relu"}
    assert first.distributions["width"] == CategoricalDistribution(wider.widths)
    assert (first.values, first.user_attrs) == ([50.0, 8.0], {"accuracy_sd": 0.5})


def test_what_is_about_one_trial_only_stays_behind() -> None:
    own = {"bonas:worker": {"pid": 1}, "bonas:index": 7, "bonas:copied": "r#3"}
    system = {"bonas:renewed": 4, "bonas:released": "its worker died", "bonas:proposal": "{}"}
    study = _study(_trial(user_attrs={**own, "note": "mine"}, system_attrs=system))
    (copy,) = copy_all(study, _description()).values()
    assert copy.user_attrs == {"note": "mine"}
    assert copy.system_attrs == {"bonas:proposal": "{}"}


def test_a_parameter_outside_the_space_keeps_its_distribution() -> None:
    rate = FloatDistribution(1e-4, 1e-1, log=True)
    params = {"width": 8, "kind": "relu", "rate": 0.01}
    study = _study(_trial(params=params, distributions={**STORED, "rate": rate}))
    (copy,) = copy_all(study, _description(Widths((8, 16, 32, 64, 128)))).values()
    assert (copy.params["rate"], copy.distributions["rate"]) == (0.01, rate)


def test_a_successor_gets_what_was_evaluated_or_known_and_nothing_else() -> None:
    error = {"bonas:error": "Traceback"}
    study = _study(
        _trial(8),
        _trial(16, TrialState.FAIL, user_attrs=error),
        _trial(32, TrialState.FAIL),  # released: its proposal is made again
        _trial(64, TrialState.PRUNED, intermediate_values={0: 1.0}),
        _trial(8, TrialState.RUNNING),
        _trial(16, TrialState.WAITING),
        _trial(32, user_attrs={"bonas:known": "mark"}),
    )
    assert list(copy_all(study, _description())) == ["s#0", "s#1", "s#3", "s#6"]


def test_of_repeated_failures_a_successor_gets_the_latest() -> None:
    error = {"bonas:error": "Traceback"}
    study = _study(
        _trial(8, TrialState.FAIL, user_attrs=error),
        _trial(8, TrialState.FAIL, user_attrs={**error, "bonas:index": 0}),
    )
    assert list(copy_all(study, _description())) == ["s#1"]


def test_a_failure_that_is_final_stays_final() -> None:
    final = {"bonas:released": "no architecture"}
    failed = _trial(8, TrialState.FAIL, user_attrs={"bonas:error": "no"}, system_attrs=final)
    (copy,) = copy_all(_study(failed), _description()).values()
    assert copy.system_attrs == final


@pytest.mark.parametrize("values", [[math.nan, 1.0], [1.0], None])
def test_a_trial_that_optuna_would_refuse_is_not_copied(values: list[float] | None) -> None:
    study = _study(_trial(8))
    trial = study.get_trials(deepcopy=False)[0]
    trial.values = values  # as another program can store it
    copies = copy_all(_with_trials(study, [trial]), _description())
    assert copies == {}
    removed = _trial(64)
    assert copy_all(_study(removed), _description(Widths((8, 16)))) == {}


def _with_trials(study: optuna.Study, trials: list[FrozenTrial]) -> optuna.Study:
    """Let the study return these trials."""
    study.get_trials = lambda **_: trials  # type: ignore[method-assign]  # a storage would refuse
    return study


def test_a_fork_gets_complete_trials_before_it_that_it_could_choose() -> None:
    study = _study(
        _trial(8),
        _trial(64),  # no option of the fork
        _trial(16, TrialState.FAIL, user_attrs={"bonas:error": "Traceback"}),
        _trial(16, TrialState.PRUNED),
        _trial(16),
        _trial(8),  # after the fork was made
    )
    space = Widths((8, 16))
    copies = copy_comparable(study, _description(), _description(space), space, before=5)
    assert list(copies) == ["s#0", "s#4"]


def test_a_fork_gets_values_by_the_names_of_its_objectives() -> None:
    stored = _description()
    swapped = _description(objectives={"latency": "minimize", "accuracy": "maximize"})
    (copy,) = copy_comparable(_study(_trial(16)), stored, swapped, Widths(), before=1).values()
    assert copy.values == [16.0, 50.0]
    alone = _description(objectives={"latency": "minimize"})
    (copy,) = copy_comparable(_study(_trial(16)), stored, alone, Widths(), before=1).values()
    assert copy.values == [16.0]


def test_a_fork_gets_nothing_that_was_measured_differently() -> None:
    longer = _description(evaluate=Measure(epochs=2))
    assert copy_comparable(_study(_trial()), _description(), longer, Widths(), before=1) == {}
    more = _description(objectives={**OBJECTIVES, "extra": "minimize"})
    assert copy_comparable(_study(_trial()), _description(), more, Widths(), before=1) == {}


def test_without_a_space_only_options_decide() -> None:
    study, wanted = _study(_trial(8), _trial(64)), _description(Widths((8, 16)))
    assert list(copy_comparable(study, _description(), wanted, None, before=2)) == ["s#0"]


def test_a_trial_over_a_bound_is_not_valid() -> None:
    assert is_valid_in(_trial(16), Widths(max_params=16))
    assert not is_valid_in(_trial(32), Widths(max_params=16))
    assert not is_valid_in(create_trial(values=[1.0, 2.0]), Widths())
