"""A small space, an evaluation that costs nothing, storages of three kinds, sudden deaths."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import InMemoryStorage

import bonas
from bonas.evaluation import Candidate
from bonas.spaces import ArchitectureGraph, Choices, ConditionalSpace
from bonas.studies.search import Search
from bonas.studies.storages.opening import open_storage

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}
KINDS = ("memory", "sqlite", "journal")


@dataclass(frozen=True)
class Widths(ConditionalSpace):
    """A layer of some width and kind, or several where ``depths`` are given."""

    widths: tuple[int, ...] = (8, 16, 32, 64)
    kinds: tuple[str, ...] = ("relu", "gelu", "tanh")
    scale: int = 1
    max_params: int | None = None

    @property
    def parameters(self) -> dict[str, tuple[Any, ...]]:  # type: ignore[override]  # made of fields
        return {"width": self.widths, "kind": self.kinds}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = ["input", f"linear{choices['width']}", str(choices["kind"]), "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(3)])

    def is_valid(self, choices: Choices) -> bool:
        return self.max_params is None or choices["width"] <= self.max_params


@dataclass(frozen=True)
class Measure:
    """Accuracy and latency by the width alone; ``epochs`` is described."""

    epochs: int = 1

    def describe(self) -> dict[str, Any]:
        return {"accuracy": {"epochs": self.epochs}, "latency": {"device": "cpu"}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        width = float(candidate.choices["width"])  # type: ignore[arg-type]  # a number
        return {"accuracy": 50.0 + width / 4, "latency": width, "extra": 1.0}


class Killed(BaseException):
    """Stands for the end of the process: nothing catches it."""


@contextmanager
def killed_after(monkeypatch: pytest.MonkeyPatch, storage: Any, writes: int) -> Iterator[None]:
    """The process dies when it has written so many times."""
    left = [writes]

    def dying(method: Any) -> Any:
        def write(*args: Any, **more: Any) -> Any:
            if left[0] == 0:
                raise Killed
            left[0] -= 1
            return method(*args, **more)

        return write

    names = ["create_new_study", "create_new_trial", "set_trial_state_values"]
    names += [f"set_{of}_{kind}_attr" for of in ("study", "trial") for kind in ("user", "system")]
    with monkeypatch.context() as patch:
        for name in names:
            patch.setattr(storage, name, dying(getattr(storage, name)))
        with suppress(Killed):
            yield


def deaths(kind: str, folder: Path, writes: int, one: int) -> Iterator[tuple[int, Any]]:
    """After 0 to ``writes - 1`` writes, or after ``one`` where that takes long; with a storage."""
    for number in range(writes) if kind == "memory" else (one,):
        own = folder / str(number)
        own.mkdir()
        yield number, open_storage(storage_of(kind, own))


def storage_of(kind: str, folder: Path) -> Any:
    """A fresh storage, as a user gives it."""
    if kind == "memory":
        return InMemoryStorage()
    return f"sqlite:///{folder / 'a.db'}" if kind == "sqlite" else str(folder / "a.log")


def searched(space: Any, n: int, storage: Any, **more: Any) -> bonas.SearchResult:
    given: dict[str, Any] = {
        "evaluate": Measure(),
        "objectives": OBJECTIVES,
        "surrogate": "random",
        "seed": 0,
        "progress": False,
        "study_name": "s",
        **more,
    }
    return bonas.optimize(space, n, storage=storage, **given)


def search_of(space: Any, **more: Any) -> Search:
    given: dict[str, Any] = {"evaluate": Measure(), "objectives": OBJECTIVES, **more}
    return Search(space, surrogate="random", **given)


def measured(study: optuna.Study) -> list[tuple[Any, ...]]:
    """What the finished trials hold, in their order."""
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return [(t.params["width"], t.params["kind"], *t.values) for t in done]
