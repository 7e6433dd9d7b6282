"""Prediction: the outputs of a trained network for many rows."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from bonas.evaluation.data.targets import Task
from bonas.evaluation.outputs import Reader
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.training.feed import Feed
from bonas.settings import own_settings
from bonas.spaces import MLPSpace, Space

_ROWS = 512  # at once


@own_settings()
def outputs_for(
    network: nn.Module,
    space: Space,
    rows: Tensor,
    *,
    task: Task,
    outputs: int,
    device: str | None = None,
) -> npt.NDArray[np.float64]:
    """Return the outputs of a network on the CPU, ``n x outputs``; the network is not changed.

    Perceptrons compute in float64: a float32 product rounds a row differently in another batch, and
    a row's prediction should not depend on the rows beside it.

    Raises:
        InvalidData: if the network returns nothing of that shape.
    """
    where = resolved_device(device)
    network = _copied(network, isinstance(space, MLPSpace), where)
    feed = Feed.of(space, network)
    reader = Reader(task, outputs if task != "regression" else 0)
    parts = []
    with torch.inference_mode():
        for batch in torch.split(rows, _ROWS):
            returned = feed(batch.to(where)).call(network)
            found = reader.prediction(returned, _blank(task, len(batch), outputs).to(where))
            parts.append(found.reshape(len(batch), -1)[:, :outputs].cpu().double())
    return torch.cat(parts).numpy()


def _copied(network: nn.Module, double: bool, where: torch.device) -> nn.Module:
    """Return the network for the device, in float64 if ``double``; itself where nothing differs.

    Another thread may predict with it at the same time.
    """
    if where.type == "cpu":
        return deepcopy(network).double() if double else network
    moved = deepcopy(network).to(where)
    return moved.double() if double and where.type != "mps" else moved  # mps has no float64


def _blank(task: Task, n: int, outputs: int) -> Tensor:
    """Return targets of the shape that the task has, for a reader to compare with."""
    if task == "classification":
        return torch.zeros(n, dtype=torch.int64)
    return torch.zeros(n, outputs)
