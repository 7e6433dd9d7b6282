"""Profiles of a builder's networks: the graph and the costs of each, without training it.

1. The network runs on the meta device, where nothing is computed.
2. If it reads values while it runs, it runs on the example itself, with seeded weights.
3. If no network of the builder can run here (it needs another device, say), the choices stand for
   the network: input -> one node per choice -> output.
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
from bonas.spaces.families.builder import Builder, Run, summary
from bonas.spaces.families.chooser import replayed
from bonas.spaces.families.ranges import numbered
from bonas.spaces.graph import INPUT, OUTPUT, ArchitectureGraph
from bonas.spaces.outline import Outline
from bonas.spaces.tracing.trace import Trace, traced
from bonas.spaces.tracing.unallocated import seeded

_logger = logging.getLogger(__name__)

_TRIED = 8  # networks that are run to find out whether any can run
_REPEATED = 3  # networks that are built twice to find out whether they are deterministic
_SEED = 20204  # any fixed number
_MIDDLE: Mapping[str, Any] = {}  # no number is given: each is the middle of its range
_ROUTED = 100_000_000  # parameters of the largest network that is run to count routed rows
_BYTES = 4.0  # of one number in float32
_NODES = 1_000_000  # of all graphs that are kept, about 500 MB


@dataclass(frozen=True, slots=True)
class Profile:
    """What is known of one network without training it.

    Attributes:
        failure: Why there is no network, or none that runs; empty where there is one.
        graph: None after a failure.
        costs: Trainable ``parameters``, ``frozen_parameters`` where there are any, and
            ``multiply_adds`` of one example where they are known.
        memory: Bytes of all parameters and of all outputs of one example, in float32.
    """

    failure: str
    graph: ArchitectureGraph | None = None
    costs: dict[str, float] = field(default_factory=dict)
    memory: float = 0.0


class Profiler:
    """The profiles of a builder's networks by their choices, kept until ``forget``.

    Attributes:
        made: How many profiles were made.
        seconds: How long that took in all.
    """

    def __init__(self, builder: Builder, example: Example) -> None:
        self.builder, self.example = builder, example
        self.made, self.seconds = 0, 0.0
        self._meta = example.to("meta")
        self._kept: dict[frozenset[tuple[str, object]], Profile] = {}
        self._nodes = 0
        self._warned_unknown = self._warned_routed = self._logged = False
        self._runs_here = True

    def __iter__(self) -> Iterator[Profile]:
        return iter(self._kept.values())

    @property
    def full(self) -> bool:
        """Whether so many profiles are kept that it is time to ``forget``."""
        return self._nodes > _NODES

    def forget(self) -> None:
        """Free the memory of all profiles and runs."""
        self._kept.clear()
        self._nodes = 0
        self.builder.forget()

    def profile(self, choices: Choices, numbers: Mapping[str, Any] = _MIDDLE) -> Profile:
        """Return the profile of complete choices; other numbers are the middle of their range.

        Raises:
            InvalidSpace: if the choices are not those that the builder asks for.
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
            began = time.perf_counter()
            self._kept[key] = profile = self._profile(run, numbers)
            self.made += 1
            self.seconds += run.seconds + time.perf_counter() - began
            self._nodes += 1 + len(profile.graph or ())
        return self._kept[key]

    def outline(self, choices: Choices, numbers: Mapping[str, Any] = _MIDDLE) -> Outline | None:
        """Return the outline of a network whose profile has a graph; None if it cannot run here."""
        run = self.builder.run(replayed(choices), numbered(numbers))
        if run.network is None or not self._runs_here:
            return None
        trace = self._traced(run.network, run.choices, numbers, blocks=True)
        return trace.outline if isinstance(trace, Trace) else None

    @own_settings()
    def training_hash(self, choices: Choices) -> str:
        """Return the hash of the graph in training mode; empty if that cannot be traced."""
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
        """Find out whether networks run here, and check that the builder is deterministic.

        Raises:
            InvalidSpace: if the same choices give different networks.
        """
        rng = np.random.default_rng(_SEED)
        tried = [self.builder.completed(replayed({}, rng if i else None)) for i in range(_TRIED)]
        error = self._error(tried)
        if error is not None:
            self._runs_here = False
            warnings.warn(
                f"no network of {self.builder.name} runs on the example input ({summary(error)}); "
                "surrogates see the choices instead of the networks, multiply-adds are not known",
                stacklevel=2,
            )
        for choices in tried[:_REPEATED]:
            again = self._profile(self.builder.run(replayed(choices)))
            if _identity(self.profile(choices)) != _identity(again):
                raise InvalidSpace(
                    f"{self.builder.name} makes two different networks of {dict(choices)}; "
                    "all that makes a difference must be chosen by choose"
                )

    def _error(self, tried: Sequence[Choices]) -> Exception | None:
        """Return why no network of ``tried`` runs; None if one does, or none is built."""
        error: Exception | None = None
        for choices in tried:
            run = self.builder.run_of(choices)
            if run.network is not None:
                result = self._traced(run.network, choices, {})
                if isinstance(result, Trace):
                    return None
                error = result
        return error

    def _profile(self, run: Run, numbers: Mapping[str, Any] = _MIDDLE) -> Profile:
        if run.network is None:
            return Profile(run.failure)
        if not self._runs_here:
            return _profile_of_choices(run.choices, run.network)
        trace = self._traced(run.network, run.choices, numbers)
        if isinstance(trace, Trace):
            self._warn_of_unknown(trace.unknown)
            return self._profile_of(trace, run.choices, numbers)
        failure = f"running it: {summary(trace)}"
        self._log_once(run.choices, failure)
        return Profile(failure)

    def _profile_of(self, trace: Trace, choices: Choices, numbers: Mapping[str, Any]) -> Profile:
        work, memory = trace.multiply_adds, trace.sketch.memory
        if trace.routed:
            work, memory = self._routed_costs(trace, choices, numbers)
        costs = _sizes(trace.parameters, trace.frozen) | {"multiply_adds": work}
        return Profile("", trace.graph, costs, memory + _BYTES * trace.frozen)

    @own_settings()
    def _traced(
        self,
        network: nn.Module,
        choices: Choices,
        numbers: Mapping[str, Any],
        *,
        blocks: bool = False,
    ) -> Trace | Exception:
        """Trace a network; return the error if it cannot run."""
        self.builder.release()
        try:
            return traced(network, self._meta, blocks=blocks)
        except Exception as error:
            _logger.debug("%s does not run on the meta device: %s", self.builder.name, error)
        result = self._run(choices, numbers, by_value=False, blocks=blocks)
        if isinstance(result, Exception):
            result = self._run(choices, numbers, by_value=True, blocks=blocks)
        return result

    def _run(
        self,
        choices: Choices,
        numbers: Mapping[str, Any],
        *,
        by_value: bool,
        blocks: bool = False,
    ) -> Trace | Exception:
        """Trace a network with memory and seeded weights; return the error if it cannot run."""
        try:
            with seeded():
                network = self.builder.build(replayed(choices), numbered(numbers))
                return traced(network, self.example, by_value=by_value, blocks=blocks)
        except Exception as error:
            return error

    @own_settings()
    def _routed_costs(
        self, trace: Trace, choices: Choices, numbers: Mapping[str, Any]
    ) -> tuple[float, float]:
        """Return multiply-adds and memory of a run that routes each row by value.

        Where the network is too large for such a run, they are those of every row everywhere.
        """
        if trace.parameters + trace.frozen <= _ROUTED:
            run = self._run(choices, numbers, by_value=True)
            if isinstance(run, Trace):
                return run.multiply_adds, run.sketch.memory
        if not self._warned_routed:
            self._warned_routed = True
            warnings.warn(
                f"{self.builder.name} routes rows by value, and what they cost is not known; "
                "multiply-adds are those of every row everywhere",
                stacklevel=2,
            )
        return trace.multiply_adds, trace.sketch.memory

    def _log_once(self, choices: Choices, failure: str) -> None:
        if not self._logged:
            self._logged = True
            _logger.warning(
                "a network of %s fails on the example input and is not proposed: %s, %s",
                self.builder.name,
                dict(choices),
                failure,
            )

    def _warn_of_unknown(self, names: Mapping[str, int]) -> None:
        if names and not self._warned_unknown:
            self._warned_unknown = True
            warnings.warn(
                f"the multiply-adds of {sorted(names)} in {self.builder.name} are not known and "
                "count as 0; compare networks by a measured latency instead",
                stacklevel=2,
            )


def _profile_of_choices(choices: Choices, network: nn.Module) -> Profile:
    """Profile a network that cannot run here: its graph is a chain of the choices."""
    labels = [INPUT, *(f"{name}={value}" for name, value in choices.items()), OUTPUT]
    graph = ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])
    sizes = [(p.requires_grad, p.numel()) for p in network.parameters()]
    trainable = sum(n for trained, n in sizes if trained)
    frozen = sum(n for trained, n in sizes if not trained)
    return Profile("", graph, _sizes(trainable, frozen), _BYTES * (trainable + frozen))


def _sizes(trainable: int, frozen: int) -> dict[str, float]:
    """Return the costs of parameters; frozen ones have a name of their own, if there are any."""
    return {"parameters": float(trainable)} | (
        {"frozen_parameters": float(frozen)} if frozen else {}
    )


def _identity(profile: Profile) -> tuple[str, str]:
    return profile.failure, "" if profile.graph is None else profile.graph.canonical_hash
