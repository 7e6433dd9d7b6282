"""Rules that stop a gradient search before it collapses.

| name | stops when | source |
|---|---|---|
| ``eigenvalue`` | the dominant eigenvalue of the Hessian of the logits rises | RobustDARTS |
| ``skips`` | too many decisions are a skip, or their ranking is stable | DARTS+ |

*Eigenvalue.* ``l(k)`` is the mean of the last five eigenvalues at check ``k``; the rule stops where
``l(k - 5) / l(k) < 0.75`` and goes back to the logits of check ``k - 5``.

*Skips.* DARTS+ stops a normal cell of eight operations at two or more skips, a quarter; or where
the ranking of the options of all decisions has not changed for ten checks.

Sources: Zela, Elsken, Saikia, Marrakchi, Brox and Hutter (2020), "Understanding and robustifying
differentiable architecture search", ICLR; Liang, Zhang, Sun, He, Huang, Zhuang and Li (2019),
"DARTS+: Improved differentiable architecture search with early stopping", arXiv 1909.06035.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from bonas.arguments import check_count, check_range
from bonas.spaces import Choice

SKIPS = ("skip_connect", "identity")
"""Names of operations that return their input."""


@dataclass(frozen=True, slots=True)
class Check:
    """What a rule may look at.

    Attributes:
        logits: A parameter of the space -> its logits, in the order of ``options``.
        options: A parameter -> its options.
        eigenvalue: The dominant eigenvalue; NaN where the rule does not ask for it.
    """

    logits: Mapping[str, Sequence[float]]
    options: Mapping[str, Sequence[Choice]]
    eigenvalue: float


@runtime_checkable
class StoppingRule(Protocol):
    """A rule of one search."""

    needs_eigenvalue: bool

    def __call__(self, check: Check) -> int | None:
        """Return None to go on; to stop, how many checks to go back: 0 for this one."""
        ...


@dataclass
class EigenvalueRule:
    """A rule that stops where the dominant eigenvalue rises too fast.

    Attributes:
        window: Eigenvalues in a mean, and checks between the two means compared.
        factor: The least allowed ratio of the earlier mean to the later one, below 1.
    """

    window: int = 5
    factor: float = 0.75
    needs_eigenvalue: bool = field(default=True, init=False)
    _seen: list[float] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        check_count("window", self.window)
        check_range("factor", self.factor, 0.0, 1.0)

    def __call__(self, check: Check) -> int | None:
        self._seen.append(check.eigenvalue)
        if len(self._seen) <= self.window:
            return None
        later = self._mean(len(self._seen))
        earlier = self._mean(len(self._seen) - self.window)
        return self.window if later > 0 and earlier < self.factor * later else None

    def _mean(self, end: int) -> float:
        """Return the mean of the eigenvalues up to a check; of fewer in the beginning."""
        some = self._seen[max(0, end - self.window) : end]
        return sum(some) / len(some)


@dataclass
class SkipRule:
    """A rule that stops at too many skips, or where no ranking of options changes any more.

    Attributes:
        share: The share of the decisions on operations that may be a skip, in [0, 1); DARTS+ stops
            at two of eight.
        patience: Checks without a change of any ranking.
    """

    share: float = 0.25
    patience: int = 10
    needs_eigenvalue: bool = field(default=False, init=False)
    _rankings: deque[tuple[tuple[int, ...], ...]] = field(
        default_factory=deque, init=False, repr=False
    )

    def __post_init__(self) -> None:
        check_range("share", self.share, 0.0, 1.0)
        check_count("patience", self.patience)

    def __call__(self, check: Check) -> int | None:
        skips = [
            check.options[name][_ranking(logits)[0]] in SKIPS
            for name, logits in check.logits.items()
            if any(option in SKIPS for option in check.options[name])
        ]
        if skips and sum(skips) >= max(1.0, self.share * len(skips)):
            return min(1, len(self._rankings))  # the logits before
        self._rankings.append(tuple(_ranking(logits) for logits in check.logits.values()))
        if len(self._rankings) > self.patience + 1:
            self._rankings.popleft()
        stable = len(self._rankings) > self.patience and len(set(self._rankings)) == 1
        return 0 if stable else None


def _ranking(logits: Sequence[float]) -> tuple[int, ...]:
    """Return the options from the largest logit to the smallest."""
    return tuple(sorted(range(len(logits)), key=lambda i: -logits[i]))
