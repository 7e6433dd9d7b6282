"""What the choice of a final network stores: trainings, their weights, openings of the test rows.

Of the study, all user attributes, each under a key of its own, so that nothing is written over:

=================================  =================================================================
``bonas:final``                    ``id``, by which a folder of weights names the study
``bonas:retrained:<digest>``       one finished training: ``file`` of its weights in the folder,
                                   ``scores`` on the validation rows, ``seconds``; or ``error``
``bonas:measured_again:<digest>``  cheap objectives of a finalist, measured anew
``bonas:test_opened:<time>-<id>``  one opening of the test rows: the ``plan``, the trial that was
                                   ``chosen`` before, and ``scores``, which follow
=================================  =================================================================

A digest depends on all that decides a training: parameters, number, rows, epochs, seed and recipe.
The record is written after the weights are complete, and an opening before a test row is read.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from optuna import Study
from torch import nn

from bonas.arguments import is_number
from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.evaluation import Candidate
from bonas.evaluation.weights import Folder, write_weights
from bonas.settings import own_settings

_FINAL = "bonas:final"
_RETRAINED = "bonas:retrained:"
_MEASURED = "bonas:measured_again:"
_OPENED = "bonas:test_opened:"
_MARKER = "finalists.json"  # names the study in the folder


@dataclass(frozen=True, slots=True)
class StoredTraining:
    """A finished training, as a study holds it.

    Attributes:
        path: Of its weights; None where the training failed.
        scores: An objective's name -> its value on the validation rows; empty if they were trained
            on.
        seconds: Wall time of the training.
        error: Why it failed; empty where it did not.
    """

    path: Path | None
    scores: Mapping[str, float]
    seconds: float
    error: str = ""


@dataclass(frozen=True, slots=True)
class Opening:
    """One opening of the test rows.

    Attributes:
        key: Of the study's attribute.
        at: When, in UTC.
        plan: What was compared, as JSON values.
        chosen: The number of the trial that was chosen before.
        scores: ``"<trial>:<rows>"`` -> ``values`` per seed and ``rows_half_width``; None before
            they are known.
    """

    key: str
    at: str
    plan: Mapping[str, Any]
    chosen: int
    scores: Mapping[str, Mapping[str, Any]] | None


class FinalRecord:
    """What one study holds of its final networks, and the folder of their weights.

    Args:
        study: The study.
        folder: For the weights; created with the first of them.

    Raises:
        InvalidArgument: if the folder is a file, or belongs to something else.
    """

    def __init__(self, study: Study, folder: Folder) -> None:
        self.study = study
        self.folder = _checked_folder(folder, self._id())

    def training(self, digest: str) -> StoredTraining | None:
        """Return a finished training; None if there is none, or its weights are gone."""
        found = self._mapping(_RETRAINED + digest)
        if found is None:
            return None
        error, file = str(found.get("error", "")), found.get("file")
        if error:
            return StoredTraining(None, {}, 0.0, error)
        if not isinstance(file, str) or not (self.folder / file).is_file():
            return None
        scores = {n: v for n, v in dict(found.get("scores", {})).items() if is_number(v)}
        return StoredTraining(self.folder / file, scores, float(found.get("seconds", 0.0)))

    def add_training(
        self,
        digest: str,
        network: nn.Module,
        name: str,
        scores: Mapping[str, float],
        seconds: float,
    ) -> StoredTraining:
        """Keep the weights of a training, and then store that it is finished."""
        self._mark()
        path = self.folder / f"{name}-{uuid4().hex[:8]}.pt"
        write_weights(network, path)
        stored = {"file": path.name, "scores": dict(scores), "seconds": seconds}
        self.study.set_user_attr(_RETRAINED + digest, stored)
        return StoredTraining(path, scores, seconds)

    def add_failure(self, digest: str, error: Exception) -> StoredTraining:
        """Store that a training failed; it would fail again."""
        text = f"{type(error).__name__}: {error}"
        self.study.set_user_attr(_RETRAINED + digest, {"error": text})
        return StoredTraining(None, {}, 0.0, text)

    def measured(self, digest: str) -> dict[str, float] | None:
        """Return what was measured again of a finalist; None if nothing was."""
        found = self._mapping(_MEASURED + digest)
        return None if found is None else {n: float(v) for n, v in found.items() if is_number(v)}

    def add_measured(self, digest: str, values: Mapping[str, float]) -> None:
        """Store what was measured again."""
        self.study.set_user_attr(_MEASURED + digest, dict(values))

    @property
    def openings(self) -> list[Opening]:
        """All openings of the test rows, the first one first."""
        found = []
        for key in sorted(key for key in self.study.user_attrs if key.startswith(_OPENED)):
            stored = self._mapping(key) or {}
            plan, chosen = stored.get("plan"), stored.get("chosen")
            scores = stored.get("scores")
            found.append(
                Opening(
                    key,
                    str(stored.get("at", "")),
                    plan if isinstance(plan, dict) else {},
                    chosen if isinstance(chosen, int) else -1,
                    scores if isinstance(scores, dict) else None,
                )
            )
        return found

    def open(self, plan: Mapping[str, Any], chosen: int) -> Opening:
        """Store that the test rows are about to be read."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        opening = Opening(f"{_OPENED}{at}-{uuid4().hex[:8]}", at, plan, chosen, None)
        self._write(opening)
        return opening

    def close(self, opening: Opening, scores: Mapping[str, Mapping[str, Any]]) -> Opening:
        """Store what the networks scored on the test rows."""
        done = Opening(opening.key, opening.at, opening.plan, opening.chosen, scores)
        self._write(done)
        return done

    def _write(self, opening: Opening) -> None:
        stored = {"at": opening.at, "plan": dict(opening.plan), "chosen": opening.chosen}
        if opening.scores is not None:
            stored["scores"] = {name: dict(score) for name, score in opening.scores.items()}
        self.study.set_user_attr(opening.key, stored)

    def _mapping(self, key: str) -> dict[str, Any] | None:
        stored: object = self.study.user_attrs.get(key)
        return stored if isinstance(stored, dict) else None

    def _id(self) -> str:
        stored = self._mapping(_FINAL)
        if stored is None or not isinstance(stored.get("id"), str):
            self.study.set_user_attr(_FINAL, {"id": uuid4().hex})
            stored = self._mapping(_FINAL) or {}  # if two processes begin at once: the later one's
        return str(stored["id"])

    def _mark(self) -> None:
        """Create the folder with the file that names the study."""
        self.folder.mkdir(parents=True, exist_ok=True)
        marker = self.folder / _MARKER
        if not marker.is_file():
            text = json.dumps({"study": self.study.study_name, "id": self._id()})
            part = marker.with_suffix(".part")
            part.write_text(text)
            part.replace(marker)


