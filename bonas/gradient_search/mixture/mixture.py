"""The mixture of all networks of a space: one network that computes every option.

    output(x) = network in which an edge is sum_o p_o o(x),   p = softmax(logits of its decision)

It is a network of the space, as the space (or a supernet) builds it, with other modules in the
place of its operations; stem, reductions, head and wiring are the space's own.

Source: Liu, Simonyan and Yang (2019), "DARTS: Differentiable architecture search", ICLR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from bonas.arguments import check_count
from bonas.errors import InvalidArgument
from bonas.gradient_search.mixture.cells import mix_cells
from bonas.gradient_search.mixture.darts import mix_darts
from bonas.gradient_search.mixture.decision import Decision
from bonas.gradient_search.mixture.mixed_operation import MixedOperation
from bonas.gradient_search.mixture.norms import normalise_by_batch, remove_scales
from bonas.gradient_search.policy import Policy
from bonas.settings import own_settings
from bonas.spaces import CellSpace, Choice, DARTSSpace, Space
from bonas.supernets.supernet import Supernet


class Mixture(nn.Module):
    """A network that takes and returns what the networks of a space do.

    Batch norms normalise by the batch, and those of mixed operations have no scale and no shift
    (``bonas.gradient_search.mixture.norms``).

    Attributes:
        space: The space.
        decisions: A parameter of the space -> its decision, which holds the logits.
        network: What computes.
    """

    def __init__(self, space: Space, network: nn.Module, decisions: Mapping[str, Decision]) -> None:
        super().__init__()
        self.space, self.network = space, network
        self.decisions = nn.ModuleDict(dict(decisions))

    @classmethod
    def of(cls, space: Space, *, seed: int = 0, initial: Supernet | None = None) -> Mixture:
        """Build the mixture of a space, with logits that are almost equal.

        Args:
            space: A ``CellSpace`` or a ``DARTSSpace``.
            seed: Of weights and logits.
            initial: A supernet of the space, whose weights the operations start with.

        Raises:
            InvalidArgument: for another space.
        """
        check_count("seed", seed, least=0)
        if not isinstance(space, (CellSpace, DARTSSpace)):
            raise InvalidArgument(
                f"expected a CellSpace or a DARTSSpace, got a {type(space).__name__}: only their "
                'operations can be mixed; search by method="enas", or "gdas" and "proxyless" where '
                "options are modules"
            )
        if initial is not None and not isinstance(initial, Supernet):
            raise InvalidArgument(
                f"expected a bonas.supernets Supernet as initial, got {initial!r}"
            )
        if initial is not None and initial.space.describe() != space.describe():
            raise InvalidArgument(
                f"expected a supernet of the space {space!r}, got one of {initial.space!r}"
            )
        build = space.build if initial is None else initial.extract
        with own_settings(), torch.device("cpu"), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            drawn = torch.Generator().manual_seed(seed)
            if isinstance(space, CellSpace):
                decisions = {n: Decision(o, drawn) for n, o in space.parameters.items()}
                network = mix_cells(space, build, decisions)
            else:
                decisions = {n: Decision(o, drawn) for n, o in space.options.items()}
                network = mix_darts(space, build, decisions)
        normalise_by_batch(network)
        for module in network.modules():
            if isinstance(module, MixedOperation):
                remove_scales(module.operations)
        return cls(space, network, {name: decisions[name] for name in space.parameters})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.network(*args, **kwargs)

    def decision(self, name: str) -> Decision:
        """Return the decision on a parameter of the space."""
        found = self.decisions[name]
        assert isinstance(found, Decision)
        return found

    @property
    def logits(self) -> list[nn.Parameter]:
        """The logits of all decisions, in the order of the space's parameters."""
        return [self.decision(name).logits for name in self.decisions]

    @property
    def weights(self) -> list[nn.Parameter]:
        """All other parameters."""
        decided = {id(module.logits) for module in self.modules() if isinstance(module, Decision)}
        return [weight for weight in self.parameters() if id(weight) not in decided]

    def policy(self) -> Policy:
        """Return the policy of the decisions as they are, whose gradients reach their logits."""
        policy = Policy(self.space)
        policy.logits = {n: self.decision(n).logits.double().cpu() for n in policy.logits}
        return policy

    def probabilities(self) -> dict[str, dict[Choice, float]]:
        """Return a parameter -> an option -> its probability."""
        return {
            name: dict(
                zip(self.decision(name).options, self.decision(name)().tolist(), strict=True)
            )
            for name in self.decisions
        }
