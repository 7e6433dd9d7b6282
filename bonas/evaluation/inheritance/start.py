"""The start of a training: from the nearest trained architecture, or fresh."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import nn

from bonas.evaluation.candidate import Candidate
from bonas.evaluation.inheritance.inherit import inherit_weights
from bonas.evaluation.inheritance.lineage import Lineage
from bonas.evaluation.inheritance.parents import parent_of, warn_of_lost
from bonas.evaluation.objective import Objective
from bonas.evaluation.weights import WEIGHTS
from bonas.spaces.example import Example

FRESH = Lineage(None, "fresh", 0.0)


def start_from_parent(
    candidate: Candidate,
    network: nn.Module,
    example: Example | None,
    training: Mapping[str, Any],
    objective: Objective,
    seed: np.random.SeedSequence,
) -> Lineage:
    """Give a candidate's network the weights of the nearest trained one, and store its lineage.

    Args:
        candidate: Of a trial that runs.
        network: Its network, on the device of the training.
        example: Inputs of the training, on that device; None if they are not known.
        training: The description of the training.
        objective: Decides between equally near parents.
        seed: Of the copies of widened layers.

    Raises:
        InvalidArgument: if the study holds weights of another training.
    """
    described: dict[str, Any] = json.loads(json.dumps(training))  # as other trials hold it
    parent = parent_of(candidate, described, objective)
    lineage = FRESH if parent is None else _inherited(parent, network, example, seed)
    lineage.store(candidate.trial, described)
    return lineage


def _inherited(
    parent: Candidate,
    network: nn.Module,
    example: Example | None,
    seed: np.random.SeedSequence,
) -> Lineage:
    try:
        source = parent.trained()
    except Exception:  # what a broken file raises in torch.load is not documented
        path = str(parent.trial.user_attrs.get(WEIGHTS))
        warn_of_lost(os.path.dirname(path), [parent.trial.number])
        return FRESH
    devices = {weight.device for weight in network.parameters()}
    source = source.to(devices.pop()) if len(devices) == 1 else source
    found = inherit_weights(network, source, example, seed=int(seed.generate_state(1)[0]))
    return Lineage(parent.trial.number, found.how, found.share, found.difference)
