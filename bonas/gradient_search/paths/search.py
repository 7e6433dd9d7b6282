"""The search by sampled paths: a step of the logits, a step of the weights of a drawn network, ...

| method | estimator | Adam: rate, betas, weight decay | warm-up |
|---|---|---|---|
| ``gdas`` | ``gumbel`` | 3e-4, (0.5, 0.999), 1e-3, as in the source | 0 |
| ``proxyless`` | ``binary_gates`` | 1e-3, (0, 0.999), 0, as in the source | 0 |
| ``enas`` | ``reinforce`` | 1e-2, (0.9, 0.999), 0 | half of the search |

The rate of ENAS is that of Dong and Yang (2020), "NAS-Bench-201", ICLR, for a policy of independent
choices. In a warm-up the weights learn alone, from networks that are drawn uniformly: at first
shared weights favour networks that learn fast, and the score function has nothing else to go by. A
search that begins with trained weights has none.
Weights learn from one half of the training rows, logits from the other.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidArgument, NotFinite
from bonas.evaluation import ShortTraining
from bonas.evaluation.training.suspension import Generators, active
from bonas.gradient_search.absence import make_absence_unlikely
from bonas.gradient_search.loop import Logits, Loop, check_length, checked_rule, rule_name
from bonas.gradient_search.paths.binary_gates import BinaryGates
from bonas.gradient_search.paths.estimator import Estimator
from bonas.gradient_search.paths.gumbel import GumbelGates
from bonas.gradient_search.paths.places import Places
from bonas.gradient_search.paths.reinforce import Reinforce
from bonas.gradient_search.paths.shared_weights import SharedWeights, own_supernet
from bonas.gradient_search.penalty import Penalty
from bonas.gradient_search.policy import Policy
from bonas.gradient_search.stopping import StoppingRule
from bonas.spaces import Choice, Space
from bonas.supernets.supernet import Supernet


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a method.

    Attributes:
        learning_rate: Of the logits, by Adam.
        betas: Of Adam.
        weight_decay: Of the logits.
        warm_up: The share of the search, in [0, 1), in which the weights learn alone.
    """

    learning_rate: float
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    warm_up: float = 0.0


METHODS: Mapping[str, Settings] = {
    "gdas": Settings(3e-4, (0.5, 0.999), 1e-3),
    "proxyless": Settings(1e-3, (0.0, 0.999)),
    "enas": Settings(1e-2, warm_up=0.5),
}
"""The methods by name."""


@dataclass(frozen=True, slots=True)
class Sampled:
    """What a search by sampled paths found.

    Attributes:
        policy: What it learned; with gates, ``none`` is its least likely operation (``absence``).
        steps: Steps of the logits.
        stopped: The name of the rule that stopped the search; None if it ran to its end.
        losses: The loss of each step of the weights.
        seconds: Wall time.
    """

    policy: Policy
    steps: int
    stopped: str | None
    losses: tuple[float, ...]
    seconds: float


def search_by_paths(
    space: Space,
    training: ShortTraining,
    method: str,
    *,
    steps: int | None = None,
    seconds: float | None = None,
    learning_rate: float | None = None,
    stop: str | StoppingRule | None = None,
    initial: Supernet | None = None,
    penalty: Penalty | None = None,
    seed: int = 0,
    bar: str | None = None,
) -> Sampled:
    """Search by gradients of a policy through networks that it draws.

    Args:
        space: Builds networks; for gates, some of their modules are options.
        training: Gives rows, loss and the recipe of the weights. Only its training rows are read.
        method: A name out of ``METHODS``.
        steps: Of the logits, each with one of the weights; by default 50 passes over half the rows,
            unless ``seconds`` are given.
        seconds: Wall time of the descent, at most.
        learning_rate: Of the logits; by default that of the method.
        stop: ``"skips"``, or a rule that needs no eigenvalue and has not been used.
        initial: A supernet, with whose weights it begins.
        penalty: Of costly networks, added to the loss of the logits.
        seed: Of everything drawn.
        bar: The text before a progress bar; None shows none.

    Raises:
        InvalidArgument: for a space without a place for gates, or a setting out of its range.
        InvalidData: if networks do not fit the data.
        NotFinite: if the search diverges.
    """
    began, rule = time.perf_counter(), _checked_rule(stop, method)
    check_length(steps, seconds)
    settings = _settings(method, learning_rate, begins_trained=initial is not None)
    supernet = own_supernet(space, training, check_count("seed", seed, least=0), initial)
    weights, order, draws = np.random.SeedSequence(seed).spawn(3)
    with active(Generators(weights, supernet.store.device), training.threads):
        shared = SharedWeights(supernet, _generator(order))
        policy, generator = Policy(space), _generator(draws)
        estimator = _estimator(method, policy, supernet, shared, generator, penalty)
        descent = _Descending(policy, shared, estimator, settings, penalty, generator)
        loop = Loop(descent, rule, bar=bar, began=began)
        loop.run(steps, seconds)
    if method != "enas":
        make_absence_unlikely(policy)
    return Sampled(
        policy=policy,
        steps=len(loop.losses),
        stopped=rule_name(stop) if loop.is_stopped else None,
        losses=tuple(loss.item() for loss in loop.losses),
        seconds=loop.seconds,
    )


