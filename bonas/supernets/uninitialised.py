"""Networks without initial parameters: where shared weights replace them, none have to be drawn.

Parameters have memory and no values; buffers and other tensors have theirs, so that tables, masks
and positions are as the builder made them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from bonas.settings import own_settings
from bonas.spaces.tracing.unallocated import seeded

_Built = TypeVar("_Built")

_INITS = (
    "constant_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "trunc_normal_",
    "uniform_",
)
_OF_TENSORS = ("clamp_", "erfinv_", "fill_", "normal_", "uniform_", "zero_")
_FILLING = frozenset(getattr(nn.init, name) for name in _INITS) | {
    getattr(Tensor, name) for name in _OF_TENSORS
}


class _Uninitialised(TorchFunctionMode):
    """A mode in which functions that fill a parameter do nothing."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in _FILLING:
            tensor = args[0] if args else kwargs.get("tensor")
            if type(tensor) is nn.Parameter:  # isinstance asks a metaclass of torch's
                return tensor
        return func(*args, **kwargs)


@contextmanager
def uninitialised() -> Iterator[None]:
    """Leave parameters that are made inside without values."""
    with _Uninitialised():
        yield


def built_with_values(build: Callable[[], _Built]) -> _Built:
    """Call a function that builds networks; draws are those of ``built_without_values``."""
    with own_settings(), seeded():
        return build()


def built_without_values(build: Callable[[], _Built]) -> _Built:
    """Call a function that builds networks, with parameters that have no values if it can.

    A builder that needs the values of its parameters is called again, with them. Draws come from
    generators with a fixed state, and the global ones stay as they were.
    """
    with own_settings(), seeded():
        try:
            with uninitialised():
                return build()
        except Exception:
            return build()
