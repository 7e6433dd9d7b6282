"""Checkpoint: a supernet in one file, which ``torch.load(path, weights_only=True)`` reads.

It holds tensors and one JSON text: the shared weights, the moments of the optimizer, how far the
training is, the scores that are known, and what all of these belong to. It is replaced as a whole,
so that a process may end at any moment.
"""

from __future__ import annotations

import json
import os
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from bonas.errors import CheckpointMismatch, InvalidArgument, InvalidData, MissingData
from bonas.evaluation.weights import write_tensors
from bonas.supernets.store import Store
from bonas.supernets.training.optimizer import States
from bonas.supernets.training.record import FitRecord, Progress
from bonas.supernets.training.scoring import InheritedScore
from bonas.supernets.training.state import State, key_of

if TYPE_CHECKING:
    from bonas.evaluation import ShortTraining
    from bonas.supernets.supernet import Supernet

FORMAT = 1
"""The version of the format that is written, and the only one that is read."""

_MAGIC = "bonas supernet"
_RECIPE = ("epochs", "batch_size", "optimizer", "learning_rate", "weight_decay", "schedule")
"""Settings of a training that decide how weights are trained, and not what a score means."""


@dataclass(frozen=True, slots=True)
class Belonging:
    """What shared weights belong to, as JSON values.

    Attributes:
        space: The description of the space.
        training: That of the training; empty without one.
        seed: Of the initial weights.
    """

    space: Mapping[str, Any]
    training: Mapping[str, Any]
    seed: int


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A training that is not at its end.

    Attributes:
        number: How many trainings of these weights went before.
        settings: What decides the training: rule, length and seed.
        at: How far it is.
        optimizer: Moments and counters of the shared weights.
    """

    number: int
    settings: Mapping[str, Any]
    at: Progress
    optimizer: States


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A supernet as a file holds it.

    Attributes:
        belonging: What it belongs to.
        weights: A key -> the shared tensor.
        kernels: A key -> how many of its last dimensions are a kernel's.
        trained: The keys of tensors that are trained.
        fits: The trainings that have ended.
        scores: Those that are known of these weights.
        loss_weights: Those of a loss that is trained along.
        unfinished: A training that has not ended.
        marked: A key -> the sides of what was trained, where a training has ended.
    """

    belonging: Belonging
    weights: Mapping[str, Tensor]
    kernels: Mapping[str, int]
    trained: Sequence[str]
    fits: Sequence[FitRecord] = ()
    scores: Sequence[InheritedScore] = ()
    loss_weights: Mapping[str, Tensor] = field(default_factory=dict)
    unfinished: Unfinished | None = None
    marked: Mapping[str, Sequence[int]] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file, complete or not at all."""
        rest = self.unfinished
        about: dict[str, Any] = {
            "bonas": sys.modules["bonas"].__version__,
            "torch": torch.__version__,
            "belonging": asdict(self.belonging),
            "shapes": {key: list(tensor.shape) for key, tensor in self.weights.items()},
            "kernels": dict(self.kernels),
            "trained": list(self.trained),
            "marked": {key: list(sides) for key, sides in self.marked.items()},
            "fits": [asdict(fit) for fit in self.fits],
            "scores": [asdict(score) for score in self.scores],
        }
        if rest is not None:
            about["unfinished"] = {
                "number": rest.number,
                "settings": dict(rest.settings),
                "at": asdict(rest.at),
            }
        state = {
            "magic": _MAGIC,
            "format": FORMAT,
            "about": json.dumps(about),
            "weights": _on_cpu(self.weights),
            "optimizer": {} if rest is None else {k: _on_cpu(x) for k, x in rest.optimizer.items()},
            "loss": _on_cpu(self.loss_weights),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        write_tensors(state, path)

    @classmethod
    def read(cls, path: Path) -> Checkpoint:
        """Read a file.

        Raises:
            MissingData: if it does not exist.
            InvalidData: if it is damaged, or something else.
            CheckpointMismatch: if it was written in another version of the format.
        """
        state = _loaded(path)
        about = json.loads(state["about"])
        weights = state["weights"]
        shapes = {key: list(tensor.shape) for key, tensor in weights.items()}
        if shapes != about["shapes"]:
            raise _damaged(path, "its tensors are not those that it describes")
        rest = about.get("unfinished")
        return cls(
            belonging=Belonging(**about["belonging"]),
            weights=weights,
            kernels=about["kernels"],
            trained=about["trained"],
            marked=about.get("marked", {}),
            fits=tuple(FitRecord(**fit) for fit in about["fits"]),
            scores=tuple(InheritedScore(**score) for score in about["scores"]),
            loss_weights=state["loss"],
            unfinished=rest
            and Unfinished(
                rest["number"],
                rest["settings"],
                Progress(**rest["at"]),
                state["optimizer"],
            ),
        )

    def restore(self, store: Store) -> None:
        """Put the weights into a store; what else it holds stays."""
        trained = set(self.trained)
        for key, tensor in self.weights.items():
            store.set(key, tensor.clone(), self.kernels[key], trained=key in trained)

    def check(self, path: Path, own: Belonging, *, recipe: bool) -> None:
        """Refuse a file of another space or training.

        Args:
            path: Where it is, for the error.
            own: What the supernet at hand belongs to; a training is compared if both have one.
            recipe: Whether the training's recipe must be the same, too.

        Raises:
            CheckpointMismatch: naming the first difference.
        """
        self._compare(path, "space", self.belonging.space, own.space)
        if self.belonging.training and own.training:
            kept, here = self.belonging.training, own.training
            left_out = ("epochs",) if recipe else _RECIPE
            parts = [{k: x for k, x in of.items() if k not in left_out} for of in (kept, here)]
            self._compare(path, "training", *parts)
        if recipe:
            self._compare(path, "supernet", {"seed": self.belonging.seed}, {"seed": own.seed})

    def _compare(self, path: Path, what: str, kept: object, here: object) -> None:
        found = difference(kept, json.loads(json.dumps(here)))
        if found is not None:
            name, before, now = found
            place = f"{name} is {before} there and {now} here" if name else f"{before}, not {now}"
            raise CheckpointMismatch(
                f"expected a checkpoint of this {what}, got another one's in {path}: {place}; "
                "give another path, or the settings with which it was written"
            )


def belonging_of(supernet: Supernet) -> Belonging:
    """Return what the weights of a supernet belong to."""
    training = {} if supernet.training is None else _described(supernet.training)
    return Belonging(supernet.space.describe(), training, supernet.seed)


def checkpoint_of(supernet: Supernet, unfinished: Unfinished | None = None) -> Checkpoint:
    """Return a supernet as a file holds it."""
    store = supernet.store
    return Checkpoint(
        belonging=belonging_of(supernet),
        weights={key: store[key].detach() for key in store},
        kernels={key: store.kernel(key) for key in store},
        trained=[key for key in store if store[key].requires_grad],
        fits=supernet.state.fits,
        scores=tuple(supernet.state.scores.values()),
        loss_weights=supernet.state.loss_weights,
        marked=supernet.store.marked,
        unfinished=unfinished,
    )


def adopt(supernet: Supernet, kept: Checkpoint) -> None:
    """Give a supernet the weights of a checkpoint, and what is known of them."""
    device = supernet.store.device
    kept.restore(supernet.store)
    supernet.store.marked = {key: tuple(sides) for key, sides in kept.marked.items()}
    supernet.state = State(
        fits=tuple(kept.fits),
        scores={key_of(score.choices): score for score in kept.scores},
        weights=supernet.store.digest(),
        loss_weights={name: x.to(device) for name, x in kept.loss_weights.items()},
    )


def _described(training: ShortTraining) -> Mapping[str, Any]:
    """Return the description of a training; each objective has the same one."""
    return next(iter(training.describe().values()))


def checked_path(path: object) -> Path:
    """Return the absolute path of a checkpoint, which need not exist.

    Raises:
        InvalidArgument: if it is not a path, or that of a folder.
    """
    if not isinstance(path, (str, os.PathLike)) or not str(path):
        raise InvalidArgument(f"checkpoint must be the path of a file, got {path!r}")
    absolute = Path(os.fspath(path)).absolute()
    if absolute.is_dir():
        raise InvalidArgument(f"checkpoint must be the path of a file, got the folder {absolute}")
    return absolute


def difference(kept: object, here: object, name: str = "") -> tuple[str, str, str] | None:
    """Return where two JSON values first differ, and both values there; None if they are equal.

    >>> difference({"a": {"b": [1, 2]}, "c": 3}, {"a": {"b": [1, 4]}, "c": 3})
    ('a.b', '[1, 2]', '[1, 4]')
    """
    if kept == here:
        return None
    if not (isinstance(kept, Mapping) and isinstance(here, Mapping)):
        return name, _text(kept), _text(here)
    for key in [*kept, *(key for key in here if key not in kept)]:
        inner = f"{name}.{key}" if name else str(key)
        if key not in kept or key not in here:
            texts = ["absent" if key not in of else _text(of[key]) for of in (kept, here)]
            return inner, texts[0], texts[1]
        if (found := difference(kept[key], here[key], inner)) is not None:
            return found
    return None


def _text(value: object) -> str:
    return textwrap.shorten(json.dumps(value), 200)


def _loaded(path: Path) -> dict[str, Any]:
    """Return what a file holds, of the right kind and version."""
    try:
        state: object = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise MissingData(
            f"expected a checkpoint of a supernet in {path}, got no such file; fit a supernet with "
            "checkpoint=..., or write one with save"
        ) from error
    except Exception as error:  # of many kinds: the file may hold anything
        raise _damaged(path, f"{type(error).__name__}: {error}") from error
    if not isinstance(state, dict) or state.get("magic") != _MAGIC:
        raise _damaged(path, "it holds something else")
    if state["format"] != FORMAT:
        raise CheckpointMismatch(
            f"expected a checkpoint in version {FORMAT} of the format, got version "
            f"{state['format']} in {path}; read it with the bonas that wrote it, or train anew"
        )
    return state


def _damaged(path: Path, why: str) -> InvalidData:
    return InvalidData(
        f"expected a checkpoint of a supernet, got another file in {path} ({why}); delete it, or "
        "give another path"
    )


def _on_cpu(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu() for name, tensor in tensors.items()}
