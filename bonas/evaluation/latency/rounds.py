"""Rounds: a network and a reference network timed in turns, and what is concluded from them.

In each round the network has a warm run and ``_IN_A_ROW`` timings, the reference a warm run and
one. Where one thread computes, it is timed by its own clock, which stands still while another
process has the core: on a busy machine no run of 10 ms is left alone. What others still add,
through caches and the core that they share, comes in bursts, so that a low quantile repeats where
the median does not:

    q(t) = 10 % quantile of the timings t
    drift = q(reference) / the least that was seen of it - 1
    latency = q(network) / (1 + drift)

A slower clock moves network and reference alike. A measurement with a drift above 10 % is repeated
once, and the one with less drift counts. The least is kept in a file (``least``), so that all
processes of a machine, such as workers and the children of an isolated search, divide by the same.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from bonas.evaluation.latency.least import Least, least_on
from bonas.evaluation.latency.timing import Timed, block_of
from bonas.evaluation.runtimes.eager import TorchSession
from bonas.spaces import Example

QUANTILE = 0.10
_IN_A_ROW = 4  # timings of the network in a round
_FEWEST = 5  # rounds
_TOO_MUCH = 0.10  # drift above which a measurement is repeated
_ATTEMPTS = 2
_FIRST_SECONDS = 0.3  # that the reference is timed alone, so that the first drift says something
_CHUNK = 10  # timings of these that one quantile is taken of


@dataclass(frozen=True, slots=True)
class Timings:
    """What the rounds gave, in milliseconds per run.

    Attributes:
        value: The low quantile, with the drift divided out.
        iqr: The inter-quartile range of the timings.
        reference: The low quantile of the reference network.
        drift: By which share the reference was slower than the fastest that was seen.
    """

    value: float
    iqr: float
    reference: float
    drift: float


class Reference:
    """A small fixed convolutional network, and the least time that it took.

    Args:
        device: Where it runs, on torch's present number of threads.
        timed: How it is timed.
        kept: The least time that other processes have seen; None looks at this one only.
    """

    def __init__(self, device: torch.device, timed: Timed, kept: Least | None = None) -> None:
        layers: list[nn.Module] = [nn.Conv2d(16, 16, 3, padding=1), nn.ReLU()]
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            network = nn.Sequential(*layers, nn.Conv2d(16, 16, 3, padding=1)).to(device).eval()
            self.run = TorchSession(network, Example((torch.rand(1, 16, 16, 16).to(device),))).run
        self.timed = timed
        self.block = block_of(self.run, timed, _CHUNK)
        self._kept = kept
        self._least = math.inf if kept is None else kept.read()

    @property
    def is_settled(self) -> bool:
        """Whether any time of it is known."""
        return self._least < math.inf

    def once(self) -> float:
        """Return the milliseconds of one timing, after a warm run."""
        self.run()
        return _own_ms(self.timed(self.run, self.block))

    def settle(self, seconds: float) -> None:
        """Look for the least time for so many seconds."""
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            self.drift(_low([self.once() for _ in range(_CHUNK)]))

    def drift(self, ms: float) -> float:
        """Take a time of the reference; return its distance from the least, as a share of that."""
        if ms < self._least:
            self._least = ms if self._kept is None else self._kept.lower(ms)
        return ms / self._least - 1.0 if self._least > 0 else 0.0


_references: dict[tuple[str, int], Reference] = {}


def reference_of(device: torch.device, timed: Timed) -> Reference:
    """Return the reference of this process for a device, on torch's number of threads."""
    key = str(device), torch.get_num_threads()
    if key not in _references:
        reference = Reference(device, timed, least_on(device))
        if not reference.is_settled:
            reference.settle(_FIRST_SECONDS)
        _references[key] = reference
    return _references[key]


def timed_in_rounds(
    run: Callable[[], object],
    timed: Timed,
    reference: Reference,
    *,
    warmup: int,
    repeats: int,
    seconds: float,
) -> Timings:
    """Return the latency of ``run``, timed in turns with the reference.

    Args:
        run: What is timed.
        timed: How it is: milliseconds per run, and share of the core, of a number of runs.
        reference: What it is compared with.
        warmup: Runs before the first round.
        repeats: Minimum number of timings of ``run``.
        seconds: Minimum duration of all rounds; twice as much while the clock drifts.
    """
    runs = block_of(run, timed, warmup)
    attempts: list[Timings] = []
    while len(attempts) < _ATTEMPTS:
        found: list[float] = []
        beside: list[float] = []
        end = time.perf_counter() + seconds
        while len(found) < repeats or len(beside) < _FEWEST or time.perf_counter() < end:
            run()
            found += [_own_ms(timed(run, runs)) for _ in range(_IN_A_ROW)]
            beside.append(reference.once())
        attempts.append(_concluded(found, beside, reference))
        if attempts[-1].drift <= _TOO_MUCH:
            break
    return min(attempts, key=lambda attempt: attempt.drift)


def _concluded(found: list[float], beside: list[float], reference: Reference) -> Timings:
    quarter, high = np.quantile(found, (0.25, 0.75))
    of_reference = _low(beside)
    drift = reference.drift(of_reference)
    return Timings(_low(found) / (1.0 + drift), float(high - quarter), of_reference, drift)


def _own_ms(timing: tuple[float, float]) -> float:
    """Return the milliseconds in which the thread had the core."""
    ms, share = timing
    return ms * share


def _low(timings: list[float]) -> float:
    return float(np.quantile(timings, QUANTILE))
