"""REINFORCE: a policy of independent softmax choices, moved towards what was better than usual.

    pi(choices) = prod_p softmax(logits_p)[choice_p]
    logits <- Adam(logits, -(reward - baseline) d log pi / d logits)

The baseline is an exponential moving average of the rewards, corrected for its start; it has seen
the reward it is compared with, as in the source. The policy is found anew for each proposal by
going through the finished trials in order. A draw that was proposed before is drawn again.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", Machine Learning 8; Zoph et al. (2018), "Learning transferable
architectures for scalable image recognition", CVPR; Dong and Yang (2020), "NAS-Bench-201", ICLR
(this policy, its learning rate of 0.01 and the momentum of 0.9).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bonas.benchmarks.baselines.baseline import Peer
from bonas.benchmarks.baselines.mutation import unseen
from bonas.benchmarks.baselines.observations import Past, key
from bonas.spaces import Choices, Space

_RATE = 1e-2
_MOMENTUM = 0.9
_FIRST_SD = 1e-3  # of the logits before any reward
_TRIES = 200


class ReinforceController(Peer):
    """A policy-gradient controller over choices.

    >>> import bonas, optuna
    >>> space = bonas.spaces.CellSpace(nodes=3)
    >>> study = optuna.create_study(sampler=ReinforceController(space, seed=0))
    >>> space.is_valid(study.ask(dict(space.distributions)).params)
    True
    """

    def __init__(
        self, space: Space, *, seed: int = 0, rate: float = _RATE, momentum: float = _MOMENTUM
    ) -> None:
        super().__init__(space, seed=seed)
        self.rate = rate
        self.momentum = momentum

    def _proposal(self, past: Past, rng: np.random.Generator) -> Choices:
        policy = self.policy(past).softmax(1).numpy()
        for _ in range(_TRIES):
            choices = {
                name: distribution.choices[_drawn(row[: len(distribution.choices)], rng)]
                for (name, distribution), row in zip(
                    self.space.distributions.items(), policy, strict=True
                )
            }
            if key(choices) not in past.spent and self.space.allows(choices):
                return choices
        return unseen(self.space, past.spent, rng)

    def policy(self, past: Past) -> Tensor:
        """The logits after all finished trials, a row a parameter, -inf where no choice is."""
        distributions = self.space.distributions.values()
        options = [len(distribution.choices) for distribution in distributions]
        first = np.random.default_rng(self.seed).normal(
            0.0, _FIRST_SD, (len(options), max(options))
        )
        missing = torch.arange(max(options)) >= torch.tensor(options).unsqueeze(1)
        logits = torch.from_numpy(first).masked_fill_(missing, -torch.inf)
        optimizer = torch.optim.Adam([logits], lr=self.rate)
        total, weight = 0.0, 0.0
        known = past.finished
        for choices, reward in zip(known.choices, known.values[:, 0].tolist(), strict=True):
            total = self.momentum * total + (1 - self.momentum) * reward
            weight = self.momentum * weight + (1 - self.momentum)
            taken = torch.zeros_like(logits)
            for row, (name, distribution) in enumerate(self.space.distributions.items()):
                taken[row, distribution.choices.index(choices[name])] = 1.0
            # d log pi / d logits = taken - softmax
            logits.grad = -(reward - total / weight) * (taken - logits.softmax(1))
            optimizer.step()
        return logits


def _drawn(weights: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator) -> int:
    return int(rng.choice(len(weights), p=weights / weights.sum()))
