"""The store: a shared tensor per key, of the largest shape that any network has asked for.

A tensor grows where a network needs more of it. Its new numbers are those of this network's own
initialisation, as far as it covers them; the corners that no network has initialised are drawn from
the numbers that are known, so that they have the same distribution.

What it holds once a training has ended is marked. Later growth depends on which networks were asked
for and in which order, so it is no part of what the store is known by (``digest``) and of what a
network inherits (``copied``). Without marks all that it holds counts.
"""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import TypeVar
from zlib import crc32

import torch
from torch import Tensor, nn

from bonas.errors import InvalidSpace
from bonas.supernets.slot import Piece, Slot

Box = tuple[slice, ...]
T = TypeVar("T")

_TRIES = 3  # times that networks are built, while the store grows


class Store:
    """Shared tensors by key.

    Args:
        seed: Of the corners that no network has initialised.
        device: Where the tensors are.
    """

    def __init__(self, seed: int = 0, device: torch.device | str = "cpu") -> None:
        self.seed, self.device = seed, torch.device(device)
        self._tensors: dict[str, nn.Parameter] = {}
        self._kernels: dict[str, int] = {}
        self.marked: dict[str, tuple[int, ...]] = {}  # the sides of what was trained, by key
        self._growths = 0  # how often a tensor was made or has grown

    def __getitem__(self, key: str) -> nn.Parameter:
        return self._tensors[key]

    def __contains__(self, key: object) -> bool:
        return key in self._tensors

    def __iter__(self) -> Iterator[str]:
        return iter(self._tensors)

    def __len__(self) -> int:
        return len(self._tensors)

    def parameters(self) -> list[nn.Parameter]:
        """Return the shared tensors, in the order in which networks asked for them."""
        return list(self._tensors.values())

    @property
    def bytes(self) -> int:
        """The memory of all shared tensors."""
        return sum(x.numel() * x.element_size() for x in self._tensors.values())

    def kernel(self, key: str) -> int:
        """Return how many of the last dimensions of a shared tensor are a kernel's."""
        return self._kernels[key]

    def set(self, key: str, tensor: Tensor, kernel: int = 0, *, trained: bool = True) -> None:
        """Set a shared tensor; one that exists keeps its identity, for optimizers that hold it."""
        values = tensor.detach().to(self.device)
        if key in self._tensors:
            _replace_data(self._tensors[key], values)
        else:
            self._tensors[key] = nn.Parameter(values.clone(), requires_grad=trained)
        self._kernels[key] = kernel

    def mark(self) -> None:
        """Take all that it holds now as what was trained."""
        self.marked = {key: tuple(tensor.shape) for key, tensor in self._tensors.items()}

    def digest(self) -> str:
        """Return 16 characters that depend on every marked number."""
        found = blake2b(digest_size=8)
        for key in sorted(self.marked or self._tensors):
            known = self._known(key)
            found.update(f"{key} {tuple(known.shape)} {known.dtype}".encode())
            numbers = known.cpu().reshape(-1).clone(memory_format=torch.contiguous_format)
            found.update(numbers.view(torch.uint8).numpy().data)
        return found.hexdigest()

    def copied(self, slot: Slot, parameter: Tensor) -> Tensor:
        """Return a network's parameter with the marked numbers; where there are none, its own."""
        parts = []
        for piece, own in zip(slot.pieces, _parts(slot, parameter.detach().clone()), strict=True):
            if piece.key in (self.marked or self._tensors):
                self._is_short_of(piece)  # refuses other dimensions
                known = self._known(piece.key)
                sides = [min(pair) for pair in zip(known.shape, piece.shape, strict=True)]
                inside, source = (box(x.shape, sides, piece.kernel) for x in (own, known))
                own[inside] = known[source].to(own)
            parts.append(own.reshape(-1))
        return torch.cat(parts).view(parameter.shape)

    def holds(self, slots: Iterable[Slot]) -> bool:
        """Return whether all numbers of these slots are marked."""
        pieces = [piece for slot in slots for piece in slot.pieces]
        return all(self._is_marked(piece) for piece in pieces)

    def _is_marked(self, piece: Piece) -> bool:
        if self._is_short_of(piece):
            return False
        held = tuple(self._tensors[piece.key].shape)
        sides = self.marked.get(piece.key) if self.marked else held
        if sides is None or (piece.kernel and sides != held):  # which may have another centre
            return False
        return all(own <= side for own, side in zip(piece.shape, sides, strict=True))

    def _known(self, key: str) -> Tensor:
        """Return the marked part of a shared tensor."""
        tensor = self._tensors[key].detach()
        sides = self.marked.get(key, tuple(tensor.shape))
        return tensor[box(tensor.shape, sides, self._kernels[key])]

    def lacks(self, slots: Iterable[Slot]) -> bool:
        """Return whether a tensor of these slots is missing or too small."""
        return any(self._is_short_of(piece) for slot in slots for piece in slot.pieces)

    def grow(self, slots: Sequence[Slot], initial: Mapping[str, Tensor]) -> list[str]:
        """Make room for a network, and return the keys of the tensors that are new or larger.

        Args:
            slots: Those of the network.
            initial: A parameter's name -> the parameter of an initialised network.

        Raises:
            InvalidSpace: if a key has another number of dimensions than before, or the pieces of a
                slot do not hold the numbers of its parameter.
        """
        grown = []
        for slot in slots:
            parameter = initial[slot.name]
            _check_size(slot, parameter)
            for piece, own in zip(slot.pieces, _parts(slot, parameter.detach()), strict=True):
                if self._is_short_of(piece):
                    self._extend(piece, own, parameter.requires_grad)
                    self._growths += 1
                    grown.append(piece.key)
        return grown

    def settled(self, builds: Sequence[Callable[[], T]]) -> list[T]:
        """Build networks, none of which holds a part that has grown since."""
        found: list[T] = []
        for _ in range(_TRIES):
            before = self._growths
            found = [build() for build in builds]
            if self._growths == before:
                break
            found = []
            gc.collect()  # what remembers shapes from before the growth
        return found or [build() for build in builds]

    def take(self, slot: Slot, shape: Sequence[int]) -> Tensor:
        """Return a network's parameter: a view of a shared tensor or, of several pieces, a copy.

        Gradients reach the shared tensors.
        """
        boxes = [self._part(piece) for piece in slot.pieces]
        if len(boxes) == 1:
            return boxes[0] if boxes[0].shape == torch.Size(shape) else boxes[0].reshape(shape)
        return torch.cat([box.reshape(-1) for box in boxes]).view(shape)

    def _part(self, piece: Piece) -> Tensor:
        shared = self._tensors[piece.key]
        if shared.shape == piece.shape:
            return shared
        return shared[box(shared.shape, piece.shape, piece.kernel)]

    def _is_short_of(self, piece: Piece) -> bool:
        if piece.key not in self._tensors:
            return True
        sides = self._tensors[piece.key].shape
        if len(sides) != len(piece.shape):
            raise InvalidSpace(
                f"the shared weights {piece.key!r} have the shape {tuple(sides)} in one network "
                f"and {piece.shape} in another; two layers have one name there, so give each kind "
                "of layer a line of its own in the function that builds them"
            )
        return any(own > side for own, side in zip(piece.shape, sides, strict=True))

    def _extend(self, piece: Piece, initial: Tensor, trained: bool) -> None:
        """Grow the tensor of a piece, or make it, so that it covers the piece."""
        before = self._tensors.get(piece.key)
        if before is None:
            self.set(piece.key, initial.clone(), piece.kernel, trained=trained)
            return
        sides = tuple(max(pair) for pair in zip(piece.shape, before.shape, strict=True))
        values = torch.empty(sides, dtype=before.dtype, device=self.device)
        if before.dim() == 4 and before.is_contiguous(memory_format=torch.channels_last):
            values = values.to(memory_format=torch.channels_last)  # as its networks want it
        known = torch.zeros(sides, dtype=torch.bool, device=self.device)
        for part in (initial.to(before), before.detach()):  # trained numbers replace initial ones
            inside = box(sides, part.shape, piece.kernel)
            values[inside], known[inside] = part, True
        pool = values[known]
        seed = crc32(f"{self.seed} {piece.key} {sides}".encode())
        picked = torch.randint(
            len(pool), (int((~known).sum()),), generator=torch.Generator().manual_seed(seed)
        )
        values[~known] = pool[picked.to(self.device)]
        self.set(piece.key, values, piece.kernel)


