"""A space of small perceptrons, faulty versions of it, and evaluations that fail in many ways."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from torch import nn

from bonas import ArchitectureGraph, Search, Space
from bonas.evaluation import Candidate, Measurement, ShortTraining
from bonas.spaces import Choices

ROWS = np.random.default_rng(0).normal(size=(300, 6)).astype(np.float32), np.arange(300) % 3
QUALITY = {"quality": "maximize"}


class Perceptrons(Space):
    """18 networks for three classes."""

    parameters = {  # noqa: RUF012 - never changed, short to read
        "width": [8, 16, 32],
        "activation": ["relu", "gelu"],
        "depth": [1, 2, 3],
    }
    input_shape = (6,)
    outputs = 3

    def graph(self, choices: Choices) -> ArchitectureGraph:
        hidden = [f"linear{choices['width']}", str(choices["activation"])] * int(choices["depth"])  # type: ignore[arg-type]  # a number
        labels = ["input", *hidden, "output"]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])

    def build(self, choices: Choices) -> nn.Module:
        width, depth = int(choices["width"]), int(choices["depth"])  # type: ignore[arg-type]  # numbers
        layers: list[nn.Module] = [nn.Linear(6, width), nn.ReLU()]
        for _ in range(depth):
            layers += [nn.Linear(width, width), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(width, self.outputs))

    def costs(self, choices: Choices) -> dict[str, float]:
        width, depth = int(choices["width"]), int(choices["depth"])  # type: ignore[arg-type]  # numbers
        return {"parameters": float(7 * width + depth * (width + 1) * width + 3 * (width + 1))}


class TwoClasses(Perceptrons):
    """Networks with an output too few."""

    outputs = 2


class WideFails(Perceptrons):
    """Networks of which a third cannot be built."""

    def build(self, choices: Choices) -> nn.Module:
        if choices["width"] == 32:
            raise ValueError("32 is too wide")
        return super().build(choices)


class TooLarge(Perceptrons):
    """Networks of which a third have layers of 640 GB."""

    parameters = {**Perceptrons.parameters, "width": [8, 16, 400_000]}  # noqa: RUF012 - the same


class NotANumber(Perceptrons):
    """Networks whose outputs are NaN."""

    def build(self, choices: Choices) -> nn.Module:
        network = super().build(choices)
        for weight in network.parameters():
            nn.init.constant_(weight, float("nan"))
        return network


class AllTheSame(Perceptrons):
    """Networks whose graphs show no choice."""

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return ArchitectureGraph(["input", "something", "output"], [(0, 1), (1, 2)])


class Single(Perceptrons):
    """One network."""

    parameters = {"width": [8]}  # noqa: RUF012 - the same


class NoGraph(Perceptrons):
    """Networks whose graph raises an error."""

    def graph(self, choices: Choices) -> ArchitectureGraph:
        raise KeyError("no such node")


class NothingValid(Perceptrons):
    """Networks that are all forbidden."""

    def is_valid(self, choices: Choices) -> bool:
        return False


def fine(candidate: Candidate) -> dict[str, float]:
    """Print, and return a value."""
    print("evaluated")
    return {"quality": float(candidate.number + 1)}


def other_names(candidate: Candidate) -> dict[str, float]:
    """Return no objective."""
    return {"accuracy": 1.0}


def missing_file(candidate: Candidate) -> dict[str, float]:
    """Read a file that is not there."""
    with open("/no/such/file") as file:
        return {"quality": float(file.read())}


def endless(candidate: Candidate) -> dict[str, float]:
    """Never end."""
    while True:
        time.sleep(0.01)


def slow_stream(candidate: Candidate) -> Iterator[Measurement]:
    """Take 50 seconds, and say so."""
    for epoch in range(1, 1001):
        time.sleep(0.05)
        yield Measurement({"quality": 1.0}, epoch, fidelity=epoch / 1000)


def killed(candidate: Candidate) -> dict[str, float]:
    """End the process by a signal."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


def exits(candidate: Candidate) -> dict[str, float]:
    """End the process as if all were well."""
    os._exit(0)


def segmentation_fault(candidate: Candidate) -> dict[str, float]:
    """Read from the address 0."""
    return {"quality": float(len(ctypes.string_at(0)))}


def system_exit(candidate: Candidate) -> dict[str, float]:
    """Raise what is no ``Exception``."""
    sys.exit("no licence")


def random_value(candidate: Candidate) -> dict[str, float]:
    """Return another value each time."""
    return {"quality": float(np.random.default_rng().random())}


def eats_memory(candidate: Candidate) -> dict[str, float]:
    """Allocate without an end."""
    kept: list[Any] = []
    while True:
        kept.append(torch.ones(2_000_000))


def trained(space: Space) -> Search:
    """Return a search that trains on three classes."""
    return Search(space, ShortTraining(ROWS, epochs=2), surrogate="gp")


def evaluated(evaluate: Any) -> Search:
    """Return a search with one of the evaluations."""
    return Search(Perceptrons(), evaluate, QUALITY, surrogate="gp")


def search() -> Search:
    """Return a search without a fault."""
    return trained(Perceptrons())


def broken() -> Search:
    """Return a search of networks with an output too few."""
    return trained(TwoClasses())
