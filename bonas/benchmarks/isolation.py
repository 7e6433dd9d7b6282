"""The overhead of isolation: seconds that a process of its own adds to an evaluation.

The evaluation itself does nothing. The first one waits until a server has imported torch and bonas;
each later one is a fork of that server.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

import numpy as np

from bonas.arguments import check_count
from bonas.evaluation import Candidate
from bonas.evaluation.isolation.isolated import Isolated
from bonas.spaces import NASBench201

_TIME, _MEMORY = 60.0, 4e9  # limits, in seconds and bytes, so that they are watched


def isolation_table(trials: int) -> str:
    """Return a table of the seconds that the first and ``trials`` later evaluations took.

    The interval is that of the mean, ± 1.96 standard errors.
    """
    check_count("trials", trials, least=2)
    space = NASBench201(channels=4, cells=1)
    candidate = Candidate.without_trial(space, space.sample(np.random.default_rng(0)))
    first, *later = seconds_of(
        Isolated(_nothing, time_limit=_TIME, memory_limit=_MEMORY), candidate, trials + 1
    )
    error = 1.96 * float(np.std(later, ddof=1)) / len(later) ** 0.5
    return (
        "seconds per evaluation in a process of its own\n"
        f"  first            {first:7.3f}\n"
        f"  later, mean      {np.mean(later):7.3f} ± {error:.3f}\n"
        f"  later, median    {np.median(later):7.3f}\n"
        f"  later, 90 %      {np.quantile(later, 0.9):7.3f}"
    )


def seconds_of(evaluate: Isolated, candidate: Candidate, n: int) -> list[float]:
    """Return the seconds of ``n`` evaluations of a candidate, one after the other."""
    seconds = []
    for _ in range(n):
        began = time.perf_counter()
        evaluate(candidate)
        seconds.append(time.perf_counter() - began)
    return seconds


def _nothing(_: Candidate) -> Mapping[str, float]:
    return {"loss": 0.0}
