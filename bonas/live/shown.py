"""What Optuna's dashboard shows of a study besides what is stored: the front, notes, drawings.

The dashboard reads all of it from system attributes. These are made here, in a study in memory, by
the dashboard's own functions; nothing of it is stored in the study that is shown. Its code looks
through all system attributes once per trial, so there must be few: the figure is one, and few
trials get a note of their own, the fewer the more trials there are.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid5

import optuna
from optuna import Study
from optuna.storages import InMemoryStorage
from optuna.trial import FrozenTrial
from optuna_dashboard import save_note, save_plotly_graph_object
from optuna_dashboard._note import save_note_with_version  # save_note wants a trial that runs

from bonas.live.front_figure import front_figure
from bonas.live.notes import study_note, trial_note
from bonas.optuna_internals import id_of, id_of_trial, storage_of, study_system_attrs
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.spaces import Space
from bonas.studies.artifacts import FILE
from bonas.studies.proposing.observations import choices_of

_FIGURE = "bonas-front"
_NOTES = 200  # trials with a note of their own: the front, and then the latest
_LOOKS = 500_000  # of the dashboard at notes of trials that are not on the front
_OF_DRAWINGS = UUID("6f0e3f63-6c9b-4d0b-8a5e-1f4c0c1b7d11")
_KEPT = ("dashboard:", "artifacts:", "preference:", "study:", "constraints", "intersection:")
_NOTE = "dashboard:note_ver"
_PLOT = f"dashboard:plot_data:{_FIGURE}:"  # and the number of a part
ARTIFACT: Final = "artifacts:"
"""Before the id of an artifact: Optuna's attribute of what belongs to a study or a trial."""


@dataclass(frozen=True)
class Shown:
    """What is shown of a study.

    Attributes:
        attributes: System attributes that the study does not have.
        drawings: The id of a drawing -> the trial whose network it is.
    """

    attributes: Mapping[str, Any] = field(default_factory=dict)
    drawings: Mapping[str, FrozenTrial] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, space: Space | None) -> Shown:
        """Make what is shown of a study; ``space`` is what was searched, if known."""
        searched = Searched.of(study, space)
        scratch = optuna.create_study(storage=InMemoryStorage(), directions=study.directions)
        save_plotly_graph_object(scratch, front_figure(searched), graph_object_id=_FIGURE)
        if searched.is_of_bonas:
            save_note(scratch, study_note(searched))
        stored, drawings = study_system_attrs(study), {}
        for trial in _noted(searched):
            drawing = drawing_of(study, trial.frozen, space)
            if drawing is not None:
                drawings[drawing] = trial.frozen
            if f"dashboard:{id_of_trial(trial.frozen)}:note_ver" in stored:
                continue  # it was written while the trial ran, or by a person
            kept = stored_drawing(trial.frozen) or drawing
            path = f"/artifacts/{id_of(study)}/{id_of_trial(trial.frozen)}/{kept}" if kept else None
            text = trial_note(searched, trial, path)
            own, number = id_of(scratch), id_of_trial(trial.frozen)
            save_note_with_version(storage_of(scratch), own, number, 1, text)
        made = _with_one_plot(study_system_attrs(scratch))
        if _NOTE in stored:
            made = {name: x for name, x in made.items() if not name.startswith("dashboard:note_")}
        return cls(made, drawings)


def visible(system: Mapping[str, Any], shown: Shown | None) -> dict[str, Any]:
    """Return the system attributes of a study as the dashboard needs them: few."""
    kept = {name: value for name, value in system.items() if name.startswith(_KEPT)}
    return kept if shown is None else {**shown.attributes, **kept}


def drawing_of(study: Study, trial: FrozenTrial, space: Space | None) -> str | None:
    """Return the id of the drawing of a trial's network; None if it cannot be drawn."""
    if space is None or choices_of(trial, space) is None:
        return None
    return str(uuid5(_OF_DRAWINGS, f"{study.study_name}#{trial.number}"))


def stored_drawing(trial: FrozenTrial) -> str | None:
    """Return the id of the drawing that was stored while the trial ran; None if there is none."""
    for name, text in trial.system_attrs.items():
        if name.startswith(ARTIFACT) and isinstance(text, str):
            try:
                found = json.loads(text)
            except ValueError:
                continue
            if isinstance(found, dict) and found.get("filename") == FILE:
                return name.removeprefix(ARTIFACT)
    return None


def described(drawing: str) -> str:
    """Return what Optuna stores of an artifact, for a drawing."""
    about = {"artifact_id": drawing, "filename": FILE, "mimetype": "image/svg+xml"}
    return json.dumps({**about, "encoding": None})


def _with_one_plot(made: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes in which the figure, cut into parts for databases, is whole again."""
    parts = {int(name.removeprefix(_PLOT)): x for name, x in made.items() if name.startswith(_PLOT)}
    others = {name: x for name, x in made.items() if not name.startswith(_PLOT)}
    return {**others, f"{_PLOT}0": "".join(parts[i] for i in sorted(parts))}


def _noted(searched: Searched) -> list[SearchedTrial]:
    """Return the trials that get a note: the front, and the latest."""
    front = list(searched.front[:_NOTES])
    known = {trial.number for trial in front}
    rest = max(0, min(_NOTES, _LOOKS // max(1, len(searched.trials))) - len(front))
    latest = [t for t in reversed(searched.trials) if t.number not in known][:rest]
    return front + latest
