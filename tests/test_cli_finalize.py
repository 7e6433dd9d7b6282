"""Facts about the command that finishes a search."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonas.cli import main

SEARCH = """
import bonas
from bonas.evaluation import ParameterCount, ShortTraining
space = bonas.spaces.MLPSpace(inputs=4, classes=3, depths=(1,), widths=(2, 4, 8))
evaluate = [ShortTraining("iris", epochs=1), ParameterCount()]
final_search = bonas.Search(space, evaluate, surrogate="random")
other_search = bonas.Search(space, ShortTraining("iris", epochs=2))
"""
FINALIZE = ["finalize", "searched_iris:final_search", "--storage", "a.log", "--epochs", "2"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "searched_iris.py").write_text(SEARCH)
    worker = ["worker", "searched_iris:final_search", "--storage", "a.log", "--budget", "4"]
    assert main(worker) == 0
    return tmp_path


def test_a_stored_search_is_finished(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    limit = ["--top-k", "1", "--seeds", "1", "--constraint", "parameters", "<= 1000"]
    assert main([*FINALIZE, *limit, "--out", "final"]) == 0
    shown = capsys.readouterr().out
    assert "test accuracy" in shown
    assert "trained for 2 epochs on training and validation rows, seeds: 1" in shown
    assert (folder / "final" / "finalists.png").is_file()
    assert main([*FINALIZE, *limit, "--out", "final"]) == 0
    assert capsys.readouterr().out == shown
    assert main([*FINALIZE, "--seeds", "2", "--out", "final"]) == 2
    assert "reopen_test=True" in capsys.readouterr().err
    assert main([*FINALIZE, "--seeds", "2", "--out", "final", "--reopen-test"]) == 0
    assert "the test rows were opened 2 times" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["finalize", "searched_iris:no", "--storage", "a.log"], "there is no 'no' in a module"),
        (["finalize", "searched_iris:other_search", "--storage", "a.log"], "something else: "),
        ([*FINALIZE, "--study", "no"], "there is no study 'no' in a.log"),
        ([*FINALIZE, "--out", "."], "expected a new or empty folder"),
        ([*FINALIZE, "--constraint", "parameters", "ten"], "expected the bounds of 'parameters'"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    assert message in capsys.readouterr().err