def digest_of(values: Mapping[str, Any]) -> str:
    """Return 16 characters that depend on JSON values."""
    text = json.dumps(values, sort_keys=True, default=str)
    return blake2b(text.encode(), digest_size=8).hexdigest()


def network_of(candidate: Candidate, path: Path) -> nn.Module:
    """Build the network of a candidate with the weights of a file, in evaluation mode.

    Raises:
        MissingData: if the file is gone.
        InvalidData: if it holds other weights.
    """
    with own_settings(), torch.random.fork_rng(devices=[]):
        network = candidate.build()
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        with own_settings():
            network.load_state_dict(state)
    except FileNotFoundError as error:
        raise MissingData(
            f"expected the weights of trial {candidate.trial.number} in {path}, got no such file; "
            "give the folder that holds them now: bonas.finalize(result, folder=...)"
        ) from error
    except Exception as error:
        raise InvalidData(
            f"expected weights of the network of trial {candidate.trial.number}, got "
            f"{type(error).__name__} in {path} ({error}); remove the file and finalize again"
        ) from error
    return network.eval()


def _checked_folder(folder: object, study_id: str) -> Path:
    if not isinstance(folder, (str, Path)) or not str(folder):
        raise InvalidArgument(f"folder must be the path of a folder, got {folder!r}")
    path = Path(folder).absolute()
    if path.exists() and not path.is_dir():
        raise InvalidArgument(f"folder must be the path of a folder, got the file {path}")
    marker = path / _MARKER
    if not marker.is_file():
        others = [] if not path.is_dir() else [p for p in path.iterdir() if p.suffix != ".part"]
        if others:
            raise InvalidArgument(
                f"expected a new or empty folder for the weights, got {path} with "
                f"{sorted(p.name for p in others)[:3]}; choose another by folder=..."
            )
        return path
    try:
        found: object = json.loads(marker.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("id") != study_id:
        owner = found.get("study") if isinstance(found, dict) else "something else"
        raise InvalidArgument(
            f"expected a folder of this study's networks, got {path}, which holds those of another "
            f"one ({owner!r}); choose another by folder=..."
        )
    return path
