"""The search by a mixture: descend, stop in time, select.

Sources: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR; those of
the stopping rules and of the selection are named in their modules.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidArgument, NotFinite, unknown
from bonas.evaluation import ShortTraining
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.training.suspension import Generators, active
from bonas.gradient_search.mixture.alternation import Alternation, Descent
from bonas.gradient_search.mixture.mixed_operation import ABSENT
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.gradient_search.mixture.perturbation import select_by_perturbation
from bonas.gradient_search.policy import Policy
from bonas.gradient_search.stopping import Check, EigenvalueRule, SkipRule, StoppingRule
from bonas.spaces import Choices, Space
from bonas.supernets.supernet import Supernet

RULES: Mapping[str, Callable[[], StoppingRule]] = {"eigenvalue": EigenvalueRule, "skips": SkipRule}
"""The stopping rules by name."""
SELECTIONS = ("mode", "perturbation")
_PASSES = 50  # over half of the rows
_CHECKS = 25  # of a search, at equal distances
_TUNED = 10  # steps of the weights between two decisions


@dataclass(frozen=True, slots=True)
class Descended:
    """What a search by a mixture found.

    Attributes:
        space: That was searched.
        logits: A parameter of the space -> its logits, in the order of the options; where a rule
            stopped the search, those it went back to.
        selected: What perturbation selected; None where nothing but the logits decides.
        steps: Steps of the logits.
        stopped: The name of the rule that stopped the search; None if it ran to its end.
        losses: The loss of each step of the weights.
        eigenvalues: At each check; empty where no rule asked for them.
        seconds: Wall time.
    """

    space: Space
    logits: Mapping[str, tuple[float, ...]]
    selected: Choices | None
    steps: int
    stopped: str | None
    losses: tuple[float, ...]
    eigenvalues: tuple[float, ...]
    seconds: float

    def policy(self) -> Policy:
        """Return the policy of the logits, in which ``none`` is the least likely operation.

        As in DARTS, ``none`` is left out where an architecture is derived: in a mixture it only
        scales what the others bring, which norms undo, so that its logit says nothing.
        """
        policy = Policy(self.space)
        with torch.no_grad():
            for name, own in policy.logits.items():
                options = self.space.distributions[name].choices
                found = dict(zip(options, self.logits[name], strict=True))
                least = min(logit for option, logit in found.items() if option != ABSENT)
                values = [least if o == ABSENT else logit for o, logit in found.items()]
                own.copy_(torch.tensor(values))
        return policy


def search_by_mixture(
    space: Space,
    training: ShortTraining,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    descent: Descent | None = None,
    stop: str | StoppingRule | None = None,
    select: Literal["mode", "perturbation"] = "mode",
    initial: Supernet | None = None,
    seed: int = 0,
) -> Descended:
    """Search by gradient descent on the logits of a mixture of all networks.

    Args:
        space: A ``CellSpace`` or a ``DARTSSpace``.
        training: Gives rows, loss and the recipe of the weights. Only its training rows are read.
        steps: Of the logits, each with one of the weights; by default 50 passes over half the rows,
            as in DARTS, unless ``seconds`` are given.
        seconds: Wall time of the descent, at most.
        descent: How the logits descend; by default as in DARTS, first order.
        stop: ``"eigenvalue"``, ``"skips"``, or a rule that has not been used.
        select: ``"perturbation"`` decides by what the mixture loses without an option.
        initial: A supernet, whose weights the operations start with.
        seed: Of everything drawn.

    Raises:
        InvalidArgument: for another space, or a setting out of its range.
        InvalidData: if networks do not fit the data.
        NotFinite: if the descent diverges.
    """
    rule = _rule(stop)
    if select not in SELECTIONS:
        raise unknown("selection", select, SELECTIONS)
    if steps is not None:
        check_count("steps", steps)
    if seconds is not None:
        check_positive("seconds", seconds)
    mixture = Mixture.of(space, seed=check_count("seed", seed, least=0), initial=initial)
    device = resolved_device(training.device)
    weights, order = np.random.SeedSequence(seed).spawn(2)
    generator = torch.Generator().manual_seed(int(order.generate_state(1)[0]))
    with active(Generators(weights, device), training.threads):
        run = _Run(mixture, training, descent or Descent(), rule, device, generator)
        run.descend(steps, seconds)
        return run.result(select, _name(stop))


class _Run:
    """A search in progress."""

    def __init__(
        self,
        mixture: Mixture,
        training: ShortTraining,
        descent: Descent,
        rule: StoppingRule | None,
        device: torch.device,
        generator: torch.Generator,
    ) -> None:
        self._began, self._rule, self._generator = time.perf_counter(), rule, generator
        self._mixture = mixture
        self._alternation = Alternation(mixture, training, descent, device, generator)
        self._epoch = self._alternation.steps_per_pass
        self._losses: list[torch.Tensor] = []
        self._checks: list[Check] = []
        self._is_stopped = False

    def descend(self, steps: int | None, seconds: float | None) -> None:
        """Descend until all steps are taken, the time is over, or the rule stops."""
        if steps is None and seconds is None:
            steps = _PASSES * self._epoch
        while not self._is_stopped:
            progress = self._progress(steps, seconds)
            if progress >= 1.0:
                return
            if self._rule is not None and progress * _CHECKS >= len(self._checks) + 1:
                self._check(self._rule)
            else:
                self._losses.append(self._alternation.step(progress))
                self._check_losses()

    def result(self, select: str, rule: str | None) -> Descended:
        """Select, and return what was found."""
        logits = _values(self._mixture)
        selected = None
        if select == "perturbation":
            selected = self._selected()
        needed = self._rule is not None and self._rule.needs_eigenvalue
        return Descended(
            space=self._mixture.space,
            logits=logits,
            selected=selected,
            steps=len(self._losses),
            stopped=rule if self._is_stopped else None,
            losses=tuple(loss.item() for loss in self._losses),
            eigenvalues=tuple(check.eigenvalue for check in self._checks) if needed else (),
            seconds=time.perf_counter() - self._began,
        )

    def _selected(self) -> Choices:
        """Select by perturbation; the schedule of the weights begins anew for the steps between."""
        steps = _TUNED * len(self._mixture.decisions)
        shares = iter([i / steps for i in range(steps)])

        def tune() -> None:
            """Take the steps after a decision."""
            for share in islice(shares, _TUNED):
                self._alternation.tune(share)

        self._alternation.restart()
        loss = self._alternation.validation_loss
        return select_by_perturbation(self._mixture, loss, tune, self._generator)

    def _progress(self, steps: int | None, seconds: float | None) -> float:
        """Return the share of the steps, or of the time, that is over: the larger of both."""
        done = 0.0 if steps is None else len(self._losses) / steps
        gone = 0.0 if seconds is None else (time.perf_counter() - self._began) / seconds
        return max(done, gone)

    def _check(self, rule: StoppingRule) -> None:
        """Ask the rule; where it stops, put back the logits that it wants."""
        options = {name: self._mixture.decision(name).options for name in self._mixture.decisions}
        needed = rule.needs_eigenvalue
        eigenvalue = self._alternation.eigenvalue(self._generator) if needed else math.nan
        self._checks.append(Check(_values(self._mixture), options, eigenvalue))
        back = rule(self._checks[-1])
        if back is None:
            return
        self._is_stopped = True
        kept = self._checks[max(0, len(self._checks) - 1 - back)]
        with torch.no_grad():
            for name, values in kept.logits.items():
                own = self._mixture.decision(name).logits
                own.copy_(torch.tensor(values))

    def _check_losses(self) -> None:
        """Look at the latest losses once per pass: each look waits for the device."""
        if len(self._losses) % self._epoch == 0 and not self._losses[-1].isfinite():
            raise NotFinite(
                f"expected a finite loss of the mixture, got {self._losses[-1].item()} at step "
                f"{len(self._losses)}; lower the learning rate of the training"
            )


def _values(mixture: Mixture) -> dict[str, tuple[float, ...]]:
    return {name: tuple(mixture.decision(name).logits.tolist()) for name in mixture.decisions}


def _rule(stop: object) -> StoppingRule | None:
    if stop is None:
        return None
    if isinstance(stop, str):
        if stop not in RULES:
            raise unknown("stopping rule", stop, RULES)
        return RULES[stop]()
    if isinstance(stop, StoppingRule) and not isinstance(stop, type):
        return stop
    raise InvalidArgument(
        f"expected a stopping rule or one of the names {list(RULES)}, got {stop!r}"
    )


def _name(stop: object) -> str | None:
    return stop if isinstance(stop, str) or stop is None else type(stop).__name__
