from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from recorded_curves import CELLS, write_curves

from bonas.benchmarks.curves import CurveLookup, RecordedCurves, replay
from bonas.errors import MissingData
from bonas.evaluation import Candidate
from bonas.evaluation.record import Record
from bonas.studies.stopping.forecast import Forecast
from bonas.studies.stopping.rivals import decisions_of
from bonas.studies.stopping.rule import Decision, StoppingRule


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> RecordedCurves:
    return RecordedCurves(write_curves(tmp_path_factory.mktemp("curves")))


def _stop_at(epoch: int, worse_than: float = np.inf) -> StoppingRule:
    def rule(study: optuna.Study, candidate: Candidate, record: Record) -> Decision | None:
        latest = record.measurements[-1]
        if latest.step != epoch or latest.values["accuracy"] > worse_than:
            return None
        return Decision(True, "a test")

    return rule


def test_trainings_of_another_length_are_left_out(curves: RecordedCurves) -> None:
    assert len(curves.rows) == CELLS - 3
    assert curves.validation.shape == (CELLS - 3, 100)


def test_folder_without_the_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"spikenas\.npz"):
        RecordedCurves(tmp_path)


def test_lookup_yields_the_recorded_training(curves: RecordedCurves) -> None:
    choices = dict(zip(curves.space.parameters, curves.rows[4], strict=True))
    trial = optuna.trial.create_trial(state=TrialState.COMPLETE, values=[0.0, 0.0])
    lookup = CurveLookup(curves)
    stream = list(lookup.measurements(Candidate(curves.space, choices, trial)))
    assert stream[0].values == {"parameters": curves.truth[4, 1]}
    assert [m.values["accuracy"] for m in stream[1:-1]] == curves.validation[4].tolist()
    assert stream[10].values["train_accuracy"] == curves.training[4, 9]
    assert stream[10].fidelity == 0.1
    assert stream[-1].values == {"accuracy": curves.truth[4, 0]}


def test_without_a_rule_every_training_runs_to_its_end(curves: RecordedCurves) -> None:
    run = replay(curves, range(5), None)
    assert run.spent == 500
    assert run.finished == [0, 1, 2, 3, 4]
    assert run.epochs == [100, 200, 300, 400, 500]
    np.testing.assert_array_equal(run.values(curves), curves.truth[:5])
    np.testing.assert_array_equal([t.values for t in run.study.trials], curves.truth[:5])


def test_stopped_training_costs_the_epochs_until_then(curves: RecordedCurves) -> None:
    run = replay(curves, range(4), _stop_at(7))
    assert run.spent == 4 * 7
    assert run.finished == []
    assert {t.state for t in run.study.trials} == {TrialState.PRUNED}
    assert [len(decisions_of(t)) for t in run.study.trials] == [1] * 4


def test_budget_ends_the_replay_in_the_middle_of_a_training(curves: RecordedCurves) -> None:
    run = replay(curves, range(10), None, budget=250)
    assert run.spent == 250
    assert run.finished == [0, 1]
    assert len(run.values(curves, until=150)) == 1


def test_workers_finish_in_the_order_of_the_recorded_times(curves: RecordedCurves) -> None:
    run = replay(curves, range(3), None, workers=3)
    assert run.finished == np.argsort(curves.epoch_seconds[:3]).tolist()
    assert run.spent == 300


def test_several_workers_replay_the_same_trainings_as_one(curves: RecordedCurves) -> None:
    rule = _stop_at(20, worse_than=float(np.median(curves.validation[:20, 19])))
    one, four = (replay(curves, range(20), rule, workers=n) for n in (1, 4))
    assert sorted(one.finished) == sorted(four.finished)
    expected = sum(100 if row in one.finished else 20 for row in range(20))
    assert one.spent == four.spent == expected


def test_forecast_saves_epochs_and_keeps_the_front(curves: RecordedCurves) -> None:
    rows = list(range(40))
    run = replay(curves, rows, Forecast(unstopped=0.0))
    assert run.spent < 0.8 * 4000
    lost = 1 - curves.hypervolume(run.values(curves)) / curves.hypervolume(curves.truth[rows])
    assert lost < 0.02


def test_replay_is_repeatable(curves: RecordedCurves) -> None:
    first, second = (replay(curves, range(25), Forecast(), workers=2, seed=3) for _ in range(2))
    assert (first.finished, first.epochs, first.spent) == (
        second.finished,
        second.epochs,
        second.spent,
    )
