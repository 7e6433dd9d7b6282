"""Measurements of one family: the columns of the table in docs/families.md."""

from __future__ import annotations

import logging
import math
import statistics
import time
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

import bonas
from bonas.evaluation import Candidate, Latency
from bonas.spaces import Choices, Family
from families.outputs import Behaviour, one_row, run, seed
from families.record import ThirdParty

BUDGET = 12  # networks of a search
TOLERANCE = 0.02  # of a ratio of floating point operations
_SAMPLES = 6  # networks whose parameters and operations are compared
_LENGTH = 400  # characters of a fault
_PAIRS = 30  # pairs of networks that differ in one choice


@dataclass
class Row:
    """One row of the table.

    Attributes:
        faults: A column -> what does not hold in it.
    """

    record: ThirdParty
    size: int = 0
    traced: bool = False
    nodes: int = 0
    parameters: bool = False
    flops: tuple[float, float] | None = None
    pairs: int = 0
    apart: int = 0
    trained: bool = False
    timed: bool = False
    first: float = math.nan
    further: float = math.nan
    warned: list[str] = field(default_factory=list)
    faults: dict[str, str] = field(default_factory=dict)


def measured(record: ThirdParty) -> Row:
    """Measure everything that the table shows of a family."""
    row = Row(record)
    with _quiet(row):
        try:
            space = bonas.space(record.build, input=record.example)
            accept(row, space)
        except Exception as error:
            row.faults["accepted"] = _summary(error)
            return row
        for column, step in STEPS.items():
            try:
                step(row, space)
            except Exception as error:
                row.faults[column] = _summary(error)
    return row


def _summary(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:_LENGTH]


@contextmanager
def _quiet(row: Row) -> Iterator[None]:
    """Silence libraries, and keep the warnings of bonas."""
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            yield
    finally:
        logging.disable(logging.NOTSET)
    names = (row.record.build.__name__, "changes no graph", "distinguished")
    said = [str(w.message) for w in caught]
    row.warned = list(dict.fromkeys(s for s in said if any(name in s for name in names)))


def _samples(space: Family) -> list[Choices]:
    rng = np.random.default_rng(0)
    found = [dict(space.sample(rng)) for _ in range(_SAMPLES)]
    return [each for i, each in enumerate(found) if each not in found[:i]]


def accept(row: Row, space: Family) -> None:
    """Make the space, and trace its networks."""
    row.size = space.size
    samples = _samples(space)
    graphs = [space.graph(choices) for choices in samples]
    row.nodes = int(statistics.median(len(graph) for graph in graphs))
    row.traced = any("multiply_adds" in space.costs(choices) for choices in samples)
    if not row.traced:
        row.faults["traced"] = "the choices stand for the network"
    if space.rejected:
        row.faults["rejected"] = str(space.rejected)[:300]


def compare_costs(row: Row, space: Family) -> None:
    """Compare parameters and operations of built networks with those of their profiles."""
    ratios = []
    for choices in _samples(space):
        seed()
        network = space.build(choices).eval()
        costs = space.costs(choices)
        real = sum(p.numel() for p in network.parameters() if p.requires_grad)
        if costs["parameters"] != real:
            row.faults["parameters"] = f"{choices}: {costs['parameters']:.0f} instead of {real}"
        if "multiply_adds" in costs:
            operations = _operations(row.record, network)
            ratios.append(2 * costs["multiply_adds"] / operations if operations else math.nan)
    row.parameters = "parameters" not in row.faults
    if ratios:
        row.flops = min(ratios), max(ratios)
        if not all(abs(ratio - 1) <= TOLERANCE for ratio in row.flops):
            row.faults["flops"] = f"{row.flops[0]:.3f} to {row.flops[1]:.3f} of the counted ones"


def _of_groups(inputs: torch.Size, weights: torch.Size, *rest: Any, **named: Any) -> int:
    """Count a product of every row of ``n x k`` with one matrix of ``groups x k x m``."""
    return 2 * math.prod(inputs) * weights[-1]


def _of_vector(matrix: torch.Size, vector: torch.Size, *rest: Any, **named: Any) -> int:
    return 2 * math.prod(matrix)


