"""Facts about the examples: they run."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import optuna
import pytest
from published_tables import needs_package

from bonas.errors import MissingData
from bonas.evaluation import load

EXAMPLES = Path(__file__).parents[1] / "examples"


def _run(path: Path) -> None:
    """Run a program, which may change what Optuna logs; undo that."""
    before = optuna.logging.get_verbosity()
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        optuna.logging.set_verbosity(before)


def test_a_space_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "perceptrons.py"
    monkeypatch.setattr(sys, "argv", [str(path), "--budget", "11"])
    runpy.run_path(str(path), run_name="__main__")
    assert "accuracy [%]" in capsys.readouterr().out


# two evaluations make no curve to lay out
@pytest.mark.filterwarnings("ignore:constrained_layout not applied")
def test_the_comparison_on_fashion_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        load("fashion-mnist")
    except MissingData as error:
        pytest.skip(str(error))
    path = EXAMPLES / "fashion_mnist.py"
    given = ["--budget", "2", "--seeds", "1", "--rows", "200"]
    monkeypatch.setattr(sys, "argv", [str(path), *given])
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(path), run_name="__main__")
    assert "latency" in (tmp_path / "fashion-report" / "report.md").read_text()


def test_searches_of_equal_time_on_fashion_mnist(tmp_path: Path) -> None:
    try:
        load("fashion-mnist")
    except MissingData as error:
        pytest.skip(str(error))
    given = ["--budget", "2", "--seeds", "0", "--rows", "150", "--epochs", "1"]
    command = [sys.executable, "-W", "ignore", str(EXAMPLES / "equal_time.py"), *given]
    methods = ["--methods", "random", "--out", str(tmp_path)]
    done = subprocess.run([*command, *methods], capture_output=True, text=True, check=True)
    assert "random-0.json: 2 trials" in done.stdout
    assert "trained in that time" in done.stdout


def test_a_study_of_many_trials_is_written_and_then_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "survival.py"
    given = ["large", "--trials", "12", "--surrogate", "random"]
    monkeypatch.setattr(sys, "argv", [str(path), *given, "--storage", str(tmp_path / "a.log")])
    before = optuna.logging.get_verbosity()
    try:
        for expected in ("12 trials were written; call again", "  ask 4: "):
            with pytest.raises(SystemExit) as left:
                runpy.run_path(str(path), run_name="__main__")
            assert not left.value.code
            assert expected in capsys.readouterr().out
    finally:
        optuna.logging.set_verbosity(before)


@needs_package
def test_short_trainings_are_counted_by_their_length(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "low_fidelity.py"
    given = ["--budget", "2", "--seeds", "1", "--known", "50", "--within", "50", "--storage"]
    monkeypatch.setattr(sys, "argv", [str(path), *given, str(tmp_path / "a.log")])
    _run(path)
    text = capsys.readouterr().out
    assert "nb201-cifar100: full trainings until within 50 %" in text
    best, *_ = (line for line in text.splitlines() if line.startswith("  50 short trainings"))
    assert "2.0 +  3.0 =    5.0" in best  # the best was not found in 2; 50 x 12 / 200


def test_searches_with_and_without_early_stopping(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "early_stopping.py"
    given = ["--rules", "none", "halving", "--budget", "2", "--epochs", "2", "--seeds", "0"]
    before = optuna.logging.get_verbosity()
    monkeypatch.setattr(sys, "argv", [str(path), *given])
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        optuna.logging.set_verbosity(before)
    assert "halving against none: +0.000 +- nan" in capsys.readouterr().out


def test_ensembles_are_compared_with_the_best_network(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "ensemble.py"
    options = ["--seeds", "2", "--networks", "3", "--epochs", "1", "--rows", "200"]
    monkeypatch.setattr(sys, "argv", [str(path), *options])
    runpy.run_path(str(path), run_name="__main__")
    printed = capsys.readouterr().out
    assert "ensemble, three sizes" in printed
    assert "mean of all - best by accuracy" in printed


def test_a_search_is_finished_by_a_test_score(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "finalize.py"
    given = ["--budget", "2", "--top-k", "2", "--epochs", "1", "--seeds", "1", "--out"]
    monkeypatch.setattr(sys, "argv", [str(path), *given, str(tmp_path)])
    runpy.run_path(str(path), run_name="__main__")
    assert "test accuracy" in capsys.readouterr().out
    assert (tmp_path / "finalists.png").is_file()


def test_one_supernet_serves_two_latencies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path = EXAMPLES / "once_for_all.py"
    given = ["--paths", "8", "--budget", "2", "--shares", "5", "9", "--epochs", "1", "--top-k", "1"]
    monkeypatch.setattr(sys, "argv", [str(path), *given, "--seeds", "1", "--out", str(tmp_path)])
    _run(path)
    printed = capsys.readouterr().out
    assert "supernet: 8 paths by the rule 'sandwich'" in printed
    assert printed.count("full trainings started from the weights of a supernet") == 2
    *_, header, first, second = printed.splitlines()
    assert header.startswith("target [ms]  latency [ms]  inherited loss  test accuracy")
    assert float(first.split()[0]) < float(second.split()[0])
