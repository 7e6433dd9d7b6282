"""The networks of a builder, each drawn once: its graph and its costs, from a run without memory.

1. run on the meta device, where nothing is computed;
2. if the network reads values while it runs, run on the example itself, with seeded weights;
3. if no network of the builder can be run here (it needs another device, say), the choices
   stand for the network: input -> one node a choice -> output.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import nn

from bonas.errors import InvalidSpace
from bonas.settings import own_settings
from bonas.spaces.architecture import Choices
from bonas.spaces.example import Example
from bonas.spaces.families.builder import Builder, Run, said
from bonas.spaces.families.chooser import replayed
from bonas.spaces.families.ranges import numbered
from bonas.spaces.graph import INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.tracing.trace import Trace, traced
from bonas.spaces.tracing.unallocated import seeded

_logger = logging.getLogger(__name__)

_TRIED = 8  # networks that are run to see whether any can be
_REPEATED = 3  # networks that are built twice to see whether they are the same
_SEED = 20204  # any fixed number
_MIDDLE: Mapping[str, Any] = {}  # every number is in the middle of its range
_ROUTED = 100_000_000  # parameters of the largest network that is run to see where rows go
_BYTES = 4.0  # of a number in float32
_NODES = 1_000_000  # of all kept graphs together: about 500 MB


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is known of one network without training it.

    Attributes:
        reason: Why there is no network, or none that runs; empty where there is one.
        graph: None where there is a reason.
        costs: ``parameters`` that are trained, ``frozen_parameters`` where there are any, and
            ``multiply_adds`` of one example where they are known.
        memory: Bytes of all parameters and of all outputs of one example, in float32.
    """

    reason: str
    graph: ArchitectureGraph | None = None
    costs: dict[str, float] = field(default_factory=dict)
    memory: float = 0.0


