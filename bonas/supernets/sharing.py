"""How the networks of a space share their weights.

The networks of a built-in space share by role: stage, block and kind of layer, as its class of
networks says in ``builtin/``. Those of all other spaces share by the place in the code where a
layer is made (``call_sites``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from torch import nn

from bonas.errors import InvalidArgument
from bonas.spaces import Choices, Space
from bonas.spaces.cells.network import CellNetwork
from bonas.supernets.builtin.cells import cell_pieces
from bonas.supernets.roles import Roles
from bonas.supernets.slot import Sharing, Slot
from bonas.supernets.uninitialised import built_without_values

BUILT_IN: dict[type[nn.Module], Roles] = {CellNetwork: cell_pieces}
"""The class of a space's networks -> how they share."""


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
    network: type[nn.Module] | None = getattr(type(space), "network", None)
    roles = None if network is None else BUILT_IN.get(network)
    if roles is None:
        raise InvalidArgument(f"the networks of {type(space).__name__} cannot share weights yet")
    return SharingByRole(space, roles)


@dataclass(frozen=True)
class SharingByRole:
    """The sharing of a space whose parameters have roles, whatever their position in a network."""

    space: Space
    roles: Roles

    def build(self, choices: Choices) -> tuple[nn.Module, Sequence[Slot]]:
        """Build a network whose parameters have no values, and a slot for each of them."""
        network = built_without_values(lambda: self.space.build(choices))
        pieces = self.roles(self.space, choices)
        slots = [Slot(name, pieces(name, module, own)) for name, module, own in held(network)]
        return network, slots


def held(network: nn.Module) -> Iterator[tuple[str, nn.Module, nn.Parameter]]:
    """Yield the first name of each parameter, the module that holds it under it, and itself."""
    seen: set[int] = set()
    for path, module in network.named_modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) not in seen:
                seen.add(id(parameter))
                yield f"{path}.{name}" if path else name, module, parameter
