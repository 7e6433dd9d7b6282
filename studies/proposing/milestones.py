"""When a study settles what is costly to decide: hyper-parameters, and which trials teach."""

from __future__ import annotations

_EVERY = 30  # trials until which each one counts


def milestone(n: int) -> int:
    """The number of trials that settle hyper-parameters when ``n`` are finished.

    >>> [milestone(n) for n in (5, 30, 32, 33, 100, 2000)]
    [5, 30, 30, 33, 94, 1890]
    """
    m = min(n, _EVERY)
    while m >= _EVERY and m + m // 10 <= n:
        m += m // 10
    return m
