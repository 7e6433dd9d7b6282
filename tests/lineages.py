"""A small space, a free evaluation, storages of three kinds, and crashes at any write."""

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
from bonas.studies import open_study
from bonas.studies.search import Search
from bonas.studies.storages.opening import open_storage

OBJECTIVES = {"accuracy": "maximize", "latency": "minimize"}
KINDS = ("memory", "sqlite", "journal")


@dataclass(frozen=True)
class Widths(ConditionalSpace):
    """Networks of one layer of some width and kind."""

    widths: tuple[int, ...] = (8, 16, 32, 64)
    kinds: tuple[str, ...] = ("relu", "gelu", "tanh")
    scale: int = 1
    max_params: int | None = None

    bounds = ("max_params",)

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
    """Accuracy and latency as functions of the width; ``epochs`` is described only."""

    epochs: int = 1

    def describe(self) -> dict[str, Any]:
        return {"accuracy": {"epochs": self.epochs}, "latency": {"device": "cpu"}}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        width = float(candidate.choices["width"])  # type: ignore[arg-type]  # a number
        return {"accuracy": 50.0 + width / 4, "latency": width, "extra": 1.0}


class Killed(BaseException):
    """The end of the process, which nothing catches."""


@contextmanager
def killed_after(monkeypatch: pytest.MonkeyPatch, storage: Any, writes: int) -> Iterator[None]:
    """Kill the process in the block after ``writes`` writes."""
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
    """Yield numbers of writes with a storage: 0 to ``writes - 1``, or ``one`` if that is slow."""
    for number in range(writes) if kind == "memory" else (one,):
        own = folder / str(number)
        own.mkdir()
        yield number, open_storage(storage_of(kind, own))


def storage_of(kind: str, folder: Path) -> Any:
    """Return a new storage, as a user gives it."""
    if kind == "memory":
        return InMemoryStorage()
    return f"sqlite:///{folder / 'a.db'}" if kind == "sqlite" else str(folder / "a.log")


def searched(space: Any, n: int, storage: Any, **more: Any) -> bonas.SearchResult:
    """Return the result of a random search of ``n`` trials in the study ``s``."""
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
    """Return the search whose result ``searched`` returns."""
    given: dict[str, Any] = {"evaluate": Measure(), "objectives": OBJECTIVES, **more}
    return Search(space, surrogate="random", **given)


def opened(space: Any, storage: Any, **more: Any) -> optuna.Study:
    """Open the study ``s`` as ``optimize`` does, without a search."""
    search = search_of(space, **{k: more.pop(k) for k in ("evaluate", "objectives") if k in more})
    return open_study(
        storage, "s", search.goals, search.describe(), search.sampler(0), space=space, **more
    )


def measured(study: optuna.Study) -> list[tuple[Any, ...]]:
    """Return choices and values of the complete trials, in their order."""
    done = study.get_trials(states=(optuna.trial.TrialState.COMPLETE,))
    return [(t.params["width"], t.params["kind"], *t.values) for t in done]
