"""Searches with the baselines, on cells and on a space of three digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import optuna
from optuna.samplers import BaseSampler

from bonas.benchmarks.baselines.observations import Key, key
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choices, ConditionalSpace, Space

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3")


class Numbers(Space):
    """Three digits; a sum of 6 is forbidden."""

    parameters = dict.fromkeys("abc", tuple(range(4)))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = [f"{name}{value}" for name, value in choices.items()]
        edges = [(i, i + 1) for i in range(len(labels) + 1)]
        return ArchitectureGraph([INPUT, *labels, OUTPUT], edges)

    def is_valid(self, choices: Choices) -> bool:
        return digit_sum(choices) != 6.0


def digits(*digits: int) -> Key:
    return key(dict(zip("abc", digits, strict=True)))


def digit_sum(choices: Mapping[str, Any]) -> float:
    return float(sum(choices.values()))


def cell_values(space: Space, choices: Mapping[str, Any]) -> list[float]:
    """Make up an accuracy and a latency: convolutions in a row help, and cost."""
    graph = space.architecture(choices).graph
    three, one = graph.labels.count("nor_conv_3x3"), graph.labels.count("nor_conv_1x1")
    inner = [graph.labels[s] == graph.labels[t] for s, t in graph.edges]
    accuracy = 70.0 + 4.0 * three - 0.5 * three**2 + 2.0 * one + 1.5 * sum(inner)
    return [accuracy - 0.3 * len(graph.edges), 1.0 + 3.0 * three + one]


def search(
    space: Space,
    sampler: BaseSampler,
    n: int,
    *,
    evaluate: Callable[[Mapping[str, Any]], list[float]] | None = None,
    directions: Sequence[str] = ("maximize",),
    study: optuna.Study | None = None,
) -> optuna.Study:
    if study is None:
        study = optuna.create_study(directions=list(directions))
    study.sampler = sampler
    for _ in range(n):
        trial = study.ask({**space.distributions})
        values = cell_values(space, trial.params) if evaluate is None else evaluate(trial.params)
        study.tell(trial, values[: len(study.directions)])
    return study


def params_of(study: optuna.Study) -> list[dict[str, Any]]:
    return [trial.params for trial in study.trials]


class Layers(ConditionalSpace):
    """One to three layers, each with a width; the widths of missing layers do not apply."""

    parameters = {"depth": (1, 2, 3), **dict.fromkeys(("w1", "w2", "w3"), (8, 16, 32))}  # noqa: RUF012 - as users write it

    def applies(self, name: str, earlier: Choices) -> bool:
        return name == "depth" or int(name[1]) <= int(str(earlier["depth"]))

    def graph(self, choices: Choices) -> ArchitectureGraph:
        widths = [f"linear{x}" for name, x in choices.items() if name != "depth"]
        edges = [(i, i + 1) for i in range(len(widths) + 1)]
        return ArchitectureGraph([INPUT, *widths, OUTPUT], edges)


def searched_layers(sampler: BaseSampler, n: int) -> optuna.Study:
    """Search ``Layers`` as a comparison does, asking for what applies; wide and deep is best."""
    space = Layers()
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for _ in range(n):
        trial = study.ask()
        choices = space.suggest(trial)
        study.tell(trial, float(sum(int(str(x)) for x in choices.values())))
    return study
