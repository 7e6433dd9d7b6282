"""The metrics of runs, worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import optuna
import pytest
from comparisons import ACCURACY, NAN, ONE, TWO, InOrder, in_order, many_rows, quietly, small_run
from hypothesis import given
from hypothesis import strategies as st

from bonas.benchmarks.comparison import METRICS, RunKey
from bonas.benchmarks.comparison.metrics import Trace
from bonas.benchmarks.tables import Lookup, Table
from bonas.benchmarks.tables.reference import Reference
from bonas.evaluation import ACCURACY as ACCURACY_GOAL
from bonas.evaluation import LATENCY, Candidate


def test_one_objective_by_hand() -> None:
    # From the first width on: regrets 40, 30, 20, 10, 0, found by the fifth evaluation, where the
    # run ends. From the sixth on: 5, never less, in six evaluations.
    found = in_order(ONE, 6, seeds=[0, 5], checkpoints=(2, 4))
    assert [len(run) for run in found.runs.values()] == [5, 6]
    assert found.array("queries").tolist() == [[[5.0, 6.0]]]
    assert found.array("found").tolist() == [[[1.0, 0.0]]]
    assert found.keys("regret") == (2, 4, 6)
    assert [found.array("regret", at).ravel().tolist() for at in (2, 4, 6)] == [
        [30.0, 5.0],
        [10.0, 5.0],
        [0.0, 5.0],
    ]
    assert found.array("gap", 2).ravel().tolist() == pytest.approx([75.0, 12.5])
    assert found.array("until", 5.0).ravel().tolist() == [5.0, 6.0]
    assert found.array("reached", 5.0).ravel().tolist() == [1.0, 0.0]


def test_several_objectives_by_hand() -> None:
    # In the order a, b, c: of 0.4375 nothing, 0.375 and all are dominated. d adds nothing, so that
    # the run ends after the third. From e on: e, a, b.
    found = in_order(TWO, 4, seeds=[0, 4], checkpoints=(1, 2, 3))
    assert [len(run) for run in found.runs.values()] == [3, 4]
    gaps = [found.array("gap", at).ravel().tolist() for at in (1, 2, 3, 4)]
    assert gaps == [
        [100.0, 100.0],
        pytest.approx([100 / 7, 100.0]),
        [0.0, pytest.approx(100 / 7)],
        [0.0, 0.0],
    ]
    assert found.array("until", 1.0).ravel().tolist() == [3.0, 4.0]
    assert np.isnan(found.values("two", "gap", 1)["in order"]).sum() == 0
    assert found.keys("queries") == ()


def test_all_later_checkpoints_hold_after_the_answer_is_found() -> None:
    found = in_order(ONE, 200)
    assert len(found.runs[("one", "in order", 0)]) == 5  # type: ignore[index]  # a key is a tuple
    assert found.keys("gap") == (25, 50, 100, 150, 200)
    assert all(found.array("gap", at).item() == 0.0 for at in found.keys("gap"))
    assert found.array("until", 0.1).item() == 5.0


def test_metrics_use_the_truth_and_the_method_observes_what_is_shown() -> None:
    shown = np.array([[[a + 1.0, a - 1.0]] for a in ACCURACY.values()])
    noisy = Table(
        "noisy", ONE.space, ONE.objectives, ONE.rows, ONE.truth, shown=shown, signal="one_seed"
    )
    found = in_order(noisy, 3, seeds=2)
    for (_, _, seed), run in found.runs.items():
        widths = [1 + seed + i for i in range(3)]
        assert run.values.ravel().tolist() == [ACCURACY[w] for w in widths]
        shown = [Lookup(noisy, seed)(candidate_of_width(noisy, w))["accuracy"] for w in widths]
        assert run.observed.ravel().tolist() == shown
        assert run.signal == "one_seed"
        assert (run.observed != run.values).all()


def candidate_of_width(table: Table, width: int) -> Candidate:
    return Candidate(table.space, {"width": width}, optuna.create_trial(value=0.0))


def test_predictions_are_scored_by_hand() -> None:
    # z = (outcome - mean) / sd. Outcomes 60, 70, 80 at trials 1 to 3; means 60, 71, 77, sd 1: z is
    # 0, -1, 3. Trial 0 was random. Means and outcomes rise together.
    def prediction(number: int) -> dict[str, Any]:
        if number == 0:
            return {}
        return {"mean": [[60.0, 71.0, 77.0][number - 1]], "sd": [1.0], "weights": [[0.5, 0.5]]}

    methods = {"sure": lambda space, seed: InOrder(space, seed, prediction), "silent": InOrder}
    found = quietly(methods, [ONE], 4, 1)
    assert found.values("one", "asks", "accuracy")["sure"].item() == 3.0
    expected = {"coverage_50": 1 / 3, "coverage_80": 2 / 3, "coverage_95": 2 / 3, "z2": 10 / 3}
    expected |= {"kendall": 1.0, "spearman": 1.0}
    for name, value in expected.items():
        values = found.values("one", name, "accuracy")
        assert values["sure"].item() == pytest.approx(value), name
        assert math.isnan(values["silent"].item())


def test_equal_predictions_have_no_rank_correlation() -> None:
    prediction = {"mean": [70.0], "sd": [9.0]}
    found = quietly({"a": lambda s, seed: InOrder(s, seed, lambda _: prediction)}, [ONE], 4, 1)
    assert math.isnan(found.array("kendall", "accuracy").item())
    assert found.array("coverage_95", "accuracy").item() == 0.75  # 50 is 20 away, 1.96 * 9 is 17.6


def test_each_ask_is_timed() -> None:
    found = quietly(["random"], [many_rows()], 30, 1)
    (run,) = found.runs.values()
    assert (run.seconds > 0).all()
    assert found.keys("seconds") == (10, 25)
    near_ten = np.median(run.seconds[8:13])
    assert found.array("seconds", 10).item() == near_ten


ONE_REFERENCE = Reference.of((ACCURACY_GOAL,), [[50.0], [90.0]], exact=True)


def traced(values: list[float], budget: int = 6, **changed: Any) -> Trace:
    """Return the trace of a run with these accuracies, on a scale from 50 to 90."""
    run = small_run(RunKey("one", "m", 0), [[value] for value in values])
    return Trace(replace(run, **changed), ONE_REFERENCE, budget, (2, budget))


def test_a_run_that_found_the_optimum_keeps_it_and_one_that_was_cut_off_is_unknown() -> None:
    np.testing.assert_array_equal(traced([70.0, 90.0]).regrets, [20.0, 0.0, 0.0, 0.0, 0.0, 0.0])
    np.testing.assert_array_equal(traced([70.0, 80.0]).regrets, [20.0, 10.0, *[NAN] * 4])
    np.testing.assert_array_equal(
        traced([70.0, 80.0], ended=True).regrets, [20.0, 10.0, 10.0, 10.0, 10.0, 10.0]
    )
    np.testing.assert_array_equal(traced([]).gaps, [NAN] * 6)


def test_evaluations_beyond_the_budget_do_not_count() -> None:
    trace = traced([60.0, 70.0, 90.0], budget=2)
    assert trace.regrets.tolist() == [30.0, 20.0]
    assert METRICS["queries"](trace) == {None: 2.0}
    assert METRICS["found"](trace) == {None: 0.0}


def test_an_evaluation_that_was_stopped_counts_the_share_that_was_spent() -> None:
    # Full evaluations spent: 1, 1.25, 1.5, 2.5, 2.75; in 1, 2, 3 of them: the first, three, all.
    spent = np.array([1.0, 0.25, 0.25, 1.0, 0.25])
    trace = traced([60.0, NAN, NAN, 89.0, NAN], budget=3, spent=spent)
    assert trace.spent.tolist() == [1.0, 1.25, 1.5, 2.5, 2.75]
    assert trace.regrets.tolist() == [30.0, 30.0, 1.0]
    assert METRICS["until"](trace) == {5.0: 2.5, 1.0: 3.0, 0.1: 3.0}
    assert (trace.run.failed, trace.run.stopped) == (0, 3)
    # With a budget of 4 the run was cut off: more would have fitted, into the first 3 as well.
    np.testing.assert_array_equal(
        traced([60.0, NAN, NAN, 89.0, NAN], budget=4, spent=spent).regrets, [30, 30, NAN, NAN]
    )
    # Of a budget of 2 the first three evaluations are left, and of 1 the first.
    assert [len(traced([60.0] * 5, budget=b, spent=spent).spent) for b in (2, 1)] == [3, 1]


@pytest.mark.parametrize(
    ("values", "queries", "found"),
    [
        ([90.0], 1.0, 1.0),
        ([50.0, 60.0, 90.0, 90.0], 3.0, 1.0),
        ([50.0, 60.0, 70.0, 80.0, 85.0, 89.0], 6.0, 0.0),
        ([50.0, 60.0], NAN, NAN),
    ],
    ids=["at once", "third", "never", "cut off"],
)
def test_queries_count_to_the_optimum(values: list[float], queries: float, found: float) -> None:
    trace = traced(values)
    np.testing.assert_equal(METRICS["queries"](trace), {None: queries})
    np.testing.assert_equal(METRICS["found"](trace), {None: found})


def test_queries_count_to_a_value_that_is_close_enough() -> None:
    # Regrets 40, 0.4 (in binary numbers a little more), 0.1; the budget where it is never reached.
    trace = replace(traced([50.0, 89.6, 89.9, 60.0, 60.0, 60.0]), tolerances=(0.05, 0.4, 40.0))
    assert METRICS["within"](trace) == {0.05: 6.0, 0.4: 2.0, 40.0: 1.0}
    assert METRICS["found_within"](trace) == {0.05: 0.0, 0.4: 1.0, 40.0: 1.0}
    cut_off = replace(traced([50.0, 60.0]), tolerances=(0.4, 40.0))
    np.testing.assert_equal(METRICS["within"](cut_off), {0.4: NAN, 40.0: 1.0})
    assert METRICS["within"](traced([90.0])) == {}


def test_thresholds_are_passed_one_after_the_other() -> None:
    # Gaps in percent: 100, 2.5, 0.5, 0.05; thresholds 5, 1 and 0.1.
    trace = traced([50.0, 89.0, 89.8, 89.98, 60.0, 60.0])
    assert METRICS["until"](trace) == {5.0: 2.0, 1.0: 3.0, 0.1: 4.0}
    assert METRICS["reached"](trace) == {5.0: 1.0, 1.0: 1.0, 0.1: 1.0}
    assert METRICS["gap"](trace) == {2: pytest.approx(2.5), 6: pytest.approx(0.05)}
    assert METRICS["regret"](trace) == {2: pytest.approx(1.0), 6: pytest.approx(0.02)}
    never = traced([88.5] * 6)  # a gap of 3.75 %
    assert METRICS["until"](never) == {5.0: 1.0, 1.0: 6.0, 0.1: 6.0}
    assert METRICS["reached"](never) == {5.0: 1.0, 1.0: 0.0, 0.1: 0.0}


def test_seconds_are_a_median_near_the_number_of_finished_trials() -> None:
    # At 10 finished trials: asks 8 to 12; at 25: asks 23 to 27. Ask 8 was not timed.
    seconds = np.arange(30.0)
    seconds[8] = NAN
    trace = traced([60.0] * 30, budget=30, seconds=seconds)
    assert METRICS["seconds"](trace) == {10: 10.5, 25: 25.0}
    assert METRICS["seconds"](traced([60.0] * 5, budget=5, seconds=np.ones(5))) == {}
    short = traced([60.0] * 3, budget=12, seconds=np.ones(3))
    np.testing.assert_equal(METRICS["seconds"](short), {10: NAN})


def predicted(mean: list[float], sd: list[float], outcome: list[float]) -> Trace:
    columns = {"mean": mean, "sd": sd, "observed": outcome}
    return traced(outcome, **{name: np.array(x)[:, np.newaxis] for name, x in columns.items()})


def test_coverage_is_the_share_inside_the_central_interval() -> None:
    # z = 0.5, -1, 1.5, 3; the intervals reach to 0.674, 1.282 and 1.960 standard deviations.
    trace = predicted([70.0] * 4, [2.0] * 4, [71.0, 68.0, 73.0, 76.0])
    found = {level: METRICS[f"coverage_{level}"](trace)["accuracy"] for level in (50, 80, 95)}
    assert found == {50: 0.25, 80: 0.5, 95: 0.75}
    assert METRICS["z2"](trace) == {"accuracy": pytest.approx((0.25 + 1 + 2.25 + 9) / 4)}
    assert METRICS["asks"](trace) == {"accuracy": 4.0}


def test_an_ask_without_prediction_or_outcome_does_not_count() -> None:
    trace = predicted([70.0, NAN, 70.0, 70.0], [1.0, 1.0, NAN, 1.0], [71.0, 70.0, 70.0, NAN])
    assert METRICS["asks"](trace) == {"accuracy": 1.0}
    assert METRICS["z2"](trace) == {"accuracy": 1.0}
    silent = predicted([NAN] * 2, [NAN] * 2, [60.0, 70.0])
    assert METRICS["asks"](silent) == METRICS["z2"](silent) == METRICS["kendall"](silent) == {}


def test_rank_correlations_by_hand() -> None:
    # Ranks of the means 1, 2, 3, 4, of the outcomes 1, 3, 2, 4: one of six pairs is in the wrong
    # order, tau = 4 / 6; rho = 1 - 6 * (0 + 1 + 1 + 0) / (4 * 15) = 0.8.
    trace = predicted([61.0, 62.0, 63.0, 64.0], [1.0] * 4, [50.0, 70.0, 60.0, 80.0])
    assert METRICS["kendall"](trace) == {"accuracy": pytest.approx(4 / 6)}
    assert METRICS["spearman"](trace) == {"accuracy": pytest.approx(0.8)}


def test_two_predictions_are_too_few_for_a_correlation() -> None:
    trace = predicted([61.0, 62.0], [1.0] * 2, [50.0, 70.0])
    np.testing.assert_equal(METRICS["kendall"](trace), {"accuracy": NAN})


def test_a_certain_prediction_is_inside_only_where_it_is_right() -> None:
    trace = predicted([70.0, 70.0], [0.0, 0.0], [70.0, 71.0])
    assert METRICS["coverage_95"](trace) == {"accuracy": 0.5}


def test_regret_and_queries_need_one_objective() -> None:
    two = Reference.of((ACCURACY_GOAL, LATENCY), [[90.0, 1.0], [50.0, 9.0]], exact=True)
    run = small_run(RunKey("two", "m", 0), [[60.0, 2.0]])
    trace = Trace(run, two, 1, (1,))
    assert [METRICS[name](trace) for name in ("queries", "found", "regret")] == [{}, {}, {}]
    assert METRICS["within"](replace(trace, tolerances=(0.4,))) == {}
    assert np.isnan(trace.regrets).all()


@given(st.lists(st.integers(50, 90) | st.none(), min_size=1, max_size=8), st.integers(2, 10))
def test_metrics_of_any_run_agree_with_each_other(
    accuracies: list[int | None], budget: int
) -> None:
    trace = traced([NAN if a is None else float(a) for a in accuracies], budget, ended=True)
    queries, found = METRICS["queries"](trace)[None], METRICS["found"](trace)[None]
    until, reached = METRICS["until"](trace), METRICS["reached"](trace)
    assert 1.0 <= until[5.0] <= until[1.0] <= until[0.1] <= queries <= budget
    assert reached[5.0] >= reached[1.0] >= reached[0.1] >= found
    assert METRICS["gap"](trace)[budget] == pytest.approx(100.0 * trace.gaps[-1])
    if found:
        assert METRICS["regret"](trace)[budget] == 0.0
