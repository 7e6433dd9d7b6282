"""Compatibility: whether a network takes a batch of the data, and its outputs can be trained."""

from __future__ import annotations

from torch import Tensor, nn

from bonas.errors import InvalidData
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.data.inputs import Inputs, rows_of
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.outputs import Reader
from bonas.evaluation.runtime import first_pass
from bonas.evaluation.training.feed import Feed


def check_fit(
    network: nn.Module,
    splits: Splits,
    candidate: Candidate,
    batch: tuple[Inputs, Tensor],
    feed: Feed,
) -> Reader:
    """Refuse a network that cannot be trained on this data; it is left in evaluation mode.

    Args:
        network: On the device of the batch.
        splits: What is known of the data.
        candidate: Whose network it is.
        batch: Some rows; the first two are tried.
        feed: Passes them to the network.

    Returns:
        The reader of its predictions.

    Raises:
        InvalidData: if it cannot take two rows, no output has the shape that the targets need, the
            prediction is not finite, or there are no weights to train.
    """
    assert splits.task is not None  # unread data cannot be checked
    inputs, targets = rows_of(batch[0], slice(0, 2)), batch[1][:2]
    returned = first_pass(network, feed(inputs), candidate)
    who = f"the network of trial {candidate.number} ({dict(candidate.choices)})"
    reader = Reader(splits.task, splits.classes)
    try:
        prediction = reader.prediction(returned, targets)
    except InvalidData as error:
        raise InvalidData(f"{error} from {who}; {_advice(splits)}") from None
    if not prediction.isfinite().all():
        raise InvalidData(
            f"expected finite outputs before training, got {prediction.tolist()} from {who}; "
            "scale the inputs, or normalise inside the network"
        )
    check_weights(network, who)
    return reader.of_network(returned, targets)


def check_weights(network: nn.Module, who: str) -> None:
    """Refuse a network without weights to train.

    Raises:
        InvalidData: naming ``who``.
    """
    if not any(weight.requires_grad for weight in network.parameters()):
        raise InvalidData(
            f"expected weights to train, got none from {who}; "
            "let build return a network with parameters that require a gradient"
        )


def _advice(splits: Splits) -> str:
    if splits.task == "regression" and splits.scale is None:
        return "let it return a tensor of the shape of the targets, or give a loss and a score"
    ending = f"end it with a linear layer of {splits.outputs} outputs"
    if splits.task == "next_token":
        return f"{ending}, or give task='classification' if the targets are labels of the tokens"
    return ending
