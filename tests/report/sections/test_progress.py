import re

import numpy as np
import pytest
import torch
from botorch.utils.multi_objective.hypervolume import Hypervolume as Botorch
from botorch.utils.multi_objective.pareto import is_non_dominated
from faked_searches import faked_search
from sections import charts_of, line_values, marks

from bonas.report.searched import Searched
from bonas.report.sections.progress import section


def test_the_lines_end_at_the_best_values_and_the_hypervolume_of_the_study() -> None:
    searched = Searched.of(faked_search(50, 2))
    made = section(searched)
    assert made is not None
    volume, accuracy, latency = charts_of(made)[:3]
    Y = torch.from_numpy(searched.oriented)
    reference = Y.min(0).values - 0.1 * (Y.max(0).values - Y.min(0).values)
    box = float((Y.max(0).values - reference).prod())
    expected = Botorch(reference).compute(Y[is_non_dominated(Y)]) / box
    assert line_values(volume)[-1] == pytest.approx(100 * expected, abs=0.5)
    assert line_values(accuracy)[-1] == pytest.approx(searched.values[:, 0].max(), abs=0.05)
    assert line_values(latency)[-1] == pytest.approx(searched.values[:, 1].min(), abs=0.05)


def test_each_value_is_a_point_and_each_loss_a_tick() -> None:
    searched = Searched.of(faked_search(50, 2))
    made = section(searched)
    assert made is not None
    for chart in charts_of(made)[1:3]:
        assert len(marks(chart, "evaluated")) == len(searched.finished)
        assert len(marks(chart, "failed")) == searched.count("failed")
        assert len(marks(chart, "stopped")) == searched.count("stopped", "pruned")
    assert f"{searched.count('failed'):,} failed" in made.html


def test_the_words_name_the_best_value_and_its_evaluation() -> None:
    searched = Searched.of(faked_search(30, 1, workers=1))
    made = section(searched)
    assert made is not None
    best = int(np.argmax(searched.values[:, 0]))
    found = re.search(r"since evaluation ([\d,]+)", made.html)
    assert found is not None
    assert int(found[1]) == searched.finished[best].number + 1  # one worker: they end in order
    assert f"{searched.values[best, 0]:.2f}" in made.html


def test_a_study_without_an_ended_trial_has_no_progress() -> None:
    assert section(Searched.of(faked_search(0))) is None


def test_a_diverged_value_does_not_flatten_the_rest() -> None:
    study = faked_search(60, 1, failed=0.0, stopped=0.0)
    study.tell(study.ask(), -1e9)
    made = section(Searched.of(study))
    assert made is not None
    (chart, *_) = charts_of(made)
    assert "1 far off not shown" in made.html
    assert len(marks(chart, "evaluated")) == 60


def test_thousands_of_trials_are_thinned_and_keep_the_best() -> None:
    searched = Searched.of(faked_search(3_000, 2, epochs=1))
    made = section(searched)
    assert made is not None
    accuracy = charts_of(made)[1]
    assert len(marks(accuracy, "evaluated")) < 600
    assert line_values(accuracy)[-1] == pytest.approx(searched.values[:, 0].max(), abs=0.05)
    assert "points are not drawn" in made.html
