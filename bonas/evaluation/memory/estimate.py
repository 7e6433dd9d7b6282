"""An estimate of the memory of a training, before it is run.

    live(t; B) = live(t; 2) + (B - 2) (live(t; 4) - live(t; 2)) / 2
    estimate   = max over t of live(t; B)

``live(t; n)`` are the bytes of all tensors after operation ``t`` of two training steps on ``n``
rows: weights, gradients, states of the optimizer, what the backward pass needs, and what it makes.
Each is a constant plus a multiple of the rows, but which moment is the highest depends on their
number, so all moments are scaled. Two steps, since the states exist from the second one on.

What kernels allocate for themselves, and what an allocator keeps, is not in it: ``MemoryFactor``
learns that from trainings that were measured.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bonas.arguments import check_count
from bonas.errors import InvalidData
from bonas.evaluation.memory.live_bytes import LiveBytes
from bonas.evaluation.outputs import shapes_of, tensors_of
from bonas.evaluation.runtime import in_precision
from bonas.evaluation.training.recipe import Recipe, default_rates
from bonas.settings import own_settings
from bonas.spaces import Example

_FEW, _MORE = 2, 4  # rows of the two runs: batch norm needs two
_STEPS = 2


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """The bytes of a training at its peak, and what they are for.

    Attributes:
        weights: Parameters and buffers.
        gradients: Of the trainable parameters.
        optimizer: Its states.
        activations: All else: the batch, what is kept for the backward pass, and temporaries.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int

    @property
    def total(self) -> int:
        """Their sum."""
        return self.weights + self.gradients + self.optimizer + self.activations


@own_settings()
def estimate(
    network: nn.Module,
    example: Example,
    batch_size: int,
    optimizer: Literal["adamw", "sgd"] = "adamw",
    *,
    precision: str | None = None,
) -> MemoryEstimate:
    """Return the bytes that training a network takes at its peak, from runs on 2 and 4 rows.

    The loss is a cross entropy over the last axis of all outputs. The network is left as it was; a
    copy is trained. The torch generators are put back.

    Args:
        network: Where it is to be trained, on the CPU or an accelerator.
        example: Its inputs, of any number of rows.
        batch_size: Rows per step of the training.
        optimizer: ``"adamw"`` or ``"sgd"`` with momentum, as ``ShortTraining`` has them.
        precision: ``"bf16"`` for mixed precision.

    Raises:
        InvalidArgument: for an unknown optimizer or precision, or a batch size below 1.
        InvalidData: if there are no weights to train, or no output has a gradient.
    """
    check_count("batch_size", batch_size)
    recipe = Recipe(1, optimizer, *default_rates(optimizer, None, None), "cosine", precision)
    if not any(weight.requires_grad for weight in network.parameters()):
        raise InvalidData(
            "expected a network with weights to train, got none; estimate those that are trained"
        )
    device = next(iter(network.parameters())).device
    example = example.filled().to(device)
    is_batch = example.rows is not None
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        few = _trained(network, example.resized(_FEW) if is_batch else example, recipe)
        more = _trained(network, example.resized(_MORE), recipe) if is_batch else few
    peak = _peak(few.timeline, more.timeline, batch_size)
    own = few.weights + few.gradients + few.optimizer
    return MemoryEstimate(few.weights, few.gradients, few.optimizer, max(0, peak - own))


@dataclass(frozen=True, slots=True)
class _Trained:
    """Live bytes of a few steps, and what they are made of at the end."""

    timeline: list[int]
    weights: int
    gradients: int
    optimizer: int


def _trained(network: nn.Module, example: Example, recipe: Recipe) -> _Trained:
    """Train a copy of a network on a batch for two steps, recording the live bytes."""
    copy = deepcopy(network).train()
    own = [*copy.parameters(), *copy.buffers()]
    optimizer = recipe.make_optimizer(copy.parameters())
    with LiveBytes(own) as live:
        _take_steps(copy, example, optimizer, recipe.precision)
    grads = [weight.grad for weight in copy.parameters() if weight.grad is not None]
    return _Trained(live.timeline, _bytes(own), _bytes(grads), _bytes(_states(optimizer)))


def train_steps(network: nn.Module, example: Example, recipe: Recipe) -> None:
    """Train a network on a batch for two steps, with the loss of the estimate.

    Raises:
        InvalidData: if no output has a gradient.
    """
    network.train()
    _take_steps(network, example, recipe.make_optimizer(network.parameters()), recipe.precision)


def _take_steps(
    network: nn.Module, example: Example, optimizer: Optimizer, precision: str | None
) -> None:
    """Train for two steps, each on a copy of the batch, as ``Trainer`` does."""
    for _ in range(_STEPS):
        batch = example.mapped(torch.clone)
        with in_precision(precision, batch.first.device):
            loss = _loss(batch.call(network))
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # untyped in torch
        optimizer.step()


def _loss(returned: object) -> Tensor:
    """Return a loss of all outputs that have a gradient."""
    outputs = [tensor for _, tensor in tensors_of(returned) if tensor.requires_grad]
    if not outputs:
        raise InvalidData(
            f"expected outputs with a gradient, got {shapes_of(returned)}; the network has no "
            "weights to train, or cuts its gradient off"
        )
    losses = [_entropy(tensor).mean() for tensor in outputs]
    return torch.stack([loss.float() for loss in losses]).sum()


def _entropy(output: Tensor) -> Tensor:
    real = output.abs() if output.is_complex() else output
    return real.float().log_softmax(-1) if real.dim() else real


def _states(optimizer: Optimizer) -> list[Tensor]:
    states = optimizer.state.values()
    return [x for state in states for x in state.values() if isinstance(x, Tensor)]


def _bytes(tensors: list[Tensor]) -> int:
    """Return the size of the storages of tensors, each counted once."""
    storages = {id(s): s for s in (tensor.untyped_storage() for tensor in tensors)}
    return sum(storage.nbytes() for storage in storages.values())


def _peak(few: list[int], more: list[int], rows: int) -> int:
    """Return the highest live bytes at ``rows`` rows."""
    if len(few) != len(more):  # the computation depends on the rows: scale the peaks alone
        few, more = [max(few)], [max(more)]
    step = _MORE - _FEW
    pairs = zip(few, more, strict=True)
    return max(low + (rows - _FEW) * (high - low) // step for low, high in pairs)
