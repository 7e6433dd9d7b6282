"""How well the memory of a training is estimated, before and after some trainings were measured.

For random networks of the built-in spaces, ``estimate`` is compared with what ``PeakMemory``
measures of two steps. The factor is learnt from the first networks of a space and judged on the
others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from bonas.arguments import check_count
from bonas.errors import unknown
from bonas.evaluation import Candidate, PeakMemory
from bonas.evaluation.memory import MemoryFactor, estimate
from bonas.settings import own_settings
from bonas.spaces import (
    DARTSSpace,
    Example,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    Space,
    Stage,
    TransformerSpace,
)

TAUGHT = 10
"""Networks from which the factor is learnt."""
_VOCABULARY, _LENGTH = 500, 64


@dataclass(frozen=True)
class MemoryProblem:
    """A space whose networks are trained, with what they are given.

    Attributes:
        space: The space.
        shape: Of one input.
        batch_size: Rows per step: so many that activations count.
    """

    space: Space
    shape: tuple[int, ...]
    batch_size: int

    def example(self) -> Example:
        """Return one input."""
        if isinstance(self.space, TransformerSpace):
            return Example((torch.randint(_VOCABULARY, (1, *self.shape)),))
        return Example((torch.rand(1, *self.shape),))


@dataclass(frozen=True)
class MemoryErrors:
    """Estimates of the networks of one space against what was measured.

    Attributes:
        name: Of the space.
        measured: Bytes of each network.
        ratios: Estimated over measured bytes, before anything was learnt.
        learnt: The same of the networks after the first ones, with the factor of these.
    """

    name: str
    measured: npt.NDArray[np.float64]
    ratios: npt.NDArray[np.float64]
    learnt: npt.NDArray[np.float64]


def memory_problems() -> Mapping[str, MemoryProblem]:
    """Return the spaces by their names."""
    image, stages = (3, 32, 32), ((16, 32), (24, 48), (32, 64))
    mobile = MobileSpace(tuple(Stage(each, stride=1 + (i > 0)) for i, each in enumerate(stages)))
    language = TransformerSpace(task="language_model", vocabulary=_VOCABULARY, length=_LENGTH)
    recurrent = RecurrentSpace()
    return {
        "nas-bench-201": MemoryProblem(NASBench201(channels=16, cells=2), image, 64),
        "small cells": MemoryProblem(NASBench201(channels=8, cells=1, stages=2), (1, 8, 8), 1024),
        "nas-bench-101": MemoryProblem(NASBench101Space(), image, 32),
        "darts": MemoryProblem(DARTSSpace(nodes=2, channels=8, cells=3), image, 64),
        "mobile": MemoryProblem(mobile, image, 64),
        "transformer": MemoryProblem(language, (_LENGTH,), 32),
        "recurrent": MemoryProblem(recurrent, tuple(recurrent.input_shape), 1024),
        "perceptron": MemoryProblem(MLPSpace(64, 10), (64,), 8192),
    }


@own_settings()
def memory_errors(name: str, networks: int, *, seed: int = 0) -> MemoryErrors:
    """Estimate and measure the training of random networks of one of the spaces.

    Raises:
        InvalidArgument: for an unknown name, or no more networks than the factor is learnt from.
    """
    problems = memory_problems()
    if name not in problems:
        raise unknown("space", name, problems)
    check_count("networks", networks, least=TAUGHT + 1)
    problem, rng = problems[name], np.random.default_rng(seed)
    measure = PeakMemory(problem.shape, of="training", batch_size=problem.batch_size, repeats=1)
    pairs = []
    for _ in range(networks):
        choices = problem.space.sample(rng)
        network = problem.space.build(choices)
        estimated = estimate(network, problem.example(), problem.batch_size).total
        del network
        found = measure(Candidate.without_trial(problem.space, choices))
        pairs.append((float(estimated), 1e6 * found["training_memory"]))
    before = MemoryFactor.of("cpu")
    after = before.learnt(pairs[:TAUGHT])
    return MemoryErrors(
        name,
        np.array([measured for _, measured in pairs]),
        np.array([before(estimated) / measured for estimated, measured in pairs]),
        np.array([after(estimated) / measured for estimated, measured in pairs[TAUGHT:]]),
    )


def memory_table(found: Sequence[MemoryErrors]) -> str:
    """Return a text table: a row per space, and one of all networks."""
    head = "space           networks   MB measured   estimated / measured   error   learnt: error"
    lines = [head, ""]
    for each in found:
        low, middle, high = np.quantile(each.ratios, (0.1, 0.5, 0.9))
        lines.append(
            f"{each.name:<14}{len(each.ratios):>10}{np.median(each.measured) / 1e6:>14,.0f}"
            f"{middle:>10.2f} ({low:.2f}-{high:.2f}){_error(each.ratios):>8}"
            f"{_error(each.learnt):>12} (90 %: {_error(each.learnt, 0.9)})"
        )
    ratios = np.concatenate([each.ratios for each in found])
    learnt = np.concatenate([each.learnt for each in found])
    lines += [
        "",
        f"all: error {_error(ratios)} (90 %: {_error(ratios, 0.9)}), "
        f"learnt {_error(learnt)} (90 %: {_error(learnt, 0.9)})",
    ]
    return "\n".join(lines)


def _error(ratios: npt.NDArray[np.float64], quantile: float = 0.5) -> str:
    return f"{100 * np.quantile(np.abs(ratios - 1), quantile):.0f} %"
