"""Initial weights: what the networks of a training start from, such as those of a supernet.

A value after a start from elsewhere belongs to another fidelity than one from scratch, and to these
weights alone: both are part of the training's description, so that studies never mix them. Weights
that saw rows which are held out here would make every score optimistic, so they are refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import declared_description
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.description import differing_rows
from bonas.evaluation.training.procedure import Run
from bonas.evaluation.training.recalibration import BATCHES, recalibrate
from bonas.evaluation.training.scoring import between_epochs
from bonas.spaces import Choices, Space


@runtime_checkable
class InitialWeights(Protocol):
    """A source of weights for the networks of a space, such as ``bonas.supernets.Supernet``."""

    @property
    def space(self) -> Space:
        """The space whose networks they are for."""
        ...

    @property
    def training(self) -> object:
        """The ``ShortTraining`` whose training rows these weights have seen; None if they saw none.

        A training on other rows refuses them.
        """
        ...

    def copy_into(self, network: nn.Module, choices: Choices) -> None:
        """Set the parameters of a network that the space built from these choices.

        Running statistics of batch norms need no values: they are recalibrated.
        """
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON values that differ for other weights."""
        ...


def check_initial(initial: object, *, inherit: bool) -> None:
    """Refuse what gives no initial weights, and two ways of having some.

    Raises:
        InvalidArgument: saying what to give.
    """
    if initial is None:
        return
    if isinstance(initial, type) or not isinstance(initial, InitialWeights):
        raise InvalidArgument(
            "expected initial weights of an object such as a Supernet, got "
            f"{initial!r}; as in ShortTraining(initial=Supernet.load(path, space, training))"
        )
    if inherit:
        raise InvalidArgument(
            "expected networks to start from initial weights or from those of a trained network, "
            "got both initial and inherit=True; leave one of them out"
        )


def described_initial(initial: InitialWeights, training: Mapping[str, Any]) -> dict[str, Any]:
    """Return the description of initial weights, for a training of this description.

    Raises:
        InvalidArgument: if they were trained on other rows.
    """
    own = declared_description(initial.training)
    for seen in own.values():  # one per objective, with the same rows
        if differing := differing_rows(seen, training):
            raise InvalidArgument(
                "expected initial weights that were trained on the training rows of this "
                f"training, got {'; '.join(differing)}. They may have seen rows that judge a "
                "network here; train them with the same data, validation, test and seed"
            )
    return dict(initial.describe())


def check_space(initial: InitialWeights, space: Space) -> None:
    """Refuse initial weights of another space, whose networks may have the same choices.

    Raises:
        InvalidArgument: naming both.
    """
    if initial.space is space:
        return
    theirs, own = initial.space.describe(), space.describe()
    differing = [name for name in {**theirs, **own} if theirs.get(name) != own.get(name)]
    if differing:
        raise InvalidArgument(
            f"expected initial weights of networks of {space!r}, got those of {initial.space!r}, "
            f"which differs in {differing}; train a supernet of this space"
        )


def start_initial(
    initial: InitialWeights,
    described: Mapping[str, Any],
    candidate: Candidate,
    run: Run,
    seed: np.random.SeedSequence,
) -> None:
    """Give the network of a training its initial weights, and batch norms statistics that fit.

    The statistics are those of a few training batches, as the training reads them. The training
    goes on as if none had been read.

    Args:
        initial: The weights.
        described: Their description as that of the training has it.
        candidate: Whose network it is.
        run: The training, which has not begun.
        seed: Of the order in which rows are read for the statistics.

    Raises:
        InvalidArgument: if the weights are others by now, or those of another space.
    """
    if (found := initial.describe()) != described:
        raise InvalidArgument(
            f"expected the initial weights to stay {described}, got {found}: values of before and "
            "after are not comparable; train a supernet before the search that starts from it, or "
            "begin a new study with a new ShortTraining"
        )
    check_space(initial, candidate.space)
    network, trainer = run.network, run.trainer
    with torch.no_grad():
        initial.copy_into(network, candidate.numbered_choices)
    shuffler = torch.Generator().manual_seed(int(seed.generate_state(1)[0]))
    batches = replace(trainer.batches, shuffler=shuffler)
    step = torch.enable_grad()(trainer.step)  # a step of the user's own may need gradients
    with between_epochs(network, batches), in_precision(trainer.recipe.precision, batches.device):
        recalibrate(network, (partial(step, network, each) for each in islice(batches, BATCHES)))
    if run.running is not None:
        run.running.take()  # of rows that were not trained on
