"""Live bytes: how much memory the tensors of a computation hold after each of its operations.

    live(t) = sum of the sizes of all storages that exist after operation t

A view shares its storage and counts once; a storage counts until the last tensor of it is gone. The
operations of the backward pass are seen as well. What a kernel allocates for itself is not.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]  # untyped in torch
    """A mode that records the live bytes of all tensors which are made in it.

    Args:
        given: Tensors that exist before, such as the weights of a network.

    Attributes:
        timeline: The live bytes after each operation; the first entry is that of ``given``.
    """

    def __init__(self, given: Iterable[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # untyped in torch
        self._live = 0
        self._counted: set[int] = set()  # addresses of storages that exist
        for tensor in given:
            self._note(tensor)
        self.timeline = [self._live]

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        made = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(made):
            if isinstance(leaf, Tensor):
                self._note(leaf)
        self.timeline.append(self._live)
        return made

    def _note(self, tensor: Tensor) -> None:
        """Count the storage of a tensor until it is gone."""
        try:
            storage = tensor.untyped_storage()
        except (NotImplementedError, RuntimeError):  # sparse and other tensors have none
            return
        if id(storage) in self._counted:
            return
        size = storage.nbytes()
        self._counted.add(id(storage))
        self._live += size
        weakref.finalize(storage, self._forget, id(storage), size).atexit = False

    def _forget(self, address: int, size: int) -> None:
        self._counted.discard(address)
        self._live -= size