def _checked_rule(stop: str | StoppingRule | None, method: str) -> StoppingRule | None:
    rule = checked_rule(stop)
    if rule is not None and rule.needs_eigenvalue:
        raise InvalidArgument(
            f"expected a rule that needs no eigenvalue for method={method!r}, got {stop!r}: only a "
            'mixture (method="darts") has the Hessian of its logits; use stop="skips"'
        )
    return rule


def _settings(method: str, learning_rate: float | None, begins_trained: bool) -> Settings:
    """Return the settings of a method, at another learning rate, without a needless warm-up."""
    settings = METHODS[method]
    if learning_rate is not None:
        rate = check_positive("learning_rate", learning_rate)
        settings = replace(settings, learning_rate=rate)
    return replace(settings, warm_up=0.0) if begins_trained else settings


def _estimator(
    method: str,
    policy: Policy,
    supernet: Supernet,
    shared: SharedWeights,
    generator: torch.Generator,
    penalty: Penalty | None,
) -> Estimator:
    """Return the estimator of a method.

    Raises:
        InvalidArgument: for a space without a place for its gates.
    """
    if method == "enas":
        return Reinforce(policy, supernet, shared, generator)
    places = Places(supernet, method)
    if method == "gdas":
        return GumbelGates(policy, places, shared, generator)
    return BinaryGates(policy, places, shared, generator, keeps=penalty is None)


class _Descending:
    """The alternation of both steps, as the loop sees it."""

    def __init__(
        self,
        policy: Policy,
        weights: SharedWeights,
        estimator: Estimator,
        settings: Settings,
        penalty: Penalty | None,
        generator: torch.Generator,
    ) -> None:
        self._policy, self._weights, self._estimator = policy, weights, estimator
        self._penalty, self._generator = penalty, generator
        self._warm_up = settings.warm_up
        self._adam = torch.optim.Adam(
            policy.logits.values(),
            settings.learning_rate,
            settings.betas,
            weight_decay=settings.weight_decay,
        )
        self.options: Mapping[str, tuple[Choice, ...]] = {
            name: tuple(d.choices) for name, d in policy.space.distributions.items()
        }

    @property
    def logits(self) -> Logits:
        return {name: tuple(own.tolist()) for name, own in self._policy.logits.items()}

    @property
    def steps_per_pass(self) -> int:
        return self._weights.steps_per_pass

    def step(self, progress: float) -> Tensor:
        """Take a step of the logits, after the warm-up, and one of a drawn network's weights."""
        if progress >= self._warm_up:
            self._step_logits(progress)
        return self._weights.learn(self._policy.sample(self._generator), progress)

    def eigenvalue(self) -> float:
        raise NotImplementedError  # rules that ask for it are refused

    def restore(self, logits: Logits) -> None:
        with torch.no_grad():
            for name, values in logits.items():
                self._policy.logits[name].copy_(torch.tensor(values, dtype=torch.float64))

    def _step_logits(self, progress: float) -> None:
        loss = self._estimator.loss(progress)
        if self._penalty is not None:
            loss = loss + self._penalty(self._policy)
        if not loss.isfinite():
            raise NotFinite(
                f"expected a finite loss of the policy, got {loss.item()}; lower the learning rate "
                "of the training"
            )
        logits = list(self._policy.logits.values())
        found = torch.autograd.grad(loss, logits, allow_unused=True)
        for own, gradient in zip(logits, found, strict=True):
            own.grad = gradient
        self._adam.step()
        self._estimator.settle()


def _generator(seed: np.random.SeedSequence) -> torch.Generator:
    return torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
