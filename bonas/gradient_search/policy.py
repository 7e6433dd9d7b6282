"""A policy: a distribution over the networks of a space, with a gradient.

    p(choices) = prod over parameters in choices of softmax(logits of the parameter)[option]

A vector of logits per parameter, independent of the others; a parameter counts where it applies.
Choices that the space does not allow are drawn again, so that the distribution of draws is
``p / acceptance`` on what is allowed. ``log_prob`` is that of ``p``, which sums to 1 over all
combinations.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", Machine Learning 8; Cai, Zhu and Han (2019), "ProxylessNAS", ICLR.
"""

from __future__ import annotations

import hashlib
import heapq
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from bonas.arguments import check_count, is_number
from bonas.errors import InvalidArgument, InvalidData, InvalidSpace
from bonas.gradient_search.applicability import Branch, applying, branches_of
from bonas.gradient_search.cost import Cost, Function, Table, as_cost, table_sum
from bonas.gradient_search.score_function import estimate
from bonas.spaces import Choice, Choices, Space

_TRIES = 10_000  # draws, and combinations next to the mode, of which none is allowed
_PER_CANDIDATE = 20  # draws of which one is new
_DRAWS = 64  # of an expectation that is estimated
_VERSION = 1


class Policy:
    """Independent softmax choices over the parameters of a space.

    It is also a source of candidates (``optimize(candidates=policy)``) and, by ``log_prob``, of
    scores (``optimize(zero_cost=policy)``).

    Args:
        space: The architectures.

    Attributes:
        logits: A parameter -> its logits, one per option, float64 with a gradient; change them in
            place, by an optimizer of ``logits.values()``.

    Raises:
        InvalidArgument: for something else than a space.

    >>> from bonas.spaces import NASBench201
    >>> policy = Policy(NASBench201())
    >>> choices = policy.sample(torch.Generator().manual_seed(0))
    >>> round(policy.log_prob(choices).exp().item() * 5**6, 6)
    1.0
    """

    name: str = "policy"
    names: ClassVar[Sequence[str]] = ("log_prob",)
    cost: ClassVar[float] = 0.0

    def __init__(self, space: Space) -> None:
        if not isinstance(space, Space):
            raise InvalidArgument(f"expected a bonas.Space, got {space!r}")
        self.space = space
        self.logits = {
            name: torch.zeros(len(d.choices), dtype=torch.float64, requires_grad=True)
            for name, d in space.distributions.items()
        }

    @property
    def probabilities(self) -> dict[str, Tensor]:
        """A parameter -> the probabilities of its options, where it applies; with gradient."""
        return {name: logits.softmax(0) for name, logits in self.logits.items()}

    def sample(self, generator: torch.Generator) -> Choices:
        """Draw choices that the space allows.

        Raises:
            InvalidSpace: if none of 10,000 draws is allowed.
        """
        return next(self._allowed(generator))

    def log_prob(self, choices: Choices, of: Collection[str] | None = None) -> Tensor:
        """Return the log-probability of choices, before those that are not allowed are rejected.

        A scalar with gradient. Numbers among ``choices`` do not count.

        Args:
            choices: A combination.
            of: The parameters that count; None counts all.

        Raises:
            InvalidSpace: if they are no combination of the space.
        """
        own = self.space.checked({n: x for n, x in choices.items() if n not in self.space.numeric})
        return self._log_prob({n: x for n, x in own.items() if of is None or n in of})

    def options(self, generator: torch.Generator) -> Choices:
        """Draw an option of every parameter, whether or not it applies."""
        drawn = {}
        for name, own in self.logits.items():
            index = int(torch.multinomial(own.detach().softmax(0), 1, generator=generator))
            drawn[name] = self.space.distributions[name].choices[index]
        return drawn

    def acceptance(self, generator: torch.Generator, draws: int = 1_000) -> float:
        """Return the share of draws that the space allows, by that many draws."""
        found = sum(self.space.allows(self._drawn(generator)) for _ in range(draws))
        return found / draws

    def applies(self, name: str) -> Tensor | None:
        """Return the probability that a parameter applies; None where that is only estimated.

        Before choices that are not allowed are rejected; exact, with gradient.
        """
        if self._branches is None:
            return None
        return applying(self._branches[name], self.probabilities)

    def entropy(self, generator: torch.Generator | None = None) -> Tensor:
        """Return the entropy of ``log_prob`` in nats, a scalar with gradient.

        Exact, or estimated from draws where it is not known when parameters apply.
        """
        if self._branches is None:
            return self._estimated(lambda choices: -self._log_prob(choices).item(), generator)
        found = torch.zeros((), dtype=torch.float64)
        for name, own in self.logits.items():
            surprise = -(own.softmax(0) * own.log_softmax(0)).sum()
            found = found + self._applying(name) * surprise
        return found

    def expected(
        self, cost: Cost, generator: torch.Generator | None = None, draws: int = _DRAWS
    ) -> Tensor:
        """Return the expected cost of a draw, a scalar with gradient.

        A table is summed exactly, before choices that are not allowed are rejected. A function is
        called for each of ``draws`` draws, all allowed; its gradient is that of the score function.

        Args:
            cost: A table ``{(parameter, option): number}`` or ``{parameter: {option: number}}``, a
                function of choices, or an evaluator with one objective.
            generator: Of the draws; None draws the same ones at each call.
            draws: At least 2.

        Raises:
            InvalidArgument: for a cost that is none of these, or not finite.
        """
        found = as_cost(self.space, cost)
        if callable(found):
            return self._estimated(found, generator, check_count("draws", draws, least=2))
        if self._branches is None:
            return self._estimated(self._summed(found), generator, draws)
        total = torch.zeros((), dtype=torch.float64)
        for name, row in found.items():
            mean = self.logits[name].softmax(0) @ torch.tensor(row, dtype=torch.float64)
            total = total + self._applying(name) * mean
        return total

    def mode(self) -> Choices:
        """Return the likeliest option of each parameter that applies, if the space allows it.

        Otherwise those nearest to it by the log-odds that are given up in all.

        Raises:
            InvalidSpace: if none of 10,000 combinations is allowed.
        """
        for choices in islice(self.by_log_odds(), _TRIES):
            if self.space.allows(choices):
                return choices
        raise InvalidSpace(
            f"none of the {_TRIES:,} combinations nearest to the mode is allowed by "
            f"{type(self.space).__name__}; sample() may find one"
        )

    def candidates(self, n: int, seed: int) -> list[Choices]:
        """Return at most ``n`` choices: the mode, then draws; no two are the same network."""
        generator = torch.Generator().manual_seed(seed)
        found = {self.space.architecture(first).key: first for first in [self.mode()]}
        for choices in islice(self._allowed(generator), _PER_CANDIDATE * check_count("n", n)):
            if len(found) == n:
                break
            found.setdefault(self.space.architecture(choices).key, choices)
        return list(found.values())

    def describe(self) -> dict[str, Any]:
        """Return what decides candidates and scores, as JSON values."""
        text = json.dumps(self.state(), sort_keys=True).encode()
        return {"policy": self.name, "logits": hashlib.blake2b(text, digest_size=8).hexdigest()}

    def __call__(self, space: Space, choices: Choices, /) -> Mapping[str, float]:
        """Return the log-probability of an architecture as a score."""
        return {"log_prob": self.log_prob(choices).item()}

    def state(self) -> dict[str, Any]:
        """Return the policy as JSON values: of each parameter the options and the logits."""
        return {
            "version": _VERSION,
            "space": type(self.space).__name__,
            "parameters": {
                name: {"options": list(d.choices), "logits": self.logits[name].tolist()}
                for name, d in self.space.distributions.items()
            },
        }

    @classmethod
    def of_state(cls, space: Space, state: object) -> Policy:
        """Return the policy that ``state`` was made of.

        Raises:
            InvalidData: if it is no state of a policy of this space; it says what differs.
        """
        policy = cls(space)
        rows = state.get("parameters") if isinstance(state, Mapping) else None
        if not isinstance(state, Mapping) or not isinstance(rows, Mapping):
            raise InvalidData(f"expected the state of a policy, got {state!r:.200}")
        if state.get("version") != _VERSION:
            raise InvalidData(
                f"expected a policy of version {_VERSION}, got {state.get('version')!r}"
            )
        if rows.keys() != policy.logits.keys():
            raise InvalidData(
                f"expected a policy over {sorted(policy.logits)}, got one over {sorted(rows)}"
            )
        with torch.no_grad():
            for name, row in rows.items():
                policy.logits[name].copy_(_logits(space, name, row))
        return policy

    def _log_prob(self, choices: Choices) -> Tensor:
        found = torch.zeros((), dtype=torch.float64)
        for name, value in choices.items():
            index = self.space.distributions[name].choices.index(value)
            found = found + self.logits[name].log_softmax(0)[index]
        return found

    def _drawn(self, generator: torch.Generator) -> Choices:
        """Draw a combination, allowed or not."""
        return self.space.completed(self.options(generator))

    def _allowed(self, generator: torch.Generator) -> Iterator[Choices]:
        """Yield draws that are allowed.

        Raises:
            InvalidSpace: if 10,000 draws in a row are not.
        """
        rejected = 0
        while rejected < _TRIES:
            choices = self._drawn(generator)
            if self.space.allows(choices):
                rejected = 0
                yield choices
            else:
                rejected += 1
        raise InvalidSpace(
            f"none of {_TRIES:,} draws of a policy is allowed by {type(self.space).__name__}; its "
            "logits leave no probability for networks that are"
        )

    def _estimated(
        self, cost: Function, generator: torch.Generator | None, draws: int = _DRAWS
    ) -> Tensor:
        source = torch.Generator().manual_seed(0) if generator is None else generator
        drawn = list(islice(self._allowed(source), draws))
        values = torch.tensor([cost(choices) for choices in drawn], dtype=torch.float64)
        return estimate(values, torch.stack([self._log_prob(choices) for choices in drawn]))

    def _summed(self, table: Table) -> Function:
        return lambda choices: table_sum(self.space, table, choices)

    def _applying(self, name: str) -> Tensor:
        found = self.applies(name)
        assert found is not None  # where branches are known
        return found

    @cached_property
    def _branches(self) -> dict[str, list[Branch]] | None:
        return branches_of(self.space)

    def by_log_odds(self) -> Iterator[Choices]:
        """Yield different combinations in the order of the log-odds that they give up.

        Given up is, summed over all parameters, the logit of the likeliest option minus that of the
        chosen one. A combination of ranks is followed by those in which one rank, no earlier than
        the latest that was raised, is one higher: so each comes once.
        """
        names = list(self.logits)
        orders = [np.argsort(-own.detach().numpy(), kind="stable") for own in self.logits.values()]
        lost = [
            (own.detach().max() - own.detach()).numpy()[order].tolist()
            for own, order in zip(self.logits.values(), orders, strict=True)
        ]
        queue: list[tuple[float, tuple[int, ...], int]] = [(0.0, (0,) * len(names), 0)]
        seen: set[tuple[tuple[str, Choice], ...]] = set()
        while queue:
            total, ranks, latest = heapq.heappop(queue)
            for i in range(latest, len(names)):
                rank = ranks[i] + 1
                if rank < len(lost[i]):
                    more = (*ranks[:i], rank, *ranks[i + 1 :])
                    step = lost[i][rank] - lost[i][rank - 1]
                    heapq.heappush(queue, (total + step, more, i))
            chosen = {
                name: self.space.distributions[name].choices[int(order[rank])]
                for name, order, rank in zip(names, orders, ranks, strict=True)
            }
            choices = self.space.completed(chosen)
            key = tuple(choices.items())
            if key not in seen:
                seen.add(key)
                yield choices


def _logits(space: Space, name: str, row: object) -> Tensor:
    options = list(space.distributions[name].choices)
    own: object = row.get("options") if isinstance(row, Mapping) else None
    if own != options:
        raise InvalidData(f"expected a policy over the options {options} of {name!r}, got {own!r}")
    logits: object = row.get("logits") if isinstance(row, Mapping) else None
    if (
        not isinstance(logits, list)
        or len(logits) != len(options)
        or not all(is_number(each) and np.isfinite(each) for each in logits)
    ):
        raise InvalidData(f"expected {len(options)} finite logits of {name!r}, got {logits!r}")
    return torch.tensor(logits, dtype=torch.float64)
