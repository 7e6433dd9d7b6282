import re

import pytest
from faked_searches import faked_search
from scipy.stats import norm
from sections import charts_of, drawn, marks, scale

from bonas.report.searched import Searched
from bonas.report.sections.surrogate import section


def within(searched: Searched, name: str, level: float) -> tuple[int, int]:
    """Return how many predicted values lie in their intervals, and how many there are."""
    q, inside, n = norm.ppf((1 + level) / 2), 0, 0
    for trial in searched.finished:
        if trial.prediction is not None:
            n += 1
            error = abs(trial.values[name] - trial.prediction.mean[name])
            inside += error <= q * trial.prediction.sd[name]
    return inside, n


def test_the_words_count_the_values_in_their_intervals() -> None:
    searched = Searched.of(faked_search(60, 2))
    made = section(searched)
    assert made is not None
    for name in ("accuracy", "latency"):
        inside, n = within(searched, name, 0.8)
        assert f"{name}: of {n} measured values, {inside} lay in the 80 % intervals" in made.html


@pytest.mark.parametrize(
    ("too_sure", "words"), [(1.0, "was right"), (3.0, "too sure."), (0.2, "too cautious.")]
)
def test_the_verdict_is_that_of_the_predictions(too_sure: float, words: str) -> None:
    made = section(Searched.of(faked_search(120, 1, too_sure=too_sure)))
    assert made is not None
    verdicts = re.findall(r"The surrogate was too \w+\.|Its uncertainty was right", made.html)
    assert all(words in verdict for verdict in verdicts)
    assert verdicts


def test_points_are_the_predictions_and_the_calibration_curve_counts() -> None:
    searched = Searched.of(faked_search(40, 1))
    made = section(searched)
    assert made is not None
    against, calibration, *_ = charts_of(made)
    x, y = scale(against, "x"), scale(against, "y")
    points = marks(against, "evaluated")
    predicted = [t for t in searched.finished if t.prediction is not None]
    assert len(points) == len(predicted)
    for point, trial in zip(points, predicted, strict=True):
        assert trial.prediction is not None
        assert point.get("data-trial") == str(trial.number)
        measured = x[0] * float(point.get("cx", "")) + x[1]
        mean = y[0] * float(point.get("cy", "")) + y[1]
        assert measured == pytest.approx(trial.values["accuracy"], abs=0.05)
        assert mean == pytest.approx(trial.prediction.mean["accuracy"], abs=0.05)
    (line,) = drawn(calibration, "series-1")
    slope, intercept = scale(calibration, "y")
    heights = [
        float(pair.split(" ")[1]) for pair in re.findall(r"[\d.]+ [\d.]+", line.get("d", ""))
    ]
    shares = [slope * height + intercept for height in heights]
    for row, level in enumerate((0.05, 0.5, 0.8, 0.95)):
        inside, n = within(searched, "accuracy", level)
        at = (1, 10, 16, 19)[row]
        assert shares[at] == pytest.approx(100 * inside / n, abs=0.5)


def test_few_predictions_say_nothing_and_none_have_no_section() -> None:
    few = section(Searched.of(faked_search(13, 1, failed=0.0, stopped=0.0)))
    assert few is not None
    assert "Too few to say: 3 measured values" in few.html
    assert section(Searched.of(faked_search(9, 1))) is None


def test_weights_of_all_members_are_drawn_over_the_trials() -> None:
    made = section(Searched.of(faked_search(40, 1)))
    assert made is not None
    weights = charts_of(made)[-1]
    assert len(drawn(weights, "line")) == 2
