"""Facts about the progress bar."""

from __future__ import annotations

import optuna
import pytest
from candidates import OneNetwork
from optuna.trial import TrialState, create_trial
from torch import nn

from bonas import SearchResult
from bonas.evaluation import Objective
from bonas.progress import ProgressBar
from bonas.studies.budget import Budget

SPACE = OneNetwork(nn.Identity)


def searched(n: int) -> SearchResult:
    """Return the result of a study with ``n`` finished trials."""
    study = optuna.create_study(direction="maximize")
    found = SearchResult(study, SPACE, [Objective("accuracy", "maximize", "%")])
    for i in range(n):
        add(found, float(i))
    return found


def add(found: SearchResult, value: float) -> None:
    """Add a finished trial."""
    distributions = dict(SPACE.distributions)
    found.study.add_trial(
        create_trial(value=value, params={"which": "this"}, distributions=distributions)
    )


def test_the_bar_shows_what_is_evaluated_and_the_best(capsys: pytest.CaptureFixture[str]) -> None:
    found = searched(2)
    bar = ProgressBar(found, Budget(4), visible=True)
    add(found, 7.0)
    bar(found.study, found.study.trials[-1])
    bar.close()
    shown = capsys.readouterr().err
    assert "2/4" in shown
    assert "3/4" in shown
    assert "front 1, best 7 %" in shown


def test_the_bar_ends_at_the_budget(capsys: pytest.CaptureFixture[str]) -> None:
    found = searched(5)
    bar = ProgressBar(found, Budget(3), visible=True)
    bar(found.study, found.study.trials[-1])
    bar.close()
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "5/3" not in shown


def test_a_running_trial_does_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    found = searched(1)
    found.study.add_trial(create_trial(state=TrialState.RUNNING))
    bar = ProgressBar(found, Budget(3), visible=True)
    bar(found.study, found.study.trials[-1])
    bar.close()
    assert "2/3" not in capsys.readouterr().err


def test_a_hidden_bar_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    found = searched(1)
    bar = ProgressBar(found, Budget(3), visible=False)
    bar(found.study, found.study.trials[-1])
    bar.close()
    assert capsys.readouterr().err == ""