class Drawings:
    """Drawings by choices; they are kept until ``forget``.

    Attributes:
        drawn, seconds: How many networks were drawn, and how long that took in all.
    """

    def __init__(self, builder: Builder, example: Example) -> None:
        self.builder, self.example = builder, example
        self.drawn, self.seconds = 0, 0.0
        self._meta = example.to("meta")
        self._kept: dict[frozenset[tuple[str, object]], Drawing] = {}
        self._nodes = 0
        self._warned = self._logged = self._warned_of_routes = False
        self._runs_here = True

    def __iter__(self) -> Iterator[Drawing]:
        return iter(self._kept.values())

    @property
    def full(self) -> bool:
        """Whether it is time to ``forget``."""
        return self._nodes > _NODES

    def forget(self) -> None:
        """Free the memory of all drawings and runs."""
        self._kept.clear()
        self._nodes = 0
        self.builder.forget()

    def of(self, choices: Choices, numbers: Mapping[str, Any] = _MIDDLE) -> Drawing:
        """The drawing of whole choices; numbers that are not given are in the middle.

        Raises:
            InvalidSpace: if they are not what the builder asks for.
        """
        key = frozenset([*choices.items(), *numbers.items()])
        if key not in self._kept:
            answers = replayed(choices), numbered(numbers)
            run = self.builder.run(*answers) if numbers else self.builder.run_of(choices)
            if run.choices != choices:
                raise InvalidSpace(
                    f"{self.builder.name} asks for {sorted(run.choices)}, got {sorted(choices)}; "
                    "complete the choices with completed(choices)"
                )
            self._kept[key] = drawing = self._drawing(run, numbers)
            self._nodes += 1 + len(drawing.graph or ())
        return self._kept[key]

    @own_settings()
    def in_training(self, choices: Choices) -> str:
        """The hash of what a network does in training mode; empty where that cannot be seen."""
        run = self.builder.run(replayed(choices))
        if run.network is None or not self._runs_here:
            return ""
        try:
            with seeded():
                return traced(run.network, self._meta, training=True).graph.canonical_hash
        except Exception as error:
            _logger.debug("%s does not train on the meta device: %s", self.builder.name, error)
            return ""

    def check(self) -> None:
        """See whether networks run here, and whether the same choices give the same network.

        Raises:
            InvalidSpace: if they do not.
        """
        rng = np.random.default_rng(_SEED)
        tried = [self.builder.completed(replayed({}, rng if i else None)) for i in range(_TRIED)]
        error = self._error(tried)
        if error is not None:
            self._runs_here = False
            warnings.warn(
                f"no network of {self.builder.name} runs on the example input ({said(error)}); "
                "surrogates see the choices instead of the networks, multiply-adds are not known",
                stacklevel=2,
            )
        for choices in tried[:_REPEATED]:
            again = self._drawing(self.builder.run(replayed(choices)))
            if _identity(self.of(choices)) != _identity(again):
                raise InvalidSpace(
                    f"{self.builder.name} makes two different networks of {dict(choices)}; "
                    "all that makes a difference must be chosen by choose"
                )

    def _error(self, tried: Sequence[Choices]) -> Exception | None:
        """Why no network of ``tried`` runs; None if one does, or none is built."""
        error: Exception | None = None
        for choices in tried:
            run = self.builder.run_of(choices)
            if run.network is not None:
                result = self._traced(run.network, choices, {})
                if isinstance(result, Trace):
                    return None
                error = result
        return error

    def _drawing(self, run: Run, numbers: Mapping[str, Any] = _MIDDLE) -> Drawing:
        if run.network is None:
            return Drawing(run.reason)
        began = time.perf_counter()
        trace = self._traced(run.network, run.choices, numbers) if self._runs_here else None
        if trace is None:
            drawing = _drawn_choices(run.choices, run.network)
        elif isinstance(trace, Trace):
            self._warn_of_unknown(trace.unknown)
            drawing = self._drawn(trace, run.choices, numbers)
        else:
            drawing = Drawing(f"running it: {said(trace)}")
            self._log_once(run.choices, drawing.reason)
        self.drawn += 1
        self.seconds += run.seconds + time.perf_counter() - began
        return drawing

    def _drawn(self, trace: Trace, choices: Choices, numbers: Mapping[str, Any]) -> Drawing:
        work, memory = trace.multiply_adds, trace.sketch.memory
        if trace.routed:
            work, memory = self._routed_costs(trace, choices, numbers)
        costs = _sizes(trace.parameters, trace.frozen) | {"multiply_adds": work}
        return Drawing("", trace.graph, costs, memory + _BYTES * trace.frozen)

    @own_settings()
    def _traced(
        self, network: nn.Module, choices: Choices, numbers: Mapping[str, Any]
    ) -> Trace | Exception:
        """A trace, or why the network cannot be run."""
        self.builder.spend()
        try:
            return traced(network, self._meta)
        except Exception as error:
            _logger.debug("%s does not run on the meta device: %s", self.builder.name, error)
        result = self._run(choices, numbers, by_value=False)
        if isinstance(result, Exception):
            result = self._run(choices, numbers, by_value=True)
        return result

    def _run(
        self, choices: Choices, numbers: Mapping[str, Any], *, by_value: bool
    ) -> Trace | Exception:
        """A trace of a run with memory, or why there is none; weights are always the same."""
        try:
            with seeded():
                network = self.builder.build(replayed(choices), numbered(numbers))
                return traced(network, self.example, by_value=by_value)
        except Exception as error:
            return error

    @own_settings()
    def _routed_costs(
        self, trace: Trace, choices: Choices, numbers: Mapping[str, Any]
    ) -> tuple[float, float]:
        """Multiply-adds and memory where each row goes where values send it.

        Where such a run would be too much, they are those of every row everywhere.
        """
        if trace.parameters + trace.frozen <= _ROUTED:
            run = self._run(choices, numbers, by_value=True)
            if isinstance(run, Trace):
                return run.multiply_adds, run.sketch.memory
        if not self._warned_of_routes:
            self._warned_of_routes = True
            warnings.warn(
                f"{self.builder.name} sends rows by value, and what they cost is not known; "
                "multiply-adds are those of every row everywhere",
                stacklevel=2,
            )
        return trace.multiply_adds, trace.sketch.memory

    def _log_once(self, choices: Choices, reason: str) -> None:
        if not self._logged:
            self._logged = True
            _logger.warning(
                "a network of %s fails on the example input and is not proposed: %s, %s",
                self.builder.name,
                dict(choices),
                reason,
            )

    def _warn_of_unknown(self, names: Mapping[str, int]) -> None:
        if names and not self._warned:
            self._warned = True
            warnings.warn(
                f"the multiply-adds of {sorted(names)} in {self.builder.name} are not known and "
                "count as 0; compare networks by a measured latency instead",
                stacklevel=2,
            )


def _drawn_choices(choices: Choices, network: nn.Module) -> Drawing:
    """A chain of the choices, where the network itself cannot be run."""
    labels = [INPUT, *(f"{name}={value}" for name, value in choices.items()), OUTPUT]
    graph = ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])
    sizes = [(p.requires_grad, p.numel()) for p in network.parameters()]
    trainable = sum(n for trained, n in sizes if trained)
    frozen = sum(n for trained, n in sizes if not trained)
    return Drawing("", graph, _sizes(trainable, frozen), _BYTES * (trainable + frozen))


def _sizes(trainable: int, frozen: int) -> dict[str, float]:
    """What parameters cost; frozen ones are a cost of their own, where there are any."""
    return {"parameters": float(trainable)} | (
        {"frozen_parameters": float(frozen)} if frozen else {}
    )


def _identity(drawing: Drawing) -> tuple[str, str]:
    return drawing.reason, "" if drawing.graph is None else drawing.graph.canonical_hash
