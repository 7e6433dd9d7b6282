"""The modules of a network as the blocks of its sketch, while it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from bonas.spaces.sketch import Sketch

_CONTAINERS = (nn.Sequential, nn.ModuleList, nn.ModuleDict)
_NAMED = 60  # characters of a class's name that are kept


@contextmanager
def module_blocks(network: nn.Module, sketch: Sketch) -> Iterator[None]:
    """Enter a block of the sketch whenever a module runs that consists of others.

    Its name is that of the module's class. The network itself and plain containers are no blocks.
    """

    def enter(module: nn.Module, args: Any) -> None:
        sketch.enter(type(module).__name__[:_NAMED])

    def leave(module: nn.Module, args: Any, output: Any) -> None:
        sketch.leave()

    handles = []
    try:
        for module in network.modules():
            if module is not network and _is_block(module):
                handles.append(module.register_forward_pre_hook(enter, prepend=True))
                handles.append(module.register_forward_hook(leave, always_call=True))
        yield
    finally:
        for handle in handles:
            handle.remove()


def _is_block(module: nn.Module) -> bool:
    return not isinstance(module, _CONTAINERS) and any(True for _ in module.children())
