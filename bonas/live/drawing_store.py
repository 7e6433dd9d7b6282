"""An artifact store of Optuna that draws networks when they are asked for."""

from __future__ import annotations

import io
from os import PathLike
from typing import BinaryIO

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound

from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.live.overlay import Overlay


class DrawingStore:
    """The drawings of an overlay, and the files of a folder.

    Args:
        overlay: Knows which drawing is of which trial.
        folder: Where other artifacts are; None for nowhere.
    """

    def __init__(self, overlay: Overlay, folder: str | PathLike[str] | None) -> None:
        self._overlay = overlay
        self._files = None if folder is None else FileSystemArtifactStore(str(folder))

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """Return the content of an artifact.

        Raises:
            ArtifactNotFound: if there is none of that id.
        """
        drawn = self._overlay.drawn_trial(artifact_id)
        if drawn is not None:
            space, trial = drawn
            return io.BytesIO(Candidate.of(space, trial).draw().svg.encode())
        if self._files is None:
            raise ArtifactNotFound(f"there is no artifact {artifact_id}")
        return self._files.open_reader(artifact_id)

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Store an artifact in the folder.

        Raises:
            InvalidArgument: without a folder.
        """
        if self._files is None:
            raise InvalidArgument("there is no folder for artifacts; start with --artifacts FOLDER")
        self._files.write(artifact_id, content_body)

    def remove(self, artifact_id: str) -> None:
        """Remove an artifact from the folder.

        Raises:
            ArtifactNotFound: if it is not there.
        """
        if self._files is None:
            raise ArtifactNotFound(f"there is no artifact {artifact_id}")
        self._files.remove(artifact_id)
