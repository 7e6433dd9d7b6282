"""Whether a network fits the data: it takes a batch, and its outputs can be trained on."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.batches import batches
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.runtime import first_pass
from bonas.spaces import Example

_AXES = {
    "classification": "batch x classes",
    "regression": "batch x outputs",
    "next_token": "batch x length x vocabulary",
}


def check_fit(
    network: nn.Module, splits: Splits, candidate: Candidate, device: torch.device
) -> None:
    """Refuses a network that cannot be trained on this data; it is left in evaluation mode.

    Raises:
        InvalidData: if it cannot take two validation rows, or its outputs are not finite or of
            another shape than ``batch x classes``, ``batch x outputs`` (regression) or
            ``batch x length x vocabulary`` (next_token), or it has no weights to train.
    """
    batch, truth = next(batches(splits, splits.validation, 2, device))
    inputs, targets = batch[:2], truth[:2]  # a DataLoader's batch may be of any size
    outputs = first_pass(network, Example.of(inputs), candidate)
    who = f"the network of trial {candidate.number} ({dict(candidate.choices)})"
    shape = tuple(targets.shape)
    expected = shape if splits.task == "regression" else (*shape, splits.classes)
    if not isinstance(outputs, Tensor) or tuple(outputs.shape) != expected:
        got = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise InvalidData(
            f"expected outputs of shape {expected} ({_AXES[splits.task]}), got {got} from {who}; "
            f"end it with a linear layer of {splits.outputs} outputs"
        )
    if not outputs.is_floating_point() or not outputs.isfinite().all():
        raise InvalidData(
            f"expected finite outputs before training, got {outputs.tolist()} from {who}; "
            "scale the inputs, or normalise inside the network"
        )
    if not any(weight.requires_grad for weight in network.parameters()):
        raise InvalidData(
            f"expected weights to train, got none from {who}; "
            "let build return a network with parameters that require a gradient"
        )
