"""Facts about the commands that train and judge a supernet."""

from __future__ import annotations

from pathlib import Path

import pytest

from bonas.cli import main

SEARCH = """
import bonas
from bonas.evaluation import ParameterCount, ShortTraining
space = bonas.spaces.MLPSpace(inputs=4, classes=3, depths=(1,), widths=(2, 4, 8, 16))
evaluate = [ShortTraining("iris", epochs=1), ParameterCount()]
shared_search = bonas.Search(space, evaluate, surrogate="random")
counted_search = bonas.Search(space, ParameterCount())
"""
FIT = ["supernet", "fit", "shared_iris:shared_search", "--out", "shared.pt", "--paths", "8"]
REPORT = ["supernet", "report", "shared_iris:shared_search", "--storage", "a.log", "--weights"]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "shared_iris.py").write_text(SEARCH)
    return tmp_path


def test_a_supernet_is_trained_once_and_judged_by_a_study(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(FIT) == 0
    said = capsys.readouterr().out
    assert said.startswith("8 paths in ")
    assert "weights in shared.pt" in said
    written = (folder / "shared.pt").read_bytes()
    assert main(FIT) == 0  # loaded, not trained again
    assert capsys.readouterr().out == said
    assert (folder / "shared.pt").read_bytes() == written
    worker = ["worker", "shared_iris:shared_search", "--storage", "a.log", "--budget", "6"]
    assert main(worker) == 0
    assert main([*REPORT, "shared.pt"]) == 0
    shown = capsys.readouterr().out
    assert "scores of 6 networks, beside what was measured of them" in shown
    assert "price: " in shown


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            [*FIT[:2], "shared_iris:counted_search", "--out", "a.pt"],
            "a search that trains networks",
        ),
        ([*FIT[:2], "shared_iris:no", "--out", "a.pt"], "there is no 'no' in a module"),
        ([*FIT, "--rule", "best"], "'best'"),
        ([*FIT[:4], ".", *FIT[5:]], "the path of a file"),
        ([*REPORT, "gone.pt"], "got no such file"),
    ],
)
def test_what_cannot_work_is_said_in_a_line(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
