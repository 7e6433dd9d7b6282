"""The search by a mixture: descend, stop in time, select.

Sources: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR; those of
the stopping rules and of the selection are named in their modules.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np
import torch

from bonas.arguments import check_count
from bonas.errors import unknown
from bonas.evaluation import ShortTraining
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.training.suspension import Generators, active
from bonas.gradient_search.absence import make_absence_unlikely
from bonas.gradient_search.loop import Logits, Loop, check_length, checked_rule, rule_name
from bonas.gradient_search.mixture.alternation import Alternation, Descent
from bonas.gradient_search.mixture.mixture import Mixture
from bonas.gradient_search.mixture.perturbation import select_by_perturbation
from bonas.gradient_search.penalty import Penalty
from bonas.gradient_search.policy import Policy
from bonas.gradient_search.stopping import StoppingRule
from bonas.spaces import Choices, Space
from bonas.supernets.supernet import Supernet

SELECTIONS = ("mode", "perturbation")
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
        """Return the policy of the logits, in which ``none`` is the least likely operation."""
        policy = Policy(self.space)
        with torch.no_grad():
            for name, own in policy.logits.items():
                own.copy_(torch.tensor(self.logits[name]))
        make_absence_unlikely(policy)
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
    penalty: Penalty | None = None,
    seed: int = 0,
    bar: str | None = None,
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
        penalty: Of costly networks, added to the loss of the logits.
        seed: Of everything drawn.
        bar: The text before a progress bar; None shows none.

    Raises:
        InvalidArgument: for another space, or a setting out of its range.
        InvalidData: if networks do not fit the data.
        NotFinite: if the descent diverges.
    """
    began, rule = time.perf_counter(), checked_rule(stop)
    if select not in SELECTIONS:
        raise unknown("selection", select, SELECTIONS)
    check_length(steps, seconds)
    mixture = Mixture.of(space, seed=check_count("seed", seed, least=0), initial=initial)
    device = resolved_device(training.device)
    weights, order = np.random.SeedSequence(seed).spawn(2)
    generator = torch.Generator().manual_seed(int(order.generate_state(1)[0]))
    with active(Generators(weights, device), training.threads):
        descent = descent or Descent()
        alternation = Alternation(mixture, training, descent, device, generator, penalty)
        own = _Descending(alternation, generator)
        loop = Loop(own, rule, bar=bar, began=began)
        loop.run(steps, seconds)
        logits = own.logits
        selected = own.selected() if select == "perturbation" else None
        needed = rule is not None and rule.needs_eigenvalue
        return Descended(
            space=space,
            logits=logits,
            selected=selected,
            steps=len(loop.losses),
            stopped=rule_name(stop) if loop.is_stopped else None,
            losses=tuple(loss.item() for loss in loop.losses),
            eigenvalues=tuple(check.eigenvalue for check in loop.checks) if needed else (),
            seconds=loop.seconds,
        )


class _Descending:
    """The alternating descent of a mixture, as the loop sees it."""

    def __init__(self, alternation: Alternation, generator: torch.Generator) -> None:
        self._alternation, self._generator = alternation, generator
        self._mixture = alternation.mixture
        self.options = {n: self._mixture.decision(n).options for n in self._mixture.decisions}

    @property
    def logits(self) -> Logits:
        names = self._mixture.decisions
        return {name: tuple(self._mixture.decision(name).logits.tolist()) for name in names}

    @property
    def steps_per_pass(self) -> int:
        return self._alternation.steps_per_pass

    def step(self, progress: float) -> torch.Tensor:
        return self._alternation.step(progress)

    def eigenvalue(self) -> float:
        return self._alternation.eigenvalue(self._generator)

    def restore(self, logits: Logits) -> None:
        with torch.no_grad():
            for name, values in logits.items():
                self._mixture.decision(name).logits.copy_(torch.tensor(values))

    def selected(self) -> Choices:
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
