"""The result of a gradient search: a policy, and the network that it is for."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from bonas.arguments import check_count
from bonas.errors import InvalidSpace
from bonas.gradient_search.guards import check_mode
from bonas.gradient_search.policy import Policy
from bonas.spaces import Choices

_TRIES = 10_000  # combinations next to the mode


@dataclass(frozen=True)
class GradientResult:
    """What a gradient search found: candidates for a study, never values.

    It is a source of candidates: the choices come first, then draws of the policy.

    Attributes:
        method: Its name, such as ``"darts"``.
        policy: The probabilities of all networks; its ``log_prob`` is a score.
        choices: The selected network; where it is refused (``check_mode``), the likeliest one that
            is not.
        refused: What was selected and refused; None if ``choices`` are the selection.
        reasons: Why it was.
        steps: Of the descent.
        seconds: Wall time.
        stopped: The name of the rule that stopped the descent; None if it ran to its end.
    """

    method: str
    policy: Policy
    choices: Choices
    refused: Choices | None
    reasons: tuple[str, ...]
    steps: int
    seconds: float
    stopped: str | None = None

    @classmethod
    def of(
        cls,
        method: str,
        policy: Policy,
        selected: Choices | None = None,
        *,
        steps: int,
        seconds: float,
        stopped: str | None = None,
    ) -> GradientResult:
        """Return the result, with a warning where the selection is refused.

        Args:
            method: The name of the search.
            policy: What it learned.
            selected: The network that it selected; None is the mode of the policy.
            steps: Of the descent.
            seconds: Wall time.
            stopped: The rule that stopped it.

        Raises:
            InvalidSpace: if no network near the mode may be returned.
        """
        first = policy.mode() if selected is None else selected
        reasons = tuple(_reasons(policy, first))
        choices = first
        if reasons:
            choices = _best_other(policy)
            warnings.warn(
                f"{method} selected a network that is refused: {'; '.join(reasons)}. The likeliest "
                "other one takes its place; a longer search, a stopping rule or another selection "
                "may help",
                stacklevel=3,
            )
        refused = first if reasons else None
        return cls(method, policy, choices, refused, reasons, steps, seconds, stopped)

    @property
    def name(self) -> str:
        """The method, as the origin of its candidates."""
        return self.method

    def candidates(self, n: int, seed: int) -> Sequence[Choices]:
        """Return at most ``n`` networks, no two the same: the choices, then draws of the policy.

        Those that ``check_mode`` refuses are left out.
        """
        check_count("n", n)
        space = self.policy.space
        found = {space.architecture(self.choices).key: self.choices}
        for drawn in self.policy.candidates(2 * n, seed):
            if len(found) < n and not check_mode(space, drawn):
                found.setdefault(space.architecture(drawn).key, drawn)
        return list(found.values())

    def describe(self) -> dict[str, Any]:
        """Return what decides the candidates, as JSON values."""
        return {"method": self.method, "choices": dict(self.choices), **self.policy.describe()}


def _reasons(policy: Policy, choices: Choices) -> list[str]:
    found = check_mode(policy.space, choices)
    if not found and not policy.space.allows(choices):
        found.append("the space does not allow it")
    return found


def _best_other(policy: Policy) -> Choices:
    for choices in islice(policy.by_log_odds(), _TRIES):
        if not _reasons(policy, choices):
            return choices
    raise InvalidSpace(
        f"each of the {_TRIES:,} networks nearest to the mode is refused; add operations with "
        "parameters to the space, or draw from the policy"
    )
