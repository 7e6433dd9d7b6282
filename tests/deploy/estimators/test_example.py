from __future__ import annotations

import runpy
import sys
from pathlib import Path

import optuna
import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "estimators.py"


# scikit-learn's perceptron may need more than its thousand epochs
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer:sklearn.exceptions.ConvergenceWarning")
def test_the_example_compares_the_methods(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", "diabetes", "--budget", "1", "--epochs", "1", "--seeds", "2"]
    monkeypatch.setattr(sys, "argv", [str(EXAMPLE), *given])
    before = optuna.logging.get_verbosity()
    try:
        runpy.run_path(str(EXAMPLE), run_name="__main__")
    finally:
        optuna.logging.set_verbosity(before)
    assert "diabetes, tpe: " in capsys.readouterr().out
