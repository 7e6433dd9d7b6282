from faked_searches import faked_search
from sections import charts_of, drawn, line_values

from bonas.evaluation.curve import Curve
from bonas.report.searched import Searched
from bonas.report.sections.curves import section


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
