"""A drawing and a note of each trial for Optuna's dashboard, made while the trial runs.

Optuna takes artifacts of running trials only. A drawing is a file in a folder, and the trial says
which; a note is stored in the study. What goes wrong here costs a warning, and no evaluation.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from os import PathLike
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from optuna.artifacts import FileSystemArtifactStore, upload_artifact
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import Trial

from bonas.arguments import is_number
from bonas.errors import InvalidArgument, MissingPackage, StorageUnavailable
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import Objective
from bonas.markdown import table
from bonas.optuna_internals import id_of, id_of_trial, read_afresh
from bonas.settings import own_settings
from bonas.studies.predictions import Prediction, prediction_of
from bonas.studies.records import SD

FILE = "network.svg"
"""The name of a drawing among a trial's artifacts."""
_DIGITS = 4
_logger = logging.getLogger(__name__)


def check_folder(folder: object) -> None:
    """Check that drawings and notes can be kept.

    Raises:
        InvalidArgument: for something that is no path.
        MissingPackage: without the extra ``dashboard``.
    """
    if folder is None:
        return
    if not isinstance(folder, (str, PathLike)) or not os.fspath(folder):
        raise InvalidArgument(
            f"artifacts must be the path of a folder, or None for no drawings, got {folder!r}"
        )
    if find_spec("optuna_dashboard") is None:
        raise MissingPackage(
            'artifacts need the package optuna-dashboard; pip install "bonas[dashboard]"'
        )


class Artifacts:
    """Draws the networks of one worker, and writes their notes.

    Args:
        folder: Where drawings are kept; it is made if it is missing.
        objectives: Of the study.

    Raises:
        InvalidArgument: if the folder cannot be made.
    """

    def __init__(self, folder: str | PathLike[str], objectives: Sequence[Objective]) -> None:
        self._objectives = tuple(objectives)
        self._is_warned = False
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidArgument(
                f"cannot make the folder {folder} for artifacts: {error.strerror or error}; "
                "choose a folder that can be written"
            ) from error
        self._store = FileSystemArtifactStore(os.fspath(folder))
        self._paths: dict[int, str] = {}  # the number of a trial -> its drawing on the server

    @classmethod
    def of(
        cls, folder: str | PathLike[str] | None, objectives: Sequence[Objective]
    ) -> Artifacts | None:
        """Return what keeps drawings in a folder; None if there is none."""
        return None if folder is None else cls(folder, objectives)

    def begin(self, candidate: Candidate) -> None:
        """Draw the network of a trial that begins, and note what is expected of it."""
        trial = candidate.trial
        if isinstance(trial, Trial):
            self._guarded(lambda: self._draw(candidate, trial))
            self._guarded(lambda: self._note(trial, {}))

    def end(self, candidate: Candidate, values: Mapping[str, float]) -> None:
        """Note what was measured, before the trial is finished."""
        trial = candidate.trial
        if isinstance(trial, Trial):
            self._guarded(lambda: self._note(trial, values))
            self._paths.pop(trial.number, None)

    def _draw(self, candidate: Candidate, trial: Trial) -> None:
        with TemporaryDirectory() as place:
            file = Path(place) / FILE
            with own_settings(), torch.random.fork_rng(devices=[]):
                file.write_text(candidate.draw().svg, encoding="utf-8")
            found = upload_artifact(
                artifact_store=self._store,
                file_path=str(file),
                study_or_trial=trial,
                mimetype="image/svg+xml",
            )
        study = id_of(trial.study)
        self._paths[trial.number] = f"/artifacts/{study}/{id_of_trial(trial)}/{found}"

    def _note(self, trial: Trial, values: Mapping[str, float]) -> None:
        from optuna_dashboard import save_note

        path = self._paths.get(trial.number)
        drawing = f"![the network of trial {trial.number}]({path})" if path else ""
        names = [objective.name for objective in self._objectives]
        expected = prediction_of(read_afresh(trial.study, trial), names)
        rows = [self._row(objective, values, expected) for objective in self._objectives]
        text = table(["objective", "value", "predicted"], rows)
        save_note(trial, f"{text}\n\n{drawing}".strip())

    @staticmethod
    def _row(
        objective: Objective, values: Mapping[str, float], expected: Prediction | None
    ) -> list[str]:
        name, unit = objective.name, f" {objective.unit}" if objective.unit else ""
        measured = _with_spread(values.get(name), values.get(name + SD))
        predicted = "" if expected is None else _with_spread(expected.mean[name], expected.sd[name])
        return [name, *(f"{text}{unit}" if text else "–" for text in (measured, predicted))]

    def _guarded(self, work: Callable[[], None]) -> None:
        """Do what an evaluation must not fail for."""
        try:
            work()
        except StorageUnavailable:
            raise
        except UpdateFinishedTrialError:
            pass  # the trial was released
        except Exception as error:
            level = logging.DEBUG if self._is_warned else logging.WARNING
            self._is_warned = True
            what = f"{type(error).__name__}: {error}"
            _logger.log(level, "a trial has no drawing or note (%s); the search goes on", what)


def _with_spread(value: object, sd: object) -> str:
    """Return a value with its standard deviation; empty where there is none."""
    if not is_number(value):
        return ""
    return f"{value:.{_DIGITS}g}" + (f" ± {sd:.2g}" if is_number(sd) else "")
