"""Facts about drawings and notes that trials get while they run."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import optuna
import pytest
from lineages import OBJECTIVES, Widths
from optuna_dashboard import get_note

import bonas
from bonas.errors import InvalidArgument, MissingPackage
from bonas.evaluation import Candidate
from bonas.optuna_internals import id_of, id_of_trial, storage_of
from bonas.spaces import NASBench201
from bonas.studies import artifacts as module
from bonas.studies.artifacts import FILE

SPACE = NASBench201(channels=8, cells=1)


def run(
    folder: Any, evaluate: Any = None, budget: int = 3, space: Any = SPACE, **given: Any
) -> optuna.Study:
    """Return the study of a short search."""
    return bonas.optimize(
        space,
        budget,
        evaluate=evaluate or measured,
        objectives=OBJECTIVES,
        surrogate="random",
        progress=False,
        artifacts=folder,
        seed=0,
        **given,
    ).study


def measured(candidate: Candidate) -> dict[str, float]:
    return {"accuracy": 90.0 + candidate.number, "accuracy_sd": 0.25, "latency": 2.0}


def note_of(study: optuna.Study, number: int) -> str:
    """Return the note of a finished trial."""
    trial = study.trials[number]
    attributes = storage_of(study).get_study_system_attrs(id_of(study))
    prefix = f"dashboard:{id_of_trial(trial)}:note_str:"
    return "".join(text for name, text in attributes.items() if name.startswith(prefix))


def files_of(trial: optuna.trial.FrozenTrial) -> list[dict[str, Any]]:
    """Return what a trial says of its artifacts."""
    found = (text for name, text in trial.system_attrs.items() if name.startswith("artifacts:"))
    return [json.loads(text) for text in found]


def test_a_trial_has_a_drawing_and_named_values(tmp_path: Path) -> None:
    study = run(tmp_path / "new" / "folder")
    for trial in study.trials:
        (about,) = files_of(trial)
        assert (about["filename"], about["mimetype"]) == (FILE, "image/svg+xml")
        file = tmp_path / "new" / "folder" / about["artifact_id"]
        assert file.read_text(encoding="utf-8").lstrip().startswith("<svg")
        note = note_of(study, trial.number)
        path = f"/artifacts/{id_of(study)}/{id_of_trial(trial)}/{about['artifact_id']}"
        assert f"]({path})" in note
        assert rf"| accuracy | {90 + trial.number} ± 0\.25 % | – |" in note
        assert "| latency | 2 ms | – |" in note


def test_both_are_there_while_the_trial_runs(tmp_path: Path) -> None:
    seen = []

    def look(candidate: Candidate) -> dict[str, float]:
        trial: Any = candidate.trial
        seen.append((len(list(tmp_path.iterdir())), get_note(trial)))
        return measured(candidate)

    run(tmp_path, look, 1)
    ((files, note),) = seen
    assert files == 1
    assert "| accuracy | – | – |" in note


def test_nothing_is_drawn_or_noted_unless_asked_for(tmp_path: Path) -> None:
    study = run(None)
    assert all(files_of(trial) == [] for trial in study.trials)
    assert note_of(study, 0) == ""


def test_proposals_are_the_same_with_drawings(tmp_path: Path) -> None:
    with_drawings, without = run(tmp_path, budget=5), run(None, budget=5)
    assert [t.params for t in with_drawings.trials] == [t.params for t in without.trials]


def test_what_cannot_be_drawn_costs_one_warning_and_no_trial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(self: Candidate, *args: object, **kwargs: object) -> None:
        raise RuntimeError("no picture")

    monkeypatch.setattr(Candidate, "draw", broken)
    with caplog.at_level(logging.WARNING, logger="bonas"):
        study = run(tmp_path)
    assert [trial.values for trial in study.trials] == [[90.0 + i, 2.0] for i in range(3)]
    assert caplog.text.count("no picture") == 1
    assert note_of(study, 1).startswith("| objective | value | predicted |")


def test_a_failed_evaluation_keeps_its_drawing(tmp_path: Path) -> None:
    def fails(candidate: Candidate) -> dict[str, float]:
        if candidate.number == 1:
            raise RuntimeError("no luck")
        return measured(candidate)

    study = run(tmp_path, fails)
    assert [len(files_of(trial)) for trial in study.trials] == [1, 1, 1]


def test_workers_draw_too(tmp_path: Path) -> None:
    study = run(tmp_path / "a", budget=3, space=Widths(), n_jobs=2)
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    assert [len(files_of(trial)) for trial in done] == [1, 1, 1]


@pytest.mark.parametrize("given", ["", 5, True, b""])
def test_what_is_no_path_is_refused(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="artifacts must be the path of a folder"):
        run(given)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidArgument, match="cannot make the folder"):
        run(tmp_path / "file" / "folder")


def test_a_missing_package_is_said_before_the_search(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(MissingPackage, match=r"bonas\[dashboard\]"):
        run(tmp_path)
