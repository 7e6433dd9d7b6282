"""Weights of trained networks, kept as one file per training.

A file is a plain ``state_dict`` on the CPU, which ``torch.load(path, weights_only=True)`` reads. It
appears under its name once it is complete, and names are unique. The user attribute ``WEIGHTS`` of
the trial holds its path.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import torch
from torch import Tensor, nn

from bonas.errors import InvalidArgument, InvalidData, MissingData
from bonas.settings import own_settings
from bonas.spaces.example import mapped

if TYPE_CHECKING:
    from bonas.evaluation.candidate import Candidate

WEIGHTS = "bonas:weights"
"""The trial's user attribute that holds the path of the file."""

Folder = str | os.PathLike[str]


def checked_folder(folder: object) -> Path:
    """Return the absolute path of a folder for weights, which need not exist yet.

    Raises:
        InvalidArgument: if it is not a path, or that of a file.
    """
    if not isinstance(folder, (str, os.PathLike)) or not str(folder):
        raise InvalidArgument(f"keep_weights must be the path of a folder, got {folder!r}")
    path = Path(os.fspath(folder)).absolute()
    if path.exists() and not path.is_dir():
        raise InvalidArgument(f"keep_weights must be the path of a folder, got the file {path}")
    return path


def keep_weights(candidate: Candidate, network: nn.Module, folder: Folder) -> Path:
    """Save the weights of a candidate's trained network in a folder, for ``candidate.trained``.

    ``ShortTraining(keep_weights=folder)`` calls it; your own evaluation may call it, too.

    Returns:
        The path of the file.
    """
    place = checked_folder(folder)
    place.mkdir(parents=True, exist_ok=True)
    path = place / f"trial-{candidate.number}-{uuid4().hex}.pt"
    write_weights(network, path)
    candidate.trial.set_user_attr(WEIGHTS, str(path))
    return path


def write_weights(network: nn.Module, path: Path) -> None:
    """Save the weights of a network as a file that appears once it is complete."""
    state = network.state_dict()
    write_tensors(mapped(lambda tensor: tensor.detach().to("cpu", copy=True), state), path)


def write_tensors(state: Any, path: Path) -> None:
    """Save tensors and plain values as a file that appears once it is complete.

    A file that is there is replaced at once: whoever reads it sees the earlier one or this.
    """
    partial = path.with_name(f"{path.stem}.{uuid4().hex}.part")
    try:
        with partial.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_weights(candidate: Candidate, network: nn.Module, folder: Folder | None) -> None:
    """Load the kept weights of a candidate into a network.

    Args:
        candidate: A candidate of a result.
        network: A network built from its choices.
        folder: Folder that holds the file now; None is where it was written.

    Raises:
        MissingData: if no weights were kept, or the file does not exist.
        InvalidData: if they belong to another network.
    """
    kept: object = candidate.trial.user_attrs.get(WEIGHTS)
    if not isinstance(kept, str):
        raise MissingData(
            f"expected weights that were kept of trial {candidate.number}, got none; evaluate with "
            "ShortTraining(keep_weights=folder), or train candidate.build() anew"
        )
    path = Path(kept) if folder is None else checked_folder(folder) / Path(kept).name
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise MissingData(
            f"expected the weights of trial {candidate.number} in {path}, got no such file; give "
            "the folder that holds it by trained(folder=...)"
        ) from error
    try:
        with own_settings():
            network.load_state_dict(state)
    except RuntimeError as error:
        raise InvalidData(
            f"expected weights of the network that the space builds for trial {candidate.number}, "
            f"got others in {path} ({error}); build must be as it was when they were trained"
        ) from error
