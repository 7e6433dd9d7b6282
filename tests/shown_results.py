"""A search whose front has networks of every depth, and one failure, for tests of what is shown."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

import bonas
from bonas.evaluation import Candidate


@bonas.space(input=torch.zeros(1, 8))
def family(choose: Any) -> nn.Module:
    layers: list[nn.Module] = []
    before = 8
    for i in range(choose("depth", [1, 2, 3])):
        width = choose(f"units_{i}", [16, 32])
        layers += [nn.Linear(before, width), nn.ReLU()]
        before = width
    return nn.Sequential(*layers, nn.Linear(before, 2))


def evaluate(candidate: Candidate) -> dict[str, float]:
    """Return two objectives: one is better for shallow networks, the other for deep ones."""
    if candidate.number == 3:
        raise RuntimeError("a line\nand the last")
    depth = float(candidate.choices["depth"])  # type: ignore[arg-type]  # a number
    return {"speed": -depth, "accuracy": depth, "epochs": 3.0}


def searched(n: int) -> bonas.SearchResult:
    return bonas.optimize(
        family,
        n,
        evaluate=evaluate,
        objectives={"speed": "maximize", "accuracy": "maximize"},
        surrogate="random",
        progress=False,
        seed=0,
    )


RESULT = searched(12)
