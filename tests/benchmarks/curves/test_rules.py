import numpy as np
import optuna
import pytest
from recorded_curves import write_curves

from bonas.benchmarks.curves import (
    Gap,
    RecordedCurves,
    Saving,
    early_stopping,
    equal_budget,
    gap_table,
    prediction_quality,
    quality_table,
    saving_table,
)
from bonas.evaluation import Candidate
from bonas.evaluation.record import Record
from bonas.studies.stopping.calibration import Calibration
from bonas.studies.stopping.rule import Decision


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> RecordedCurves:
    return RecordedCurves(write_curves(tmp_path_factory.mktemp("curves")))


def _stop_all(study: optuna.Study, candidate: Candidate, record: Record) -> Decision | None:
    return Decision(True, "a test") if record.measurements[-1].step == 10 else None


def test_a_rule_that_stops_everything_loses_everything(curves: RecordedCurves) -> None:
    none, everything = early_stopping(curves, {"none": None, "all": _stop_all}, [0], cells=5)
    assert (none.epochs, none.lost, none.best) == (100.0, 0.0, 0.0)
    assert (everything.epochs, everything.lost, everything.best) == (10.0, 100.0, np.inf)


def test_cells_out_of_the_best_are_the_best(curves: RecordedCurves) -> None:
    (alone,) = early_stopping(curves, {"none": None}, [0], cells=100, best=0.2)
    assert alone.epochs == pytest.approx(100 * 12 / 100)  # a fifth of 57 cells is all there is


def test_gap_falls_with_the_budget_and_is_that_of_the_table(curves: RecordedCurves) -> None:
    found = list(equal_budget(curves, {"none": None}, [1], (1, 2), (500, 2000)))
    assert [(gap.rule, gap.workers) for gap in found] == [("none", 1), ("none", 2)]
    rows = np.random.default_rng(1).permutation(len(curves.rows))[:5]
    assert found[0].after[500] == pytest.approx(100 * curves.gap(curves.truth[rows]))
    assert all(gap.after[2000] < gap.after[500] for gap in found)


def test_prediction_is_better_than_the_raw_values_and_covers(curves: RecordedCurves) -> None:
    few, many = prediction_quality(curves, [10, 30], [10], [0])
    assert few.spearman > 0.5
    assert np.isnan(few.coverage)
    assert many.spearman > 0.8
    assert 0.5 < many.coverage <= 1.0
    assert "30      10" in quality_table([few, many])


def test_tables_show_means_with_intervals_and_the_worst() -> None:
    savings = [
        Saving("halving", 0, 40.0, 0.1, 0.0),
        Saving("halving", 1, 50.0, 0.3, 0.2, Calibration(4, 0.75, 1, 9)),
    ]
    row = saving_table(savings).splitlines()[-1]
    assert row.split()[:5] == ["halving", "2", "45.0", "±", "9.8"]
    assert row.split()[5:] == ["0.200", "±", "0.196", "0.30", "0.100", "0.75"]
    gaps = [Gap("none", seed, 8, {2000: 20.0 + seed}) for seed in (0, 2)]
    assert gap_table(gaps).splitlines()[-1].split() == ["none", "8", "2", "21.0", "±", "2.0"]
