"""What can go to a worker process: by name where that is found, otherwise by value."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import bonas
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.processes import script
from bonas.processes.pickling import packed, unpacked
from bonas.spaces import NASBench201

SPACE = NASBench201(channels=4, cells=1, stages=1)

NOTEBOOK = """
import functools, threading, torch, bonas
from torch import nn

SCALE = 2.0
LOCK = threading.Lock()

@bonas.space(input=torch.zeros(1, 8))
def family(choose):
    return nn.Linear(8, choose("width", [4, 8, 16]))

def linear(choose, name):
    return nn.Linear(8, choose(name, [4, 8, 16]))

class Builder:
    def __call__(self, choose):
        return linear(choose, "width")

@functools.lru_cache
def scale():
    return SCALE

class Widths(bonas.Space):
    parameters = {"width": [4, 8, 16]}

    @functools.cached_property
    def label(self):
        return "w"

    def graph(self, choices):
        labels = ["input", f"{self.label}{choices['width']}", "output"]
        return bonas.ArchitectureGraph(labels, [(0, 1), (1, 2)])

def evaluate(candidate):
    assert candidate.space.size == 3
    return {"width": scale() * candidate.choices["width"]}

class Evaluation:
    def __call__(self, candidate):
        return evaluate(candidate)

def locked(candidate):
    with LOCK:
        return evaluate(candidate)

def made():
    return lambda candidate: evaluate(candidate)
"""


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Make the running program one with the cells of a notebook."""
    main = ModuleType("__main__")
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(NOTEBOOK, vars(main))
    return main


def elsewhere(data: bytes, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what a process of another program unpacks."""
    monkeypatch.setitem(sys.modules, "__main__", ModuleType("__main__"))
    return unpacked(data)


@pytest.mark.parametrize(
    ("space", "evaluate"),
    [
        (lambda main: main.family, lambda main: main.evaluate),
        (lambda main: main.Widths(), lambda main: main.Evaluation()),
        (lambda main: _family(partial(main.linear, name="width")), lambda main: main.made()),
        (lambda main: _family(main.Builder()), lambda main: partial(main.evaluate)),
        (
            lambda main: _family(_wider(main.linear)),
            lambda main: [main.evaluate, lambda candidate: {"one": 1.0}],
        ),
    ],
    ids=["functions", "objects", "partials", "builder", "lambdas"],
)
def test_what_a_notebook_defines_goes_to_a_worker(
    space: Callable[[Any], bonas.Space],
    evaluate: Callable[[Any], Any],
    notebook: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    sent = {"space": space(notebook), "evaluate": evaluate(notebook)}
    found = elsewhere(packed(sent, sent, "take n_jobs=1"), monkeypatch)
    result = bonas.optimize(
        found["space"],
        3,
        evaluate=found["evaluate"],
        objectives={"width": "maximize"},
        surrogate="random",
        seed=0,
        progress=False,
    )
    assert sorted(c.values["width"] for c in result.candidates) == [8.0, 16.0, 32.0]


def _wider(linear: Any) -> Any:
    return lambda choose: linear(choose, "width")


def _family(build: Any) -> bonas.Space:
    return bonas.space(build, input=torch.zeros(1, 8))


def test_a_function_and_the_family_that_it_names_are_sent_once(
    notebook: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"space": vars(notebook)["family"], "evaluate": lambda: vars(notebook)["family"]}
    found = elsewhere(packed(sent, sent, ""), monkeypatch)
    assert found["space"].size == 3


def test_what_cannot_be_sent_is_named_with_the_reason(notebook: ModuleType) -> None:
    sent = {"the space": SPACE, "evaluate": vars(notebook)["locked"]}
    with pytest.raises(InvalidArgument, match=r"evaluate cannot be sent .*lock.* take n_jobs=1"):
        packed(sent, sent, "take n_jobs=1")


def test_what_cannot_be_loaded_is_told_with_the_reason() -> None:
    with pytest.raises(InvalidArgument, match=r"cannot load what it was sent \(ModuleNotFound"):
        unpacked(b"cno_such_module\nevaluate\n.")


SCRIPT = """
import bonas
from os import path as place

def evaluate(candidate): ...

if bonas:
    LATE = TOO = 1

found(here := script._runs_again())

if __name__ == "__main__":
    def hidden(candidate): ...
    found(script._runs_again())
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return what a script finds out about itself while it runs."""
    path, main, found = tmp_path / "script.py", ModuleType("__main__"), list[bool]()
    path.write_text(SCRIPT)
    vars(main).update(__file__=str(path), script=script, found=found.append)
    monkeypatch.setitem(sys.modules, "__main__", main)
    exec(compile(SCRIPT, str(path), "exec"), vars(main))
    return found


def test_only_what_asks_for_its_name_lets_a_script_run_again(run: list[bool]) -> None:
    assert run == [False, True]


@pytest.mark.usefixtures("run")
def test_what_is_behind_that_question_is_found_by_no_worker() -> None:
    for names in ({"evaluate"}, {"place", "bonas"}, {"LATE", "TOO"}, set[str]()):
        assert script.finds(names)
    for names in ({"hidden"}, {"evaluate", "nothing"}, {"Class.method"}):
        assert not script.finds(names)


def test_a_program_from_the_standard_input_searches_with_workers() -> None:
    """Its main module has no file. So it is with a notebook."""
    program = NOTEBOOK + (
        'result = bonas.optimize(family, 3, evaluate=evaluate, objectives={"width": "maximize"},\n'
        '    n_jobs=2, surrogate="random", progress=False, seed=0)\n'
        'print("MEASURED", len(result.candidates))\n'
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "MEASURED 3\n", done.stderr
    assert "died" not in done.stderr


def test_processes_of_an_executor_are_sent_a_lambda(tmp_path: Path) -> None:
    def evaluate(candidate: Candidate) -> dict[str, float]:
        return {"accuracy": float(candidate.number)}

    with ProcessPoolExecutor(1, get_context("spawn")) as executor:
        found = bonas.optimize(
            SPACE,
            2,
            evaluate=evaluate,
            objectives={"accuracy": "maximize"},
            surrogate="random",
            storage=str(tmp_path / "s.log"),
            executor=executor,
            progress=False,
        )
    assert len(found.candidates) == 2
