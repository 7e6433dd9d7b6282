"""The loop of a gradient search: steps until they are all taken, the time is over, or a rule stops.

step, step, ..., check, step, ...       25 checks at equal distances, if there is a rule
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, Protocol

from torch import Tensor
from tqdm.auto import tqdm

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidArgument, NotFinite, unknown
from bonas.gradient_search.stopping import Check, EigenvalueRule, SkipRule, StoppingRule
from bonas.spaces import Choice

RULES: Mapping[str, Callable[[], StoppingRule]] = {"eigenvalue": EigenvalueRule, "skips": SkipRule}
"""The stopping rules by name."""
_PASSES = 50  # over half of the rows
_CHECKS = 25  # of a search, at equal distances

Logits = Mapping[str, tuple[float, ...]]
"""A parameter of the space -> the logits of its options."""


class Descending(Protocol):
    """A descent in progress."""

    @property
    def options(self) -> Mapping[str, Sequence[Choice]]:
        """A parameter of the space -> its options, in the order of its logits."""
        ...

    @property
    def logits(self) -> Logits:
        """The logits as they are."""
        ...

    @property
    def steps_per_pass(self) -> int:
        """Steps in which each row of the half for the weights is read once."""
        ...

    def step(self, progress: float, /) -> Tensor:
        """Take a step of the logits and one of the weights; return the loss of the latter.

        Args:
            progress: The share of the search that is over, in [0, 1).
        """
        ...

    def eigenvalue(self) -> float:
        """Return the dominant eigenvalue of the Hessian of the logits."""
        ...

    def restore(self, logits: Logits, /) -> None:
        """Put back earlier logits."""
        ...


class Loop:
    """A search of a given length.

    Attributes:
        losses: The loss of each step of the weights.
        checks: What the rule was asked about.
        is_stopped: Whether the rule ended it.

    Args:
        descent: Takes the steps.
        rule: That may stop them; not used before.
        bar: The text before a progress bar; None shows none.
        began: When the search began, by ``time.perf_counter``; None is now.
    """

    def __init__(
        self,
        descent: Descending,
        rule: StoppingRule | None,
        *,
        bar: str | None = None,
        began: float | None = None,
    ) -> None:
        self._descent, self._rule, self._title = descent, rule, bar
        self._began = time.perf_counter() if began is None else began
        self.losses: list[Tensor] = []
        self.checks: list[Check] = []
        self.is_stopped = False

    @property
    def seconds(self) -> float:
        """Wall time since the search began."""
        return time.perf_counter() - self._began

    def run(self, steps: int | None, seconds: float | None) -> None:
        """Descend; without a length, 50 passes over half of the rows, as in DARTS.

        Raises:
            NotFinite: if the loss diverges.
        """
        if steps is None and seconds is None:
            steps = _PASSES * self._descent.steps_per_pass
        with self._bar(steps, seconds) as bar:
            while not self.is_stopped:
                progress = self._progress(steps, seconds)
                if progress >= 1.0:
                    return
                if self._rule is not None and progress * _CHECKS >= len(self.checks) + 1:
                    self._check(self._rule)
                else:
                    self.losses.append(self._descent.step(progress))
                    self._look(bar)
                    bar.update((len(self.losses) if steps else round(self.seconds)) - bar.n)

    def _progress(self, steps: int | None, seconds: float | None) -> float:
        """Return the share of the steps, or of the time, that is over: the larger of both."""
        done = 0.0 if steps is None else len(self.losses) / steps
        gone = 0.0 if seconds is None else self.seconds / seconds
        return max(done, gone)

    def _check(self, rule: StoppingRule) -> None:
        """Ask the rule; where it stops, put back the logits that it wants."""
        eigenvalue = self._descent.eigenvalue() if rule.needs_eigenvalue else math.nan
        self.checks.append(Check(self._descent.logits, self._descent.options, eigenvalue))
        back = rule(self.checks[-1])
        if back is not None:
            self.is_stopped = True
            kept = self.checks[max(0, len(self.checks) - 1 - back)]
            self._descent.restore({name: tuple(values) for name, values in kept.logits.items()})

    def _look(self, bar: tqdm[NoReturn]) -> None:
        """Look at the latest loss once per pass: each look waits for the device."""
        if len(self.losses) % self._descent.steps_per_pass:
            return
        loss = self.losses[-1].item()
        if not math.isfinite(loss):
            raise NotFinite(
                f"expected a finite loss of the shared weights, got {loss} at step "
                f"{len(self.losses)}; lower the learning rate of the training"
            )
        bar.set_postfix_str(f"loss {loss:.3f}", refresh=False)

    def _bar(self, steps: int | None, seconds: float | None) -> tqdm[NoReturn]:
        """Return the bar over the steps, or the seconds where no steps are given."""
        bar: tqdm[NoReturn] = tqdm(
            total=steps or seconds,
            unit="step" if steps else "s",
            disable=self._title is None,
        )
        bar.set_description_str(self._title)
        return bar


def checked_rule(stop: object) -> StoppingRule | None:
    """Return the rule of a name, or the rule itself.

    Raises:
        InvalidArgument: for anything else.
    """
    if stop is None:
        return None
    if isinstance(stop, str):
        if stop not in RULES:
            raise unknown("stopping rule", stop, RULES)
        return RULES[stop]()
    if isinstance(stop, type) or not isinstance(stop, StoppingRule):
        raise InvalidArgument(f"expected a stopping rule or one of {list(RULES)}, got {stop!r}")
    return stop


def rule_name(stop: Any) -> str:
    """Return what a result calls a rule."""
    return stop if isinstance(stop, str) else type(stop).__name__


def check_length(steps: object, seconds: object) -> None:
    """Raise an error for a length out of its range.

    Raises:
        InvalidArgument: if it is.
    """
    if steps is not None:
        check_count("steps", steps)
    if seconds is not None:
        check_positive("seconds", seconds)
