"""Facts about the command line."""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from itertools import product
from pathlib import Path

import optuna
import pytest
from recorded_curves import write_curves

import bonas
from bonas.benchmarks.baselines import METHODS
from bonas.benchmarks.tables import FOLDER_PROBLEMS, PROBLEMS, Table
from bonas.cli import main, make_parser
from bonas.run import RunSettings

PAIRS = list(product(range(5), repeat=2))
BENCH_PARTS = ("run", "report", "html", "ask", "predict", "fidelity", "curves", "inherit")
BENCH = [["bench", part] for part in BENCH_PARTS]


def test_help_needs_no_torch() -> None:
    """Show the help at once: nothing heavy is imported."""
    code = (
        "import sys, bonas.cli\n"
        "try: bonas.cli.main(['--help'])\n"
        "except SystemExit: print('heavy' if 'torch' in sys.modules else 'light')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "demo" in done.stdout
    assert done.stdout.strip().endswith("light")


def test_the_demo_searches_draws_and_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage = f"sqlite:///{tmp_path / 'demo.db'}"
    picture, report = tmp_path / "front.png", tmp_path / "report.html"
    files = ["--picture", str(picture), "--report", str(report)]
    arguments = ["demo", "--storage", storage, *files, "--surrogate", "gp"]
    before = optuna.logging.get_verbosity()
    try:
        assert main([*arguments, "--budget", "2"]) == 0
        first = capsys.readouterr().out
        assert "2 networks were evaluated" in first
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert report.read_text(encoding="utf-8").startswith("<!doctype html>")
        assert main([*arguments, "--budget", "3"]) == 0
        assert "3 networks were evaluated" in capsys.readouterr().out
        assert main(["front", "--storage", storage, "--study", "demo"]) == 0
        assert "accuracy [%]  latency [ms]" in capsys.readouterr().out
    finally:
        optuna.logging.set_verbosity(before)


def help_of(command: Sequence[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the help of a command as one line."""
    with pytest.raises(SystemExit) as left:
        main([*command, "--help"])
    assert left.value.code == 0
    return " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("command", [["demo"], ["bench", "ask"], ["bench", "predict"]])
def test_help_lists_every_surrogate(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(command, capsys)
    (names,) = re.findall(r"(mixture, .*? or random)", text)
    assert set(re.split(r", | or ", names)) == set(bonas.studies.SURROGATES)


def test_the_docstring_of_optimize_lists_every_surrogate() -> None:
    text = " ".join(str(bonas.optimize.__doc__).split())
    (names,) = re.findall(r"The name of a surrogate \((.*?)\)", text)
    assert set(re.findall(r'"(\w+)"', names)) == set(bonas.studies.SURROGATES)


def test_the_help_of_a_worker_names_its_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(["worker"], capsys)
    settings = RunSettings()
    assert f"counts as dead (default: {settings.lease:g})" in text
    assert f"on this machine (default: {settings.n_jobs})" in text


@pytest.mark.parametrize(
    "command",
    [[], ["demo"], ["front"], ["worker"], ["rescue"], ["finalize"], ["report"], ["bench"], *BENCH],
    ids=lambda command: " ".join(command) or "bonas",
)
def test_every_argument_has_a_help_that_is_a_sentence(command: list[str]) -> None:
    parser = make_parser()
    for name in command:
        (choices,) = (a.choices for a in parser._actions if isinstance(a.choices, dict))
        parser = choices[name]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            texts = [part.help for part in action._choices_actions]
        elif isinstance(action, argparse._HelpAction | argparse._VersionAction):
            continue  # those of Python
        else:
            texts = [action.help]
        for text in texts:
            assert text is not None, action.dest
            assert text[0].isupper() or text.startswith("cifar10"), text
            assert text.endswith("."), text


def write_search(folder: Path) -> None:
    (folder / "own_search.py").write_text(
        "import bonas\n"
        "space = bonas.spaces.CellSpace(nodes=3)\n"
        "def evaluate(candidate): return {'accuracy': float(candidate.number)}\n"
        "search = bonas.Search(space, evaluate, {'accuracy': 'maximize'}, surrogate='random')\n"
    )


RULE = ["--stopping", "none"]


def test_a_worker_takes_its_options_from_a_file_and_the_command_line_overrides_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_search(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("worker.toml").write_text(
        'search = "own_search:search"\nstorage = "a.log"\nbudget = 2\nstudy = "own"\n'
    )
    assert main(["worker", "--config", "worker.toml"]) == 0
    assert capsys.readouterr().out == "own: front 1, best 1 %\n"
    assert main(["worker", "--config", "worker.toml", "--budget", "4"]) == 0
    assert capsys.readouterr().out == "own: front 1, best 3 %\n"
    assert main(["worker", "--config", "worker.toml", "--budget", "1ms", *RULE]) == 2
    assert "expected a budget as a number of evaluations or as a time" in capsys.readouterr().err
    assert main(["worker", "--config", "worker.toml", "--budget", "0.001s", *RULE]) == 0
    assert capsys.readouterr().out == "own: front 1, best 3 %\n"


@pytest.mark.parametrize(
    ("toml", "arguments", "message"),
    [
        ("", [], "a worker needs its search; see bonas worker --help"),
        ('search = "own_search:search"\nstorage = "a.log"\nstopping = "halfing"', [], "'halfing'"),
        ('search = "a:b"', [], "a worker needs its storage"),
        ("budgets = 2", [], "unknown option in worker.toml 'budgets'; expected one of 'budget'"),
        ("budget =", [], "cannot read worker.toml as TOML"),
        ('search = "own_search:no"\nstorage = "a.log"', [], "there is no 'no' in a module"),
        (
            'search = "own_search:search"\nstorage = "a.log"',
            [],
            "the study 'bonas' has no budget yet",
        ),
        (
            'search = "own_search:search"\nstorage = "a.log"\njobs = 0.5',
            [],
            "n_jobs must be a whole number of at least 1, got 0.5",
        ),
        (
            'search = "own_search:search"\nstorage = "a.log"',
            ["--lease", "-1"],
            "lease must be a positive number, got -1.0; give the seconds of silence",
        ),
    ],
)
def test_a_worker_that_cannot_begin_says_why(
    toml: str,
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    write_search(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("worker.toml").write_text(toml)
    assert main(["worker", "--config", "worker.toml", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_configuration_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["worker", "--config", "no-such.toml"]) == 2
    assert "cannot read no-such.toml as TOML" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["front", "--storage", "sqlite:///no-such.db"], "there is no file no-such.db"),
        (["demo", "--budget", "0", "--storage", "sqlite://"], "budget must be"),
        (["demo", "--surrogate", "oracle", "--storage", "sqlite://"], "unknown surrogate"),
    ],
)
def test_errors_are_one_line_and_exit_status_two(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = optuna.logging.get_verbosity()
    try:
        assert main(arguments) == 2
    finally:
        optuna.logging.set_verbosity(before)
    error = capsys.readouterr().err
    assert error.startswith("bonas: ")
    assert message in error
    assert error.count("\n") == 1


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """Register two problems of few rows."""
    rows = {(i, j): {"accuracy": float(i * j % 7), "latency": float(i)} for i, j in PAIRS}
    both = {"accuracy": "maximize", "latency": "minimize"}
    for name, objectives in {"tiny": {"accuracy": "maximize"}, "tiny-2": both}.items():
        table = Table.of(rows, parameters=["i", "j"], objectives=objectives, name=name)  # type: ignore[arg-type]  # literals
        monkeypatch.setitem(PROBLEMS, name, lambda table=table: table)


def test_a_benchmark_is_run_reported_and_gone_on_with(
    tiny: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    storage, out = ["--storage", str(tmp_path / "a.log")], tmp_path / "report"
    run = ["bench", "run", "--methods", "random", "local-search", "--problems", "tiny", "tiny-2"]
    assert main([*run, "--budget", "4", "--seeds", "2", *storage, "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out / "report.md")
    assert "4 full evaluations per run" in (out / "report.md").read_text()
    assert (out / "trace-tiny-2.png").exists()
    assert main([*run, "--budget", "7", "--seeds", "3", *storage, "--out", str(out)]) == 0
    again = ["bench", "report", *storage, "--out", str(tmp_path / "again")]
    assert main(again) == 0
    reports = [(folder / "report.md").read_text() for folder in (out, tmp_path / "again")]
    assert reports[0] == reports[1]
    assert main([*again, "--budget", "4", "--baseline", "local-search"]) == 0
    text = (tmp_path / "again" / "report.md").read_text()
    assert "4 full evaluations per run" in text
    assert "local-search is" in text


def test_a_benchmark_may_begin_at_another_seed_and_count_to_a_tolerance(
    tiny: None, tmp_path: Path
) -> None:
    out = tmp_path / "report"
    run = ["bench", "run", "--methods", "random", "--problems", "tiny", "--budget", "3"]
    fresh = ["--seeds", "2", "--first-seed", "60", "--within", "0.5"]
    where = ["--storage", str(tmp_path / "a.log"), "--out", str(out)]
    assert main([*run, *fresh, *where]) == 0
    text = (out / "report.md").read_text()
    assert "2 seeds (60, 61)" in text
    assert "Evaluations until a value this close to the optimum (3 where" in text


def test_what_can_be_compared_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["bench", "run", "--list"])
    assert left.value.code == 0
    out = capsys.readouterr().out
    for name in (*METHODS, *PROBLEMS, *FOLDER_PROBLEMS):
        assert f"  {name}" in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--methods", "best", "--problems", "tiny"], "unknown method 'best'"),
        (["run", "--methods", "random", "--problems", "big"], "unknown benchmark problem 'big'"),
        (["run", "--methods", "random", "--problems", "spikenas"], "pass the one that"),
        (["run", "--methods", "random", "--problems", "tiny", "--budget", "0"], "budget must be"),
        (["run", "--methods", "random", "--problems", "tiny", "--seeds", "-1"], "seeds must be"),
        (["run", "--methods", "random", "--problems", "tiny", "--jobs", "0"], "jobs must be"),
        (["report"], "there is no file"),
        (["scores", "--folder", ".", "--names", "flow"], "unknown score 'flow'"),
    ],
)
def test_a_benchmark_that_cannot_be_run_leaves_nothing_behind(
    arguments: list[str],
    message: str,
    tiny: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_baseline_that_was_not_run_is_named_before_anything_is_run(
    tiny: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    run = ["bench", "run", "--methods", "random", "--problems", "tiny", "--baseline", "bonas"]
    assert main(run) == 2
    assert "unknown baseline 'bonas'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("bonas.benchmarks.compare", interrupted)
    assert main(["bench", "run", "--methods", "random", "--problems", "tiny"]) == 130
    assert "the same command resumes from what is stored" in capsys.readouterr().err


def test_the_overhead_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    try:
        ask = ["bench", "ask", "--trials", "12", "--surrogate", "random", "--repeats", "2"]
        assert main(ask) == 0
    finally:
        optuna.logging.set_verbosity(before)
    out = capsys.readouterr().out
    assert "seconds per ask, surrogate random" in out
    assert out.splitlines()[-1].split()[0] == "12"


def test_everything_public_is_there() -> None:
    assert set(dir(bonas)) == set(bonas.__all__)
    for name in bonas.__all__:
        assert getattr(bonas, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'optimise'"):
        _ = bonas.optimise  # type: ignore[attr-defined]  # on purpose


def test_bench_curves_prints_a_row_per_rule(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = str(write_curves(tmp_path))
    given = ["--rules", "none", "halving", "--parts", "early", "--seeds", "2"]
    assert main(["bench", "curves", "--folder", folder, *given]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[:2] for row in rows[-2:]] == [["none", "2"], ["halving", "2"]]
