"""How the networks of a space share their weights.

The networks of a built-in space share by role: stage, block and kind of layer, as the module of the
space in ``builtin/`` says. Those of all other spaces share by the place in the code where a
layer is made (``call_sites``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import nn

from bonas.errors import InvalidArgument
from bonas.spaces import Choices, Space
from bonas.spaces.cells import CellSpace
from bonas.spaces.darts import DARTSSpace
from bonas.spaces.mlp import MLPSpace
from bonas.spaces.mobile import MobileSpace
from bonas.spaces.nas_bench_101 import NASBench101Space
from bonas.spaces.planned import PlannedSpace
from bonas.spaces.recurrent import RecurrentSpace
from bonas.spaces.transformers import TransformerSpace
from bonas.supernets.builtin.cells import cell_pieces
from bonas.supernets.builtin.darts import darts_pieces
from bonas.supernets.builtin.mlp import mlp_pieces
from bonas.supernets.builtin.mobile import mobile_pieces
from bonas.supernets.builtin.nas_bench_101 import nas_bench_101_pieces
from bonas.supernets.builtin.recurrent import recurrent_pieces
from bonas.supernets.builtin.transformers import transformer_pieces
from bonas.supernets.call_sites import SharingByCallSite
from bonas.supernets.roles import Roles
from bonas.supernets.slot import Sharing, Slot
from bonas.supernets.uninitialised import built_with_values, built_without_values

BUILT_IN: dict[type[PlannedSpace], Roles] = {
    CellSpace: cell_pieces,
    DARTSSpace: darts_pieces,
    MLPSpace: mlp_pieces,
    MobileSpace: mobile_pieces,
    NASBench101Space: nas_bench_101_pieces,
    RecurrentSpace: recurrent_pieces,
    TransformerSpace: transformer_pieces,
}
"""The class of a space -> how its networks share."""

_SMALL = 100_000  # parameters: to draw fewer takes less time than to intercept their initialisation


def sharing_of(space: Space) -> Sharing:
    """Return how the networks of a space share their weights.

    Raises:
        InvalidArgument: if it is no space.
        MissingBuilder: if the space builds no networks.
    """
    if not isinstance(space, Space):
        raise InvalidArgument(f"expected a bonas.Space, got {space!r}")
    if type(space).build is Space.build:
        space.build({})  # raises MissingBuilder
    roles = _built_in_roles(type(space))
    return SharingByCallSite(space) if roles is None else SharingByRole(space, roles)


def _built_in_roles(space: type[Space]) -> Roles | None:
    """Return the roles of a built-in space, or of a subclass of one that builds the same."""
    for of, roles in BUILT_IN.items():
        if issubclass(space, of) and space.build is of.build and space.network is of.network:
            return roles
    return None


class SharingByRole:
    """The sharing of a space whose parameters have roles, whatever their position in a network.

    Args:
        space: Builds the networks.
        roles: Which shared tensors a parameter consists of.
    """

    def __init__(self, space: Space, roles: Roles) -> None:
        self.space, self.roles = space, roles
        self._is_small = False  # whether the latest network was

    def build(self, choices: Choices) -> tuple[nn.Module, Sequence[Slot]]:
        """Build a network whose parameters need no values, and a slot for each of them."""
        built = built_with_values if self._is_small else built_without_values
        network = built(lambda: self.space.build(choices))
        pieces = self.roles(self.space, choices)
        slots = [Slot(name, pieces(name, module, own)) for name, module, own in held(network)]
        numbers = sum(piece.numbers for slot in slots for piece in slot.pieces)
        self._is_small = numbers < _SMALL
        return network, slots


def held(network: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Yield the first name of each parameter, the module that holds it under it, and itself."""
    seen: set[int] = set()
    for path, module in network.named_modules():
        for name, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                yield f"{path}.{name}" if path else name, module, parameter
