"""The command line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import optuna
import pytest

import bonas
from bonas.cli import main


def test_help_needs_no_torch() -> None:
    """`bonas --help` answers at once: nothing heavy is imported."""
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
    picture = tmp_path / "front.png"
    arguments = ["demo", "--storage", storage, "--picture", str(picture), "--surrogate", "gp"]
    before = optuna.logging.get_verbosity()
    try:
        assert main([*arguments, "--budget", "2"]) == 0
        first = capsys.readouterr().out
        assert "2 networks were evaluated" in first
        assert picture.read_bytes()[:4] == b"\x89PNG"
        assert main([*arguments, "--budget", "3"]) == 0
        assert "3 networks were evaluated" in capsys.readouterr().out
        assert main(["front", "--storage", storage, "--study", "demo"]) == 0
        assert "accuracy [%]  latency [ms]" in capsys.readouterr().out
    finally:
        optuna.logging.set_verbosity(before)


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


def test_the_overhead_is_measured(capsys: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    try:
        assert main(["bench", "--trials", "12", "--surrogate", "random", "--repeats", "2"]) == 0
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
