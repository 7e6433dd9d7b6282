"""A probe: one network and one batch, with the passes that several scores share.

| pass | read by |
|---|---|
| forward, in training mode | naswot, meco, swap |
| backward from the sum of the outputs to the inputs | jacov, epe_nas |
| backward from the loss to the weights | grad_norm, snip, fisher |

A pass runs when the first score asks for it. The network is left as it was given: parameters,
buffers and modes.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from bonas.errors import NoScore
from bonas.evaluation.outputs import shapes_of, tensors_of
from bonas.evaluation.zero_cost.recorder import Recorder, by_input
from bonas.evaluation.zero_cost.replaced import replaced
from bonas.spaces import Example


class Probe:
    """A network, and what a batch of ``b`` inputs shows of it.

    Attributes:
        network: The untrained network.
        example: The ``b`` inputs.
    """

    def __init__(self, network: nn.Module, example: Example) -> None:
        self.network, self.example = network, example

    @property
    def rows(self) -> int:
        """The number of inputs, ``b``."""
        return self.example.rows or len(self.example.first)

    @cached_property
    def patterns(self) -> Sequence[Tensor]:
        """Of each activation, ``b x u``: whether a positive number enters the unit.

        Raises:
            NoScore: if there is no activation.
        """
        if not self._recorded.patterns:
            raise NoScore(
                "expected a network with activations (ReLU, GELU, tanh, a recurrent layer, ...), "
                "got none; leave out the scores that read their patterns"
            )
        return self._recorded.patterns

    @property
    def feature_maps(self) -> Sequence[Tensor]:
        """Of each layer with more positions than channels, ``c x p``, for the first input.

        Raises:
            NoScore: if there is none.
        """
        maps = [x for x in self._recorded.maps if x.shape[1] > x.shape[0]]
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
            NoScore: if there are none.
        """
        recorded, outputs = self._recorded, self._outputs
        entry = recorded.entry
        if entry is None or not outputs.requires_grad:
            raise NoScore(self._not_differentiable("inputs"))
        (gradient,) = self.gradients(outputs.sum(), [entry])
        rows = None if gradient is None else by_input(gradient, recorded.rows)
        if rows is None:
            rows = torch.zeros(recorded.rows, 1)
        return rows.reshape(recorded.rows, -1).double()

    def gradients(self, value: Tensor, of: Sequence[Tensor]) -> Sequence[Tensor | None]:
        """Return the gradients of a number; None for a tensor on which it does not depend.

        Raises:
            NoScore: if a function on the way has no derivative.
        """
        if not value.requires_grad:
            raise NoScore(self._not_differentiable("weights"))
        try:
            return torch.autograd.grad(value, of, retain_graph=True, allow_unused=True)
        except (RuntimeError, NotImplementedError) as error:
            raise NoScore(f"{self._not_differentiable('weights')} ({error})") from error

    def differentiable_output(self, example: Example) -> Tensor:
        """Run the network as it is, and return its first floating-point output.

        Raises:
            NoScore: if it does not run, or returns none.
        """
        try:
            returned = example.call(self.network)
        except RuntimeError as error:
            raise NoScore(
                f"expected a network that runs on {shapes_of(example.args)}, it fails with "
                f"{type(error).__name__}: {error}; leave out this score"
            ) from error
        return floating_output(returned)

    @cached_property
    def _forward(self) -> tuple[Recorder, Tensor]:
        """What a forward pass in training mode showed, and the outputs."""
        entry = next((x for x in self.example.tensors if x.is_floating_point()), None)
        leaf = None if entry is None else entry.detach().clone().requires_grad_()
        own = self.example.mapped(
            lambda x: leaf * 1.0 if leaf is not None and x is entry else x.clone()
        )
        recorder = Recorder(self.rows, leaf)
        with replaced(self.network, lambda weight: weight):
            training(self.network)
            with recorder:
                returned = own.call(self.network)
        return recorder, floating_output(returned)

    @property
    def _recorded(self) -> Recorder:
        return self._forward[0]

    @property
    def _outputs(self) -> Tensor:
        return self._forward[1]

    def _not_differentiable(self, what: str) -> str:
        return (
            f"expected outputs that can be differentiated with respect to the {what}, got a "
            f"{type(self.network).__name__} whose cannot; leave out the scores of gradients"
        )


def training(network: nn.Module) -> None:
    """Switch to training mode, except for dropout, whose noise says nothing of an architecture."""
    network.train()
    for module in network.modules():
        if isinstance(module, _DropoutNd):
            module.eval()


def weights_of(network: nn.Module) -> list[nn.Parameter]:
    """Return the weights of layers: the parameters of two and more axes."""
    return [w for w in network.parameters() if w.dim() > 1 and w.requires_grad]


def floating_output(returned: object) -> Tensor:
    """Return the first floating-point tensor in what a network returned.

    Raises:
        NoScore: if there is none.
    """
    for _, tensor in tensors_of(returned):
        if tensor.is_floating_point():
            return tensor
    raise NoScore(
        f"expected a floating-point output, got {shapes_of(returned)}; let the network return one"
    )
