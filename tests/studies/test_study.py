"""Studies are found again by name, and refused when they are about something else."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from bonas.errors import BonasError, StorageUnavailable, StudyMismatch
from bonas.evaluation import ACCURACY, LATENCY, Objective
from bonas.studies import ArchitectureSampler, open_study, outcomes
from bonas.studies.records import ERROR
from bonas.studies.running import trials
from bonas.studies.study import load_study

SAMPLER = ArchitectureSampler(surrogate="random", seed=0)
BOTH = (ACCURACY, LATENCY)


def _open(
    path: Path, objectives: tuple[Objective, ...] = BOTH, **description: object
) -> optuna.Study:
    return open_study(f"sqlite:///{path}", "s", objectives, description, SAMPLER)


def test_a_study_is_found_again(tmp_path: Path) -> None:
    first = _open(tmp_path / "a.db", depth=3)
    first.add_trial(optuna.create_trial(values=[90.0, 2.0]))
    again = _open(tmp_path / "a.db", depth=3)
    assert len(again.trials) == 1
    assert again.metric_names == ["accuracy", "latency"]


def test_a_stored_study_tells_its_objectives(tmp_path: Path) -> None:
    _open(tmp_path / "a.db")
    study, objectives = load_study(f"sqlite:///{tmp_path / 'a.db'}", "s")
    assert study.study_name == "s"
    assert objectives == BOTH


@pytest.mark.parametrize(
    ("objectives", "description", "message"),
    [
        (BOTH, {"depth": 4, "space": "Cells"}, r"depth was 3, now 4"),
        (BOTH, {"depth": 3}, r"space is missing \(it was 'Cells'\)"),
        (BOTH, {"depth": 3, "space": "Cells", "width": 8}, r"width is new \(8\)"),
        ((ACCURACY,), {"depth": 3, "space": "Cells"}, r"objectives.latency is missing"),
        (
            (ACCURACY, Objective("latency", "maximize")),
            {"depth": 3, "space": "Cells"},
            r"objectives.latency was 'minimize', now 'maximize'",
        ),
        ((LATENCY, ACCURACY), {"depth": 3, "space": "Cells"}, r"objectives were in the order"),
    ],
)
def test_another_search_is_refused_with_what_differs(
    tmp_path: Path, objectives: tuple[Objective, ...], description: dict[str, object], message: str
) -> None:
    _open(tmp_path / "a.db", depth=3, space="Cells")
    with pytest.raises(StudyMismatch, match=message):
        _open(tmp_path / "a.db", objectives, **description)


def test_a_study_of_another_program_is_joined_only_if_it_goes_the_same_way(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    optuna.create_study(study_name="s", storage=url, directions=["minimize", "minimize"])
    with pytest.raises(StudyMismatch, match=r"directions \['minimize', 'minimize'\]"):
        _open(tmp_path / "a.db")
    optuna.create_study(study_name="t", storage=url, directions=["maximize", "minimize"])
    assert open_study(url, "t", BOTH, {}, SAMPLER).study_name == "t"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite:////no/such/folder/a.db", "unable to open database file"),
        ("not a url", "cannot open the storage"),
        ("postgresql://me:secret@localhost:1/db", "cannot open the storage postgresql://me:"),
        ("nosuchdb://localhost/db", "cannot open the storage"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_explained_without_its_password(
    url: str, message: str
) -> None:
    with pytest.raises(StorageUnavailable) as caught:
        open_study(url, "s", BOTH, {}, SAMPLER)
    assert message in str(caught.value)
    assert "secret" not in str(caught.value)


def test_looking_makes_no_database(tmp_path: Path) -> None:
    with pytest.raises(StorageUnavailable, match="there is no file"):
        load_study(f"sqlite:///{tmp_path / 'none.db'}", "s")
    assert not (tmp_path / "none.db").exists()


def test_a_study_that_is_not_there_is_told_with_those_that_are(tmp_path: Path) -> None:
    _open(tmp_path / "a.db")
    with pytest.raises(StudyMismatch, match=r"no study 't' in .*; there are \['s'\]"):
        load_study(f"sqlite:///{tmp_path / 'a.db'}", "t")


def _asked(study: optuna.Study) -> optuna.trial.Trial:
    return study.ask({"x": optuna.distributions.FloatDistribution(0.0, 1.0)})


def test_the_budget_counts_what_was_evaluated(tmp_path: Path) -> None:
    study = _open(tmp_path / "a.db")
    trials.complete(
        study,
        _asked(study),
        {"latency": 1.0, "accuracy": 9.0, "more": 5.0},
        ["accuracy", "latency"],
    )
    trials.fail(study, _asked(study), ValueError("no memory"))
    _asked(study)
    assert outcomes.evaluated(study) == 2
    assert study.trials[0].values == [9.0, 1.0]
    assert study.trials[0].user_attrs["more"] == 5.0
    assert "ValueError: no memory" in str(ERROR.read(study.trials[1]))


def test_every_error_is_of_one_family() -> None:
    assert issubclass(StudyMismatch, BonasError)
    assert issubclass(StorageUnavailable, BonasError)
