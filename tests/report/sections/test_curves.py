import math

import optuna
import pytest
from faked_searches import faked_search
from optuna.trial import TrialState
from sections import charts_of, drawn, line_values

from bonas.evaluation.curve import Curve
from bonas.report.searched import Searched
from bonas.report.sections.curves import section

STATES = [TrialState.COMPLETE, TrialState.COMPLETE, TrialState.PRUNED, TrialState.COMPLETE]


def test_each_training_is_a_line_with_its_values_and_the_front_is_on_top() -> None:
    searched = Searched.of(faked_search(20, 2))
    made = section(searched)
    assert made is not None
    accuracy, loss = charts_of(made)
    lines = drawn(accuracy, "line")
    numbers = [int(line.get("data-trial", "")) for line in lines]
    assert sorted(numbers) == [t.number for t in searched.trials]
    front = [trial.number for trial in searched.front]
    assert sorted(numbers[-len(front) :]) == sorted(front)
    for order, number in enumerate(numbers):
        expected = Curve.of(searched.by_number[number].measurements, "accuracy").values
        found = line_values(accuracy, order)
        assert len(found) == len(expected)
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < 0.1
    assert len(drawn(loss, "line")) == 20


def test_stopped_trainings_are_dashed() -> None:
    searched = Searched.of(faked_search(20, 2))
    made = section(searched)
    assert made is not None
    dashed = {int(each.get("data-trial", "")) for each in drawn(charts_of(made)[0], "stopped")}
    assert dashed == {t.number for t in searched.trials if t.outcome == "stopped"}


def test_some_dozens_are_drawn_with_all_of_the_front_and_the_rest_is_counted() -> None:
    searched = Searched.of(faked_search(200, 2))
    made = section(searched)
    assert made is not None
    lines = drawn(charts_of(made)[0], "line")
    numbers = {int(line.get("data-trial", "")) for line in lines}
    assert len(numbers) <= 48
    assert {trial.number for trial in searched.front} <= numbers
    assert f"{len(numbers)} of 200 trainings are drawn" in made.html


def test_a_study_without_curves_has_no_section() -> None:
    study = faked_search(0)
    study.tell(study.ask(), [1.0, 2.0])
    assert section(Searched.of(study)) is None


def test_what_another_program_reports_to_a_pruner_is_a_curve() -> None:
    study = optuna.create_study(direction="maximize")
    for number in range(4):
        trial = study.ask()
        for step in range(3):
            trial.report(number + 0.1 * step if number != 3 else math.nan, step)
        study.tell(trial, None if number == 2 else float(number), state=STATES[number])
    made = section(Searched.of(study))
    assert made is not None
    (chart,) = charts_of(made)
    lines = {int(each.get("data-trial", "")): row for row, each in enumerate(drawn(chart, "line"))}
    assert {*lines} == {0, 1, 2}
    assert line_values(chart, lines[1]) == pytest.approx([1.0, 1.1, 1.2], abs=0.02)
    assert [each.get("data-trial") for each in drawn(chart, "stopped")] == ["2"]
