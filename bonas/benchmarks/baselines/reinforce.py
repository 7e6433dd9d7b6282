"""REINFORCE: a policy of independent softmax choices, updated by the policy gradient.

    pi(choices) = prod_p softmax(logits_p)[choice_p]
    logits <- Adam(logits, -(reward - baseline) d log pi / d logits)

The baseline is an exponential moving average of the rewards, corrected for its start; it includes
the reward that it is compared with, as in the source. For each proposal the policy is computed
again from the finished trials in order. A combination that was proposed before is drawn again; a
parameter that does not apply has no gradient.

Sources: Williams (1992), "Simple statistical gradient-following algorithms for connectionist
reinforcement learning", Machine Learning 8; Zoph et al. (2018), "Learning transferable
architectures for scalable image recognition", CVPR; Dong and Yang (2020), "NAS-Bench-201", ICLR
(this policy, its learning rate of 0.01 and the momentum of 0.9).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from bonas.benchmarks.baselines.baseline import Baseline
from bonas.benchmarks.baselines.mutation import sample_unseen
from bonas.benchmarks.baselines.observations import Observations, key
from bonas.spaces import Choices, Space

_RATE = 1e-2
_MOMENTUM = 0.9
_FIRST_SD = 1e-3  # of the logits before any reward
_TRIES = 200


class ReinforceController(Baseline):
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

    def _propose(self, observations: Observations, rng: np.random.Generator) -> Choices:
        policy = self.policy(observations).softmax(1).numpy()
        for _ in range(_TRIES):
            drawn = {
                name: distribution.choices[_draw(row[: len(distribution.choices)], rng)]
                for (name, distribution), row in zip(
                    self.space.distributions.items(), policy, strict=True
                )
            }
            choices = self.space.completed(drawn)  # without parameters that do not apply
            if key(choices) not in observations.seen and self.space.allows(choices):
                return choices
        return sample_unseen(self.space, observations.seen, rng)

    def policy(self, observations: Observations) -> Tensor:
        """Return the logits after all finished trials, ``parameters x choices``.

        -inf where a parameter has fewer choices than another.
        """
        logits = self._initial_logits()
        optimizer = torch.optim.Adam([logits], lr=self.rate)
        total, weight = 0.0, 0.0
        known = observations.finished
        for choices, reward in zip(known.choices, known.values[:, 0].tolist(), strict=True):
            total = self.momentum * total + (1 - self.momentum) * reward
            weight = self.momentum * weight + (1 - self.momentum)
            logits.grad = -(reward - total / weight) * self._score(logits, choices)
            optimizer.step()
        return logits

    def _initial_logits(self) -> Tensor:
        distributions = self.space.distributions.values()
        options = [len(distribution.choices) for distribution in distributions]
        first = np.random.default_rng(self.seed).normal(
            0.0, _FIRST_SD, (len(options), max(options))
        )
        missing = torch.arange(max(options)) >= torch.tensor(options).unsqueeze(1)
        return torch.from_numpy(first).masked_fill_(missing, -torch.inf)

    def _score(self, logits: Tensor, choices: Choices) -> Tensor:
        """Return ``d log pi(choices) / d logits``: one-hot choices minus their softmax."""
        probabilities, score = logits.softmax(1), torch.zeros_like(logits)
        for row, (name, distribution) in enumerate(self.space.distributions.items()):
            if name in choices:
                score[row] = -probabilities[row]
                score[row, distribution.choices.index(choices[name])] += 1.0
        return score


def _draw(weights: np.ndarray[tuple[int], np.dtype[np.float64]], rng: np.random.Generator) -> int:
    return int(rng.choice(len(weights), p=weights / weights.sum()))
