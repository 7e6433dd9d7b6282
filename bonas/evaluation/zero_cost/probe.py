"""A probe: one network and one batch, with the passes that several scores share.

| pass | read by |
|---|---|
| forward, in training mode | naswot, meco, swap |
| backward from the sum of the outputs to the inputs | jacov, epe_nas |
| backward from the loss to the weights, or to the layers' outputs | grad_norm, snip; fisher |

A pass runs when the first score asks for it. The network is left as it was given: parameters,
buffers and modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd
from torch.nn.parameter import is_lazy

from bonas.errors import BonasError, InvalidData, NoScore
from bonas.evaluation.data.inputs import main_input
from bonas.evaluation.runtime import seeded
from bonas.evaluation.zero_cost.batch import Batch, floating_output
from bonas.evaluation.zero_cost.entry import Entry
from bonas.evaluation.zero_cost.recorder import Layer, Recorder, by_input
from bonas.evaluation.zero_cost.replaced import replaced
from bonas.spaces import Example


class _Pass(NamedTuple):
    recorded: Recorder
    returned: object
    entry: Tensor | None  # where gradients of the inputs are taken


class Probe:
    """A network, and what a batch of ``b`` inputs shows of it.

    Attributes:
        network: The untrained network.
        batch: The ``b`` inputs, on the device of the network.

    Raises:
        NoScore: if the network has lazy parameters, and cannot take the batch.
    """

    def __init__(self, network: nn.Module, batch: Batch) -> None:
        self.network, self.batch = network, batch
        if any(map(is_lazy, network.parameters())):  # which get their shapes in a first run
            with torch.no_grad():
                self.run(batch.example.mapped(torch.clone))

    def check(self) -> None:
        """Refuse a network that cannot take the batch.

        Raises:
            InvalidData: naming its error.
        """
        _ = self._forward

    @property
    def weights(self) -> list[nn.Parameter]:
        """The weights of layers: the parameters of two and more axes that can be trained."""
        return [w for w in self.network.parameters() if w.dim() > 1 and w.requires_grad]

    @property
    def patterns(self) -> Sequence[Tensor]:
        """Of each activation, ``b x u``: whether a positive number enters the unit.

        Raises:
            NoScore: if there is no activation, or a single input.
            InvalidData: if the network cannot take the batch.
        """
        self._need_several_inputs()
        if not self._forward.recorded.patterns:
            raise NoScore(
                "expected a network with activations (ReLU, GELU, tanh, a recurrent layer, ...), "
                "got none; leave out the scores that read their patterns"
            )
        return self._forward.recorded.patterns

    @property
    def feature_maps(self) -> Sequence[Tensor]:
        """Of each layer with more positions than channels, ``c x p``, for the first input.

        Raises:
            NoScore: if there is none.
            InvalidData: if the network cannot take the batch.
        """
        maps = [x for x in self._forward.recorded.maps if x.shape[1] > x.shape[0]]
        if not maps:
            raise NoScore(
                "expected layers that return more positions (pixels, steps) than channels, got "
                "none; leave out the scores of feature maps"
            )
        return maps

    @cached_property
    def input_gradients(self) -> Tensor:
        """Gradients of the sum of the outputs at each input, ``b x d`` in float64.

        Raises:
            NoScore: if the outputs cannot be differentiated, or there is a single input.
            InvalidData: if the network cannot take the batch.
        """
        self._need_several_inputs()
        total = floating_output(self._forward.returned).sum()
        if self._forward.entry is None:
            raise NoScore(self._not_differentiable)
        (gradient,) = self.gradients(total, [self._forward.entry])
        rows = None if gradient is None else by_input(gradient, self.batch.rows)
        if rows is None:  # outputs that do not depend on the inputs
            rows = torch.zeros(self.batch.rows, 1, device=total.device)
        return rows.reshape(self.batch.rows, -1).double()

    @cached_property
    def labels(self) -> Tensor:
        """A label per input, ``b``.

        Raises:
            NoScore: if there is none.
        """
        return self.batch.labels(self._forward.returned)

    @cached_property
    def loss_gradients(self) -> list[tuple[Tensor, Tensor]]:
        """Weights that the loss depends on, and its gradients with respect to them.

        Raises:
            NoScore: if the loss cannot be differentiated, or there are no such weights.
        """
        weights = self.weights
        found = zip(weights, self.gradients(self._loss, weights), strict=True)
        pairs = [(weight.detach(), slope) for weight, slope in found if slope is not None]
        if not pairs:
            raise NoScore(self._not_differentiable)
        return pairs

    @property
    def layer_gradients(self) -> list[tuple[Tensor, Tensor]]:
        """What layers returned and the loss's gradients with respect to it, each ``b x c x p``.

        Raises:
            NoScore: if the loss cannot be differentiated, or no layer was seen.
        """
        layers = self._forward.recorded.layers
        slopes = self.gradients(self._loss, [layer.output for layer in layers])
        found = [
            (self._channels(layer, layer.output.detach()), self._channels(layer, slope))
            for layer, slope in zip(layers, slopes, strict=True)
            if slope is not None
        ]
        pairs = [(a, g) for a, g in found if a is not None and g is not None]
        if not pairs:
            raise NoScore(
                "expected layers with weights (convolutions, linear or recurrent ones), got none "
                "that the loss depends on; leave out the scores of their outputs"
            )
        return pairs

    def gradients(self, value: Tensor, of: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """Return the gradients of a number; None for a tensor on which it does not depend.

        Raises:
            NoScore: if it cannot be differentiated.
        """
        known = [tensor for tensor in of if tensor.requires_grad]
        if not value.requires_grad or not known:
            raise NoScore(self._not_differentiable)
        try:
            found = iter(torch.autograd.grad(value, known, retain_graph=True, allow_unused=True))
        except (RuntimeError, NotImplementedError) as error:
            raise NoScore(f"{self._not_differentiable} ({error})") from error
        return [next(found) if tensor.requires_grad else None for tensor in of]

    def run(self, example: Example) -> Tensor:
        """Run the network as it is, and return its first floating-point output.

        Raises:
            NoScore: if it does not run, or returns none.
        """
        try:
            with self._seeded():
                returned = example.call(self.network)
        except (BonasError, torch.cuda.OutOfMemoryError):
            raise
        except Exception as error:
            raise NoScore(
                f"expected a network that runs on other inputs {example.describe()}, it fails with "
                f"{type(error).__name__}: {error}; leave out this score"
            ) from error
        return floating_output(returned)

    @cached_property
    def _loss(self) -> Tensor:
        return self.batch.loss(self._forward.returned)

    @cached_property
    def _forward(self) -> _Pass:
        """What a forward pass in training mode showed and returned."""
        example, main = self.batch.example, main_input_of(self.batch.example)
        floats = [x for x in example.tensors if x.is_floating_point()]
        given = main if main.is_floating_point() else next(iter(floats), None)
        leaf = None if given is None else given.detach().clone().requires_grad_()
        own = example.mapped(lambda x: x.clone() if leaf is None or x is not given else leaf * 1.0)
        entry = Entry([x for x in own.tensors if not x.is_floating_point()], self.batch.rows)
        recorder = Recorder(self.batch.rows, entry)
        with replaced(self.network):
            training(self.network)
            try:
                with self._seeded(), recorder:
                    returned = own.call(self.network)
            except (BonasError, torch.cuda.OutOfMemoryError):
                raise
            except Exception as error:
                raise InvalidData(
                    f"expected a network that takes inputs of shapes {example.describe()}, but "
                    f"{type(self.network).__name__} fails with {type(error).__name__}: {error}; "
                    "make the space's build fit them, or give the scores data that fit"
                ) from error
        embedded = None if main.is_floating_point() else entry.tensor
        return _Pass(recorder, returned, leaf if embedded is None else embedded)

    def _seeded(self) -> AbstractContextManager[None]:
        """Return a context in which noise within a network is the same in each pass."""
        seed = np.random.SeedSequence(self.batch.seed)
        return seeded(seed, self.batch.example.first.device)

    def _channels(self, layer: Layer, values: Tensor) -> Tensor | None:
        return layer.channels(values, self.batch.rows)

    def _need_several_inputs(self) -> None:
        if self.batch.rows < 2:
            raise NoScore(
                "expected a batch of several inputs, whose first dimension is the batch, got one "
                "input; leave out the scores that compare inputs"
            )

    @property
    def _not_differentiable(self) -> str:
        return (
            f"expected a network whose outputs can be differentiated, got a "
            f"{type(self.network).__name__} whose cannot; leave out the scores of gradients"
        )


def main_input_of(example: Example) -> Tensor:
    """Return the main input: ``input_ids`` if there are such, else the first tensor."""
    return main_input(dict(example.named)) if example.named else example.first


def training(network: nn.Module) -> None:
    """Switch to training mode, except for dropout, whose noise says nothing of an architecture."""
    network.train()
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.eval()
