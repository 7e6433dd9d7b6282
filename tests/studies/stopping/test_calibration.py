import optuna
import pytest
from optuna.trial import TrialState

from bonas.evaluation.curve import packed
from bonas.studies.lineage.description import set_names
from bonas.studies.stopping.calibration import Calibration
from bonas.studies.stopping.rivals import DECISION
from bonas.studies.stopping.rule import Decision


def _add(study: optuna.Study, decision: Decision, value: float | None) -> None:
    notes = packed([{DECISION: decision.stored()}])
    state = TrialState.PRUNED if value is None else TrialState.COMPLETE
    values = None if value is None else [value]
    study.add_trial(optuna.create_trial(state=state, values=values, system_attrs=notes))


def _study() -> optuna.Study:
    study = optuna.create_study(direction="maximize")
    set_names(study, ["accuracy"])
    return study


def _forecast(*, stops: bool = False, unstopped: bool = False) -> Decision:
    compared = {"forecast": {"accuracy": [70.0, 75.0, 80.0]}}
    return Decision(stops, "a test", "forecast", 0.1, 1, 0.1, unstopped, compared)


def test_coverage_is_the_share_of_final_values_in_their_interval() -> None:
    study = _study()
    for value in (72.0, 75.0, 79.0, 85.0):
        _add(study, _forecast(), value)
    assert Calibration.of(study) == Calibration(4, 0.75, 0, 0)


def test_a_trial_left_unstopped_stands_for_those_that_were_stopped() -> None:
    study = _study()
    _add(study, _forecast(), 75.0)
    _add(study, _forecast(unstopped=True), 60.0)
    for _ in range(8):
        _add(study, _forecast(stops=True), None)
    found = Calibration.of(study)
    assert found is not None
    assert (found.forecasts, found.unstopped, found.stopped) == (2, 1, 8)
    assert found.coverage == pytest.approx(1 / (1 + 9))


def test_a_study_without_forecasts_has_no_calibration() -> None:
    study = _study()
    _add(study, Decision(False, "too few", "forecast", 0.1, 1, 0.1), 75.0)
    assert Calibration.of(study) is None
