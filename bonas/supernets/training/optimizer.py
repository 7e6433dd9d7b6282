"""The optimizer of shared weights, which may become more and larger while it is used.

Its rates follow the share of the training that is done, since a training may be limited by time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import SGD

from bonas.evaluation.training.recipe import Recipe
from bonas.supernets.store import Store, box

States = dict[str, dict[str, Tensor]]
"""A key -> the name of a moment or counter -> its tensor."""

_POINTS = 1_000  # of the schedule, between which rates are interpolated
_OTHER = "loss."  # before the names of weights that belong to the loss


class SharedOptimizer:
    """The optimizer of a store, and of a loss that has weights.

    Args:
        recipe: Kind, rates and schedule.
        store: The shared weights.
        others: Holds weights that are trained along, such as those of a loss.
    """

    def __init__(self, recipe: Recipe, store: Store, others: nn.Module) -> None:
        self._store = store
        self._others = {_OTHER + name: weight for name, weight in others.named_parameters()}
        self._held = self._wanted()
        self._shapes = {key: weight.shape for key, weight in self._held.items()}
        self._optimizer = recipe.make_optimizer(self._held.values())
        self._rates = _rates(recipe)
        self._begin(self._held.values())

    def follow(self) -> None:
        """Take in shared weights that are new or have grown; new moments are zero."""
        for key, weight in self._wanted().items():
            if key not in self._held:
                self._optimizer.add_param_group({"params": [weight]})
                self._held[key] = weight
                self._begin([weight])
            elif weight.shape != self._shapes[key]:
                self._grow(key, weight)
            self._shapes[key] = weight.shape

    def zero_grad(self) -> None:
        """Forget all gradients."""
        self._optimizer.zero_grad(set_to_none=True)

    def step(self, progress: float) -> None:
        """Update the weights that have gradients, with the rates at this share of the training."""
        rates = self.rates(progress)
        for group in self._optimizer.param_groups:
            group.update(rates)
        self._optimizer.step()

    def rates(self, progress: float) -> dict[str, Any]:
        """Return the learning rate and the momentum at a share of the training, as settings."""
        at = min(max(progress, 0.0), 1.0) * _POINTS
        own: dict[str, Any] = {
            name: float(np.interp(at, np.arange(len(points)), points))
            for name, points in self._rates.items()
        }
        if "beta1" in own:
            own["betas"] = (own.pop("beta1"), own.pop("beta2"))
        return own

    @property
    def states(self) -> States:
        """Moments and counters of all weights that have been updated."""
        state = self._optimizer.state
        return {
            key: {name: x for name, x in state[weight].items() if isinstance(x, Tensor)}
            for key, weight in self._held.items()
            if weight in state
        }

    def restore(self, states: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Put back moments and counters."""
        for key, own in states.items():
            weight = self._held[key]
            self._optimizer.state[weight] = {
                name: x.to(weight.device, copy=True) for name, x in own.items()
            }

    def _wanted(self) -> dict[str, nn.Parameter]:
        shared = {key: self._store[key] for key in self._store}
        return {k: w for k, w in {**shared, **self._others}.items() if w.requires_grad}

    def _begin(self, weights: Iterable[nn.Parameter]) -> None:
        """Give weights a momentum of zero, with which the first step is as without one.

        SGD in one kernel cannot take weights of which some have a momentum and others do not yet.
        """
        if isinstance(self._optimizer, SGD):
            for weight in weights:
                self._optimizer.state[weight]["momentum_buffer"] = torch.zeros_like(weight)

    def _grow(self, key: str, weight: nn.Parameter) -> None:
        """Surround the moments of a weight that has grown with zeros."""
        before = self._shapes[key]
        inside = box(weight.shape, before, self._store.kernel(key))
        for name, own in self._optimizer.state.get(weight, {}).items():
            if isinstance(own, Tensor) and own.shape == before and own.dim():
                grown = torch.zeros_like(weight, dtype=own.dtype)
                grown[inside] = own
                self._optimizer.state[weight][name] = grown


def _rates(recipe: Recipe) -> dict[str, np.ndarray]:
    """Return each rate at equally distant points of a training."""
    optimizer = recipe.make_optimizer([nn.Parameter(torch.zeros(1))])
    schedule = recipe.make_schedule(optimizer, _POINTS)
    points = [_of(optimizer.param_groups[0])]
    for _ in range(_POINTS - 1):
        optimizer.step()
        schedule.step()
        points.append(_of(optimizer.param_groups[0]))
    return {name: np.array([point[name] for point in points]) for name in points[0]}


def _of(group: Mapping[str, Any]) -> dict[str, float]:
    own = {"lr": float(group["lr"])}
    if "betas" in group:
        return {**own, "beta1": float(group["betas"][0]), "beta2": float(group["betas"][1])}
    return {**own, "momentum": float(group["momentum"])}
