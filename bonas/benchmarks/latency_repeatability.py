"""How well a latency repeats: two measurements of the same networks, by both protocols.

For each network the two measurements a, b differ by ``|a - b| / min(a, b)``; Spearman's rank
correlation says whether they order the networks alike. Protocols take turns network by network, so
that they meet the same load.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from bonas.arguments import check_count
from bonas.evaluation import Candidate, Latency
from bonas.spaces import NASBench201, Space

_RESAMPLES = 2_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Repeatability:
    """How two measurements of the same networks compare.

    Attributes:
        first: Milliseconds, one per network.
        second: The same, measured again.
        seconds: Mean duration of one measurement.
    """

    first: Floats
    second: Floats
    seconds: float

    @property
    def differences(self) -> Floats:
        """The difference of both, in per cent of the smaller, one per network."""
        low = np.minimum(self.first, self.second)
        found: Floats = 100.0 * np.abs(self.first - self.second) / low
        return found

    def estimates(self, seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """Return a name -> value and its 95 % bootstrap interval over the networks."""
        n = len(self.first)
        rows = np.random.default_rng(seed).integers(n, size=(_RESAMPLES, n))
        found = {}
        for name, statistic in self._statistics().items():
            low, high = np.nanquantile([statistic(row) for row in rows], (0.025, 0.975))
            found[name] = statistic(np.arange(n)), float(low), float(high)
        return found

    def _statistics(self) -> dict[str, Callable[[npt.NDArray[np.int64]], float]]:
        off = self.differences
        return {
            "median difference [%]": lambda i: float(np.median(off[i])),
            "90 % quantile [%]": lambda i: float(np.quantile(off[i], 0.9)),
            "Spearman": lambda i: _spearman(self.first[i], self.second[i]),
        }


def _spearman(a: Floats, b: Floats) -> float:
    """Return the rank correlation; NaN where one is constant, as a resample may be."""
    if not (np.ptp(a) and np.ptp(b)):
        return float("nan")
    return float(spearmanr(a, b).statistic)


def repeatability(
    protocols: dict[str, Latency], networks: int = 30, seed: int = 0, space: Space | None = None
) -> dict[str, Repeatability]:
    """Measure random networks twice by each protocol.

    Args:
        protocols: A name -> an evaluator.
        networks: Number of networks.
        seed: Of the draws.
        space: Where they are drawn from; None is NAS-Bench-201 with 16 channels at 32 x 32.

    Raises:
        InvalidArgument: if there are fewer than 3 networks.
    """
    check_count("networks", networks, least=3)
    space = space or NASBench201()
    rng = np.random.default_rng(seed)
    drawn = [Candidate.without_trial(space, space.sample(rng)) for _ in range(networks)]
    ms = {name: np.zeros((2, networks)) for name in protocols}
    spent = dict.fromkeys(protocols, 0.0)
    for repetition in range(2):
        for i, candidate in enumerate(drawn):
            for name, latency in protocols.items():
                began = time.perf_counter()
                ms[name][repetition, i] = latency(candidate)[latency.name]
                spent[name] += time.perf_counter() - began
    return {
        name: Repeatability(first, second, spent[name] / (2 * networks))
        for name, (first, second) in ms.items()
    }


def both_protocols(latency: Latency) -> dict[str, Latency]:
    """Return the protocol of a latency by its name, beside the median of the same seconds.

    The reference, and a second look where the clock drifts, take half as much again.
    """
    return {
        "median": replace(latency, statistic="median", seconds=1.5 * latency.seconds),
        "low quantile in rounds": replace(latency, statistic="low_quantile"),
    }
