"""Sharing by call site, for every space that builds networks and says no more of them.

Two parameters of two networks are the same where the same line of the user's code made them, under
the same options of ``choose``, in the same iteration of the loops around it (``places``). So a head
has one weight whatever stands before it, and a layer behind a skipped one does not take its weight.

What no module registers while the network is built has a name of its own: the option of ``choose``
that it is, the place where a copy became part of the network, or its qualified name.

A weight belongs to lines of code: where lines of a builder are added or moved, the weights that a
supernet has learnt belong to other places, and a stored supernet is refused with the difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from bonas.errors import UnsharableWeights
from bonas.spaces import Choice, Choices, Space
from bonas.supernets.blocks import Blocks, blocks_of
from bonas.supernets.places.code_map import CodeMaps
from bonas.supernets.places.registrations import Registrations
from bonas.supernets.slot import Piece, Slot
from bonas.supernets.uninitialised import built_without_values

_SHARED = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class SharingByCallSite:
    """The sharing of a space whose networks are built by code of a user.

    Args:
        space: Builds the networks.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._maps = CodeMaps()
        self._has_copies = False  # whether some parameters are registered by no module

    def build(self, choices: Choices) -> tuple[nn.Module, Sequence[Slot]]:
        """Build a network whose parameters have no values, and a slot for each of them.

        Raises:
            UnsharableWeights: if a parameter has no shape, or no real numbers.
        """
        network, places = built_without_values(lambda: self._recorded(choices))
        owned = list(_owned(network))
        if not self._has_copies and any(places.place(own.parameter) is None for own in owned):
            self._has_copies = True
            network, places = built_without_values(lambda: self._recorded(choices))
            owned = list(_owned(network))
        blocks = blocks_of(network)
        return network, [_slot(own, _key(own, places), blocks) for own in owned]

    def _recorded(self, choices: Choices) -> tuple[nn.Module, Registrations]:
        places = Registrations(self._maps, modules=self._has_copies)
        read = _ReadChoices(choices, places)
        with places.recording():
            network = self.space.build(read)
        read.places = None
        return network, places


class _ReadChoices(dict[str, Choice]):
    """Choices of which each that is read counts as a question, like one of ``choose``.

    Attributes:
        places: What notes the questions; None once the network is built, which may keep this.
    """

    def __init__(self, choices: Choices, places: Registrations | None) -> None:
        super().__init__(choices)
        self.places = places

    def __getitem__(self, name: str) -> Choice:
        if self.places is not None:
            self.places.asked(name)
        return super().__getitem__(name)

    def __reduce__(self) -> tuple[type[dict[str, Choice]], tuple[dict[str, Choice]]]:
        return dict, (dict(self),)


class _Owned:
    """A parameter, and the modules that hold it, from the network inwards."""

    __slots__ = ("name", "parameter", "path")

    def __init__(
        self, name: str, parameter: nn.Parameter, path: Sequence[tuple[str, nn.Module]]
    ) -> None:
        self.name, self.parameter, self.path = name, parameter, path

    @property
    def module(self) -> nn.Module:
        return self.path[-1][1]

    @property
    def qualified(self) -> str:
        return ".".join([*(name for name, _ in self.path if name), self.name])


def _owned(network: nn.Module) -> Iterator[_Owned]:
    """Yield each parameter once, under its first name."""
    seen: set[int] = set()
    paths: dict[str, tuple[tuple[str, nn.Module], ...]] = {}
    for path, module in network.named_modules():
        above, _, name = path.rpartition(".")
        paths[path] = (*paths.get(above, ()), (name, module)) if path else (("", module),)
        for own, parameter in module._parameters.items():
            if parameter is not None and id(parameter) not in seen:
                seen.add(id(parameter))
                yield _Owned(own, parameter, paths[path])


def _key(own: _Owned, places: Registrations) -> str:
    """Return the name of a parameter's shared weights."""
    seen = places.place(own.parameter) or places.place_of_name(own.module, own.name)
    if seen is not None:
        return seen
    kind = f"{type(own.module).__qualname__}.{own.name}"
    for i in range(len(own.path) - 1, -1, -1):
        place = places.place_of_module(own.path[i][1])
        if place is not None:
            return " | ".join([place, ".".join([*(name for name, _ in own.path[i + 1 :]), kind])])
    return f"{own.qualified} | {kind}"


def _slot(own: _Owned, key: str, blocks: Mapping[int, Blocks]) -> Slot:
    """Return the slot of a parameter: a piece per part of it, and one of all if none are known."""
    parameter = own.parameter
    _check_sharable(own)
    known = blocks.get(id(parameter)) or Blocks((tuple(parameter.shape),))
    if parameter.dtype != torch.float32:
        key = f"{key} {parameter.dtype}"
    parts = [key] if len(known.shapes) == 1 else [f"{key} ({i})" for i in range(len(known.shapes))]
    pieces = [
        Piece(f"{part} {len(shape)}d", shape, known.kernel)
        for part, shape in zip(parts, known.shapes, strict=True)
    ]
    return Slot(own.qualified, tuple(pieces))


def _check_sharable(own: _Owned) -> None:
    """Raise an error for a parameter of which no part can be a smaller network's.

    Raises:
        UnsharableWeights: if it has no shape, or no real numbers, or not all of them.
    """
    parameter = own.parameter
    if is_lazy(parameter):
        why = "has no shape before the network runs; give the layer its number of inputs"
    elif parameter.layout != torch.strided:
        why = f"is sparse ({parameter.layout}); use a dense one"
    elif parameter.dtype not in _SHARED:
        why = f"holds {parameter.dtype}; use floating-point numbers, or a buffer"
    else:
        return
    module = f"{type(own.module).__qualname__} {own.qualified.rpartition('.')[0]!r}"
    raise UnsharableWeights(f"the parameter {own.name!r} of {module} {why}")