_UNCOUNTED = {
    torch.ops.aten._grouped_mm: _of_groups,
    torch.ops.aten.mv: _of_vector,
    torch.ops.aten.dot: _of_vector,
}
"""Operators that torch's counter counts as 0 -> their floating point operations."""


def _operations(record: ThirdParty, network: torch.nn.Module) -> float:
    """Count floating point operations of one row, on the level of operators or by hand."""
    example, rows = one_row(record.example)
    if record.counted is not None:
        return record.counted(network) / rows
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # one operator, which the counter does not know
    try:
        with (
            torch.no_grad(),
            sdpa_kernel(SDPBackend.MATH),
            FlopCounterMode(display=False, custom_mapping=_UNCOUNTED) as counter,
        ):
            run(network.requires_grad_(False), example)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return counter.get_total_flops() / rows


def distinguish(row: Row, space: Family) -> None:
    """Check that networks which differ in one choice and in their outputs are two architectures."""
    rng = np.random.default_rng(1)
    together: dict[str, str] = {}
    while row.pairs < _PAIRS:
        one = dict(space.sample(rng))
        behaviour = Behaviour.of(row.record, one)
        for other in space.neighbours(one, rng):
            if row.pairs == _PAIRS:
                break
            row.pairs += 1
            two = space.architecture(one) != space.architecture(other)
            if two or not behaviour.differs(Behaviour.of(row.record, other)):
                row.apart += 1
            else:
                changed = {n for n in one.keys() | other.keys() if one.get(n) != other.get(n)}
                together[", ".join(sorted(changed))] = f"{one} and {dict(other)}"
    if together:
        row.faults["distinguished"] = "; ".join(f"{k}: {v}" for k, v in together.items())[:600]


def search(row: Row, space: Family) -> None:
    """Search twelve networks with the default surrogate and made-up values."""
    began: dict[int, float] = {}
    ended = {-1: time.process_time()}

    def evaluate(candidate: Candidate) -> dict[str, float]:
        began[candidate.trial.number] = time.process_time()
        costs = space.costs(candidate.choices)
        size = math.log(1 + costs["parameters"])
        luck = zlib.crc32(repr(sorted(candidate.choices.items())).encode()) / 2**32
        return {"quality": luck + math.sin(size), "cost": size + luck}

    def end(study: Any, trial: Any) -> None:
        ended[trial.number] = time.process_time()

    result = bonas.optimize(
        space,
        BUDGET,
        evaluate=evaluate,
        objectives={"quality": "maximize", "cost": "minimize"},
        seed=0,
        progress=False,
        callbacks=[end],
    )
    states = [trial.state.name for trial in result.study.trials]
    if states != ["COMPLETE"] * len(states) or len(states) < min(BUDGET, _different(space)):
        row.faults["search"] = f"{states}, {result.failures}"[:300]
    by_model = sorted(result.predictions)
    seconds = [began[number] - ended[number - 1] for number in by_model]
    if not seconds:
        row.faults["search"] = "no proposal by a model"
        return
    row.first, row.further = seconds[0], statistics.median(seconds[1:] or [math.nan])


def _different(space: Family) -> int:
    return BUDGET if space.members is None else len(space.members)


def train(row: Row, space: Family) -> None:
    """Train two networks for one epoch on a few rows."""
    result = bonas.optimize(space, 2, evaluate=row.record.training, seed=0, progress=False)
    row.trained = not result.failures
    if result.failures:
        row.faults["training"] = next(iter(result.failures.values())).strip().splitlines()[-1][:300]


def measure_time(row: Row, space: Family) -> None:
    """Measure the latency of two networks."""
    result = bonas.optimize(
        space, 2, evaluate=Latency(seconds=0.02, warmup=2, repeats=5), seed=0, progress=False
    )
    row.timed = not result.failures
    if result.failures:
        row.faults["latency"] = next(iter(result.failures.values())).strip().splitlines()[-1][:300]


STEPS = {
    "parameters": compare_costs,
    "distinguished": distinguish,
    "search": search,
    "training": train,
    "latency": measure_time,
}
"""A column -> the function that fills it, once a space is accepted."""
