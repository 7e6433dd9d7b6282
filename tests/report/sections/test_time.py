import pytest
from faked_searches import faked_search
from sections import charts_of, drawn, line_values, marks, scale

from bonas.report.charts import duration
from bonas.report.searched import Searched
from bonas.report.sections.time import section


def test_totals_are_the_times_of_the_trials() -> None:
    searched = Searched.of(faked_search(40, 2, workers=3))
    made = section(searched)
    assert made is not None
    busy = sum(trial.seconds for trial in searched.trials)
    assert searched.began is not None
    assert searched.ended is not None
    wall = (searched.ended - searched.began).total_seconds()
    assert (
        f"40 trials took {duration(busy)} in all, within {duration(wall)} on 3 workers" in made.html
    )
    idle = 100 * (1 - busy / (3 * wall))
    assert f"idle {idle:.0f} % of the time" in made.html


def test_each_trial_is_a_span_on_the_row_of_its_worker() -> None:
    searched = Searched.of(faked_search(40, 2, workers=3))
    made = section(searched)
    assert made is not None
    gantt = charts_of(made)[-1]
    spans = drawn(gantt, "span")
    assert {int(span.get("data-trial", "")) for span in spans} == {*range(40)}
    slope, intercept = scale(gantt, "y")
    rows: dict[str, set[int]] = {}
    for span in spans:
        trial = searched.by_number[int(span.get("data-trial", ""))]
        middle = float(span.get("y", "")) + float(span.get("height", "")) / 2
        rows.setdefault(trial.worker, set()).add(round(slope * middle + intercept))
    assert sorted(rows.values()) == [{1}, {2}, {3}]
    across, _ = scale(gantt, "x")
    for span in spans:
        seconds = searched.by_number[int(span.get("data-trial", ""))].seconds
        assert across * float(span.get("width", "")) * 60 == pytest.approx(seconds, abs=1.5)


def test_overlapping_trials_without_a_worker_get_rows_of_their_own() -> None:
    study = faked_search(30, 1, workers=4)
    for trial in study.get_trials(deepcopy=False):
        trial.user_attrs.pop("bonas:worker", None)
    made = section(Searched.of(study))
    assert made is not None
    assert "on 4 workers" in made.html


def test_many_workers_are_a_line_of_how_many_ran() -> None:
    searched = Searched.of(faked_search(200, 1, workers=60))
    made = section(searched)
    assert made is not None
    chart = charts_of(made)[-1]
    assert not drawn(chart, "span")
    assert len(drawn(chart, "line")) == 1
    assert "of 60 workers" in made.html


def test_the_time_of_a_trial_is_split_by_what_was_measured() -> None:
    searched = Searched.of(faked_search(40, 2, failed=0.0, stopped=0.0))
    made = section(searched)
    assert made is not None
    total = sum(trial.seconds for trial in searched.trials) / 40
    labels = [str(each.text) for each in drawn(charts_of(made)[1], "row")]
    assert labels == [
        f"latency: {duration(0.1 * total)}",
        f"accuracy: {duration(0.82 * total)}",
        f"proposal, storage and the rest: {duration(0.08 * total)}",
    ]
    assert "82 % went to accuracy" in made.html


def test_each_kind_of_trial_has_its_mark() -> None:
    searched = Searched.of(faked_search(60, 1))
    made = section(searched)
    assert made is not None
    chart = charts_of(made)[0]
    assert len(marks(chart, "evaluated")) == searched.count("measured")
    assert len(marks(chart, "failed")) == searched.count("failed")
    assert len(marks(chart, "stopped")) == searched.count("stopped")


def test_a_study_without_times_has_no_section() -> None:
    assert section(Searched.of(faked_search(0))) is None


def test_the_line_of_what_ran_has_the_time_of_all_trials_below_it() -> None:
    searched = Searched.of(faked_search(900, 1, workers=5, epochs=1))
    made = section(searched)
    assert made is not None
    levels = line_values(charts_of(made)[-1])[:-1]
    assert searched.began is not None
    assert searched.ended is not None
    wall = (searched.ended - searched.began).total_seconds()
    busy = sum(trial.seconds for trial in searched.trials)
    assert sum(levels) / 200 * wall == pytest.approx(busy, rel=0.01)
