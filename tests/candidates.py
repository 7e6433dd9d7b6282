"""Candidates with the network of a test."""

from __future__ import annotations

from collections.abc import Callable

from optuna.trial import TrialState, create_trial
from torch import nn

from bonas.evaluation import Candidate
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choices, Space


class OneNetwork(Space):
    """A space whose choices are all the same network."""

    parameters = {"which": ["this", "that"]}  # noqa: RUF012 - never changed, short to read

    def __init__(
        self, network: Callable[[], nn.Module], input_shape: tuple[int, ...] | None = None
    ) -> None:
        self.network = network
        self.input_shape = input_shape

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return ArchitectureGraph([INPUT, str(choices["which"]), OUTPUT], [(0, 1), (1, 2)])

    def build(self, choices: Choices) -> nn.Module:
        return self.network()


def candidate(network: Callable[[], nn.Module], number: int = 0) -> Candidate:
    """Return the candidate of that trial number with that network."""
    return candidate_of(OneNetwork(network), {"which": "this"}, number)


def candidate_of(space: Space, choices: Choices, number: int = 0) -> Candidate:
    """Return the candidate of that trial number in a space."""
    trial = create_trial(state=TrialState.RUNNING)
    trial.number = number
    return Candidate(space, choices, trial)