def _replace_data(parameter: nn.Parameter, values: Tensor) -> None:
    """Give a parameter other numbers, of any shape; a gradient of another shape is dropped.

    While a network that reads the parameter lives, autograd keeps a node with the shape at that
    time, and would refuse gradients of the new one; it forgets the node when the type changes.
    """
    if parameter.shape != values.shape:
        parameter.grad = None
        other = torch.float32 if values.dtype == torch.float64 else torch.float64
        parameter.data = torch.empty(0, dtype=other, device=values.device)
    parameter.data = values


def box(sides: Sequence[int], shape: Sequence[int], kernel: int) -> Box:
    """Return the indices of the box of a shape in a tensor: its front, the centre of a kernel.

    >>> box((8, 4, 7), (6, 4, 3), kernel=1)
    (slice(0, 6, None), slice(0, 4, None), slice(2, 5, None))
    """
    first_of_kernel = len(shape) - kernel
    starts = [
        (side - own) // 2 if i >= first_of_kernel else 0
        for i, (side, own) in enumerate(zip(sides, shape, strict=True))
    ]
    return tuple(slice(start, start + own) for start, own in zip(starts, shape, strict=True))


def _parts(slot: Slot, parameter: Tensor) -> Sequence[Tensor]:
    """Split an initialised parameter into the boxes of its pieces; a whole one keeps its layout."""
    if len(slot.pieces) == 1 and slot.pieces[0].shape == parameter.shape:
        return [parameter]
    flat = torch.split(parameter.reshape(-1), [piece.numbers for piece in slot.pieces])
    return [part.view(piece.shape) for part, piece in zip(flat, slot.pieces, strict=True)]


def _check_size(slot: Slot, parameter: Tensor) -> None:
    held = sum(piece.numbers for piece in slot.pieces)
    if held != math.prod(parameter.shape):
        raise InvalidSpace(
            f"expected pieces that hold the {parameter.numel()} numbers of {slot.name!r}, "
            f"{tuple(parameter.shape)}, got {held} in {[p.shape for p in slot.pieces]}; the blocks "
            "that were declared of this layer are not those that it has"
        )
