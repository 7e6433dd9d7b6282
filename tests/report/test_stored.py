"""Facts about reports of stored studies, by the command and by name."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from shown_results import evaluate, family

import bonas
from bonas.cli import main
from bonas.errors import InvalidArgument, StudyMismatch
from bonas.report.stored import named_space, stored_report
from bonas.spaces import CellSpace

SPACE = CellSpace(nodes=3, channels=4, cells=1, stages=1)


@pytest.fixture
def storage(tmp_path: Path) -> str:
    """Return a storage with a study of a space of bonas, one of the user's, and one of Optuna."""
    address = f"sqlite:///{tmp_path / 'studies.db'}"
    ways = {"speed": "maximize", "accuracy": "maximize"}
    given = {"surrogate": "random", "progress": False, "storage": address, "seed": 0}
    bonas.optimize(
        SPACE,
        3,
        evaluate=lambda c: {"accuracy": 1.0 * c.number},
        objectives={"accuracy": "maximize"},
        study_name="cells",
        **given,  # type: ignore[arg-type]  # of several types
    )
    bonas.optimize(family, 3, evaluate=evaluate, objectives=ways, study_name="own", **given)  # type: ignore[arg-type]  # as above
    other = optuna.create_study(storage=address, study_name="optuna's")
    other.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=3)
    return address


def test_a_space_of_bonas_is_drawn_without_being_given(storage: str) -> None:
    assert stored_report(storage, "cells").searched.space == SPACE
    assert 'class="drawing"' in stored_report(storage, "cells").html()


def test_a_space_of_the_user_is_drawn_once_it_is_given(storage: str) -> None:
    assert "give it, as in bonas report --space" in stored_report(storage, "own").html()
    assert 'class="drawing"' in stored_report(storage, "own", "shown_results:family").html()


def test_a_study_of_optuna_has_a_report(storage: str) -> None:
    assert "Another program made this study" in stored_report(storage, "optuna's").html()


def test_another_space_is_refused(storage: str) -> None:
    with pytest.raises(StudyMismatch, match="expected the space of the study 'cells', got another"):
        stored_report(storage, "cells", "shown_results:family")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("shown_results", "expected module:name"),
        ("no_such_module:x", "there is no 'x' in a module"),
        ("shown_results:RESULT", "to be or make a bonas.Space or a bonas.Search, got"),
    ],
)
def test_a_space_that_is_none_is_refused(reference: str, message: str) -> None:
    with pytest.raises(InvalidArgument, match=message):
        named_space(reference)


def test_the_command_writes_a_file(
    storage: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a report.html"
    assert main(["report", "--storage", storage, "--study", "cells", "--out", str(out)]) == 0
    assert capsys.readouterr().out.strip() == str(out)
    assert "Best accuracy" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--study", "none"], "there are ['cells', \"optuna's\", 'own']"),
        (["--study", "cells", "--out", "no/such/folder.html"], "in a folder that exists"),
        (["--study", "cells", "--out", "."], "got the folder ."),
        (["--study", "cells", "--space", "x"], "expected module:name"),
    ],
)
def test_a_report_that_cannot_be_written_says_why(
    arguments: list[str], message: str, storage: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", "--storage", storage, *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_missing_storage_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--storage", f"sqlite:///{tmp_path}/none.db"]) == 2
    assert "there is no file" in capsys.readouterr().err
