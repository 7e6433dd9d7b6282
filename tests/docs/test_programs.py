"""The programs that pages show, and do not execute, run with a small budget."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
import torch
from site_pages import blocks_of
from torch import nn

import bonas
from bonas.evaluation import ShortTraining


def test_a_builder_of_optuna_a_study_of_its_own_and_a_layer_choice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    optimize = bonas.optimize

    def briefly(space: bonas.Space, budget: int, **settings: Any) -> bonas.SearchResult:
        return optimize(space, 2, progress=False, surrogate="random", seed=0, **settings)

    monkeypatch.setattr(bonas, "optimize", briefly)
    names: dict[str, Any] = {
        "bonas": bonas,
        "nn": nn,
        "optuna": optuna,
        "torch": torch,
        "train": lambda network: sum(weight.numel() for weight in network.parameters()),
        "training": ShortTraining((torch.randn(60, 8), torch.arange(60) % 2), epochs=1),
    }
    for code in blocks_of("coming_from", "python"):
        exec(compile(code.replace("range(40)", "range(2)"), "coming_from.md", "exec"), names)
    assert not names["result"].failures
    assert len(names["study"].trials) == 2
    assert set(names["trial"].params) <= set(names["space"].parameters)
    assert list(names["family"].parameters) == ["conv"]
