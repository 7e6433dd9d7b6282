"""A candidate: an architecture proposed for evaluation, and afterwards what was measured of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from optuna.trial import FrozenTrial, Trial
from torch import nn

from bonas.evaluation.weights import Folder, load_weights
from bonas.settings import own_settings
from bonas.spaces import ArchitectureGraph, Choices, Space

INDEX = "bonas:index"
"""The trial's user attribute that says which proposal of the study it is, where that is not the
trial's number: a proposal that was cut off is evaluated again in another trial."""


@dataclass(frozen=True)
class Candidate:
    """One architecture of a space and the Optuna trial that stands for it.

    Attributes:
        space: Where it comes from.
        choices: A parameter's name -> the chosen value.
        trial: Optuna's record; ask it for further parameters (``candidate.trial.suggest_float``).
        values: An objective's name -> the measured value, in the objective's unit; empty before
            the evaluation.
    """

    space: Space = field(repr=False)
    choices: Choices
    trial: Trial | FrozenTrial = field(repr=False)
    values: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def of(
        cls, space: Space, trial: Trial | FrozenTrial, values: Mapping[str, float] | None = None
    ) -> Candidate:
        """The candidate that a trial stands for: its parameters that belong to the space."""
        choices = {n: trial.params[n] for n in space.distributions if n in trial.params}
        return cls(space, space.completed(choices), trial, values or {})

    @property
    def graph(self) -> ArchitectureGraph:
        """The labelled graph of the architecture."""
        return self.space.graph(self.choices)

    @property
    def number(self) -> int:
        """Which proposal of its study it is, from 0; the same when it is evaluated again."""
        return index_of(self.trial)

    def build(self) -> nn.Module:
        """An untrained network; what its builder notes stands in the trial, while that runs.

        Raises:
            MissingBuilder: if the space does not say how.
        """
        numbers = {name: self.trial.params[name] for name in self.space.numeric}
        alive = self.trial if isinstance(self.trial, Trial) else None
        return self.space.build_for({**self.choices, **numbers}, alive)

    def trained(self, folder: Folder | None = None) -> nn.Module:
        """The network with the weights that its training left, in evaluation mode.

        Args:
            folder: Where the weights are now; None is where they were kept.

        Raises:
            MissingData: if none were kept (``ShortTraining(keep_weights=...)`` does), or their file
                is gone.
            InvalidData: if they are those of another network.
            MissingBuilder: if the space does not say how to build it.
        """
        with own_settings(), torch.random.fork_rng(devices=[]):
            network = self.build()
        load_weights(self, network, folder)
        return network.eval()


def index_of(trial: Trial | FrozenTrial) -> int:
    """Which proposal of its study a trial stands for."""
    index: object = trial.user_attrs.get(INDEX)
    good = isinstance(index, int) and not isinstance(index, bool) and index >= 0
    return index if good else trial.number  # type: ignore[return-value]  # good says so
