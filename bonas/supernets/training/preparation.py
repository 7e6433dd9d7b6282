"""Preparation: room for all networks of a space, and the training of one of them as a pattern."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.training.procedure import Run
from bonas.supernets.training.fair import FairSampler
from bonas.supernets.training.sizes import Sizes

if TYPE_CHECKING:
    from bonas.supernets.supernet import Supernet


def training_of(supernet: Supernet) -> ShortTraining:
    """Return the training of a supernet.

    Raises:
        InvalidArgument: if it has none.
    """
    if supernet.training is None:
        raise InvalidArgument(
            "expected a supernet with a training, got one without; create it as "
            "Supernet(space, ShortTraining(...)), whose rows and loss it is trained and scored with"
        )
    return supernet.training


def cover(supernet: Supernet) -> None:
    """Make room for the extreme networks and each option, so that growth is rare afterwards.

    The largest comes first: tensors then have its initial values, as if it were built alone.
    """
    space, rng = supernet.space, np.random.default_rng(supernet.seed)
    sizes = Sizes(space)
    ends = [sizes.largest(rng), sizes.smallest(rng)] if sizes.options else []
    for choices in [*ends, *FairSampler(space).step(rng, 0.0).paths]:
        supernet.cover(choices)


def prepared(supernet: Supernet) -> Run:
    """Make room for all networks, and return the training of one, whose parts serve all of them.

    Torch's global generators are drawn from.

    Raises:
        InvalidArgument: if the supernet has no training.
        InvalidData: if the network does not fit the data.
    """
    training, device = training_of(supernet), supernet.store.device
    choices = supernet.space.sample(np.random.default_rng(supernet.seed))
    candidate = Candidate.without_trial(supernet.space, choices)
    network = supernet.space.build(choices).to(device)  # with weights that nothing has spoilt
    cover(supernet)
    run = training.procedure.prepare(network, candidate, device, torch.Generator())
    if supernet.state.loss_weights:
        run.trainer.others.load_state_dict(dict(supernet.state.loss_weights))
    return run
