"""A torch function as it was called, and how its arguments stand in a label.

Whatever the function: each argument that is no tensor and is not the usual one stands in the
label by its name, ``softmax(dim=1)``, the one that everybody knows without (``pow(2)``).
Dimensions count from the front, the last one is -1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.function_names import PARTS
from bonas.spaces.tracing.signatures import bound

_SILENT = frozenset(
    {
        *("inplace", "out", "training", "train", "device", "layout", "memory_format", "copy"),
        *("requires_grad", "pin_memory", "generator", "non_blocking", "names", "stacklevel"),
        *("cudnn_enabled", "need_weights", "average_attn_weights", "sparse"),
        *("scale_grad_by_freq", "dtype"),
    }
)
"""What changes no number of a network that is evaluated, or shows in what it returns."""

_UNNAMED = frozenset(
    {
        *("other", "exponent", "negative_slope", "min_val", "max_val", "p", "equation", "value"),
        *("approximate", "upscale_factor", "downscale_factor", "repeats"),
    }
)
_DIMS = frozenset({"dim", "dim0", "dim1", "start_dim", "end_dim"})
_LAST = frozenset({"softmax", "log_softmax", "softmin", "glu"})
"""Functions that are mostly taken over the last dimension."""

_IN_ANY_ORDER = frozenset(
    ["all", "amax", "amin", "any", "flip", "logsumexp", "mean", "norm", "std", "sum", "var"]
)
"""Functions of several dimensions that may be given in any order."""

_WHOLE = frozenset({"hardtanh"})
"""Functions whose arguments stand in the label together or not at all."""


class Call:
    """A torch function as it was called, and the first tensor it returned.

    Attributes:
        name: The function's plain name.
        time_first: Whether it read the example's first dimension as time.
    """

    __slots__ = (
        *("_tensors", "_usual", "_values", "args", "function", "kwargs", "name", "out"),
        "time_first",
    )

    def __init__(
        self,
        name: str,
        function: Any,
        args: tuple[Any, ...],
        kwargs: Mapping[str, Any],
        out: Tensor,
    ) -> None:
        self.name, self.function, self.args, self.kwargs = name, function, args, kwargs
        self.out, self.time_first = out, False
        self._values: dict[str, Any] | None = None
        self._usual: Mapping[str, Any] = {}
        self._tensors: list[tuple[str, Tensor]] | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The arguments by name."""
        if self._values is None:
            found = bound(self.function, self.args, self.kwargs)
            self._values, self._usual = found.values, found.usual
        return self._values

    @property
    def usual(self) -> Mapping[str, Any]:
        """What arguments are if they are not given."""
        if self._values is None:
            _ = self.values
        return self._usual

    def get(self, name: str, default: Any = None) -> Any:
        """An argument by its name."""
        value = self.values.get(name)
        return default if value is None else value

    def at(self, place: int, name: str) -> Any:
        """An argument by its place, or by its name if it was given by that."""
        return self.args[place] if place < len(self.args) else self.get(name)

    @property
    def first(self) -> Tensor:
        """What the function computes on."""
        return self.tensors()[0][1]

    def parametric(self, constants: Sequence[Any]) -> bool:
        """Whether a function of constants may compute much."""
        return any(constant.parameters for constant in constants)

    def tensors(self) -> list[tuple[str, Tensor]]:
        """All tensors with the names of the arguments that hold them, in their order.

        Names of arguments that were given by their places are empty; ``named`` has them.
        """
        if self._tensors is None:
            if not self.kwargs:
                self._tensors = [("", t) for t in tensors_of(self.args)]
            else:
                self._tensors = self.named()
        return self._tensors

    def named(self) -> list[tuple[str, Tensor]]:
        """All tensors with the names of the arguments that hold them, in their order."""
        return [
            (name, tensor) for name, value in self.values.items() for tensor in tensors_of(value)
        ]


_PLAIN = frozenset({int, float, bool, str, type(None), torch.Size, torch.dtype, torch.device})


def tensors_of(item: object) -> list[Tensor]:
    """All tensors in nested tuples, lists, mappings, and objects that hold them as attributes."""
    if isinstance(item, Tensor):
        return [item]
    if isinstance(item, Mapping):
        item = tuple(item.values())
    if not isinstance(item, (tuple, list)):
        return []
    found = []
    for part in item:
        if isinstance(part, Tensor):
            found.append(part)
        elif type(part) not in _PLAIN:
            found += tensors_of(part)
    return found


def arguments_told(call: Call, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """The arguments that stand in the label."""
    if len(call.args) == 1 and (not call.kwargs or call.kwargs.keys() <= _SILENT):
        return ()
    key = _key(call, without)
    if key is not None and (known := _kept.get(key)) is not None:
        return known
    told = _all_told(call, without)
    if key is not None and len(_kept) < _MOST:
        _kept[key] = told
    return told


_MOST = 100_000
_kept: dict[tuple[Any, ...], tuple[str, ...]] = {}
_HASHABLE = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})


def _key(call: Call, without: frozenset[str]) -> tuple[Any, ...] | None:
    """What the arguments that are told depend on; None where that is not a plain thing."""
    parts: list[Any] = [call.function, without, call.first.dim() if call.tensors() else None]
    for value in call.args if not call.kwargs else (*call.args, *call.kwargs.items()):
        if isinstance(value, Tensor):
            parts.append(Tensor)
        elif type(value) in _HASHABLE:
            parts.append((type(value), value))
        elif type(value) is tuple and all(type(v) in _HASHABLE for v in value):
            parts.append(tuple([(type(v), v) for v in value]))
        else:
            return None
    return tuple(parts)


def _all_told(call: Call, without: frozenset[str]) -> tuple[str, ...]:
    told = [
        text
        for name, value in call.values.items()
        if name not in without and (text := _told(call, name, value))
    ]
    if call.name in _WHOLE and told:
        return tuple(value_told(call.get(n, call.usual[n])) for n in call.usual if n not in _SILENT)
    return tuple(told)


def _told(call: Call, name: str, value: Any) -> str:
    if isinstance(value, Tensor) or value is None or name in _SILENT or name[:1] == "_":
        return _flag(call, name, value)
    if name in _DIMS and call.name != "tile" and call.tensors():
        return _dims_told(call, name, value)
    if name == "p" and "dropout" in call.name:
        return value_told(value)
    if name in call.usual and _is_same(value, call.usual[name]):
        return ""
    text = value_told(value)
    return text if not text or name in _UNNAMED or name.isdigit() else f"{name}={text}"


def _flag(call: Call, name: str, value: Any) -> str:
    """A dropout that is active also where the network is evaluated."""
    return "active" if name == "training" and value is True and "dropout" in call.name else ""


def _dims_told(call: Call, name: str, value: Any) -> str:
    dims = call.first.dim()
    given = list(value) if isinstance(value, (tuple, list)) else [value]
    if not all(type(d) is int for d in given):
        return f"{name}={value_told(value)}"
    places = [d % max(dims, 1) for d in given]
    places = sorted(places) if call.name in _IN_ANY_ORDER else places
    told = ["-1" if d == dims - 1 else str(d) for d in places]
    if call.name in _LAST and told == ["-1"]:
        return ""
    return f"{name}={', '.join(told)}"


def _is_same(value: Any, usual: Any) -> bool:
    if isinstance(usual, (list, tuple)) and not isinstance(value, (list, tuple)):
        return bool(usual) and all(value == u for u in usual)
    if isinstance(usual, (list, tuple)):
        return list(value) == list(usual)
    return bool(value == usual)


def value_told(value: Any) -> str:
    """A constant as it stands in a label; empty for a tensor, and for None."""
    if isinstance(value, bool) or type(value) in (int, str):
        return str(value)
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop)]
        step = "" if value.step in (None, 1) else f":{value.step}"
        return ":".join(ends) + step
    if isinstance(value, (tuple, list)):
        return ", ".join(text for part in value if (text := value_told(part)))
    if value is Ellipsis:
        return "..."
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return "" if value is None or isinstance(value, Tensor) else _other(value)


def _other(value: Any) -> str:
    if isinstance(value, complex):
        return f"{value:.7g}"
    return getattr(value, "__name__", "")


def index_of(call: Call) -> list[Any]:
    """The parts of an index, one a dimension: without an ellipsis, whole slices at the end off."""
    given = call.args[1]
    parts = list(given) if isinstance(given, tuple) else [given]
    x = call.args[0]
    for place, part in enumerate(parts):
        if part is ...:
            rest = x.dim() - sum(map(_taken, parts))
            parts[place : place + 1] = [slice(None)] * rest
            break
    return _shortened(parts, x.shape)


def _taken(part: Any) -> int:
    """How many dimensions a part of an index is for."""
    if part is None or part is ... or isinstance(part, bool):
        return 0
    is_mask = isinstance(part, Tensor) and part.dtype is torch.bool
    return int(part.dim()) if is_mask else 1


def _shortened(parts: list[Any], shape: torch.Size) -> list[Any]:
    place = 0
    found = []
    for given in parts:
        part = given
        if isinstance(part, slice) and place < len(shape) and _is_whole(part, shape[place]):
            part = slice(None)
        elif isinstance(part, slice) and place < len(shape):
            part = _plain_slice(part, shape[place])
        place += _taken(part)
        found.append(part)
    while found and found[-1] == slice(None) and isinstance(found[-1], slice):
        found.pop()
    return found


def _plain_slice(part: slice, side: int) -> slice:
    """Without a start at 0 and a stop at the end."""
    start = None if type(part.start) is int and part.start == 0 else part.start
    stop = None if type(part.stop) is int and part.stop >= side else part.stop
    return slice(start, stop, part.step)


def _is_whole(part: slice, side: int) -> bool:
    try:
        return part.indices(side) == (0, side, 1)
    except TypeError:  # a tensor that stands for a number
        return False


def selects(call: Call) -> bool:
    """Whether an index takes a part: ``x[:, None]`` is a view of all of ``x``."""
    return any(
        part is not None and not (isinstance(part, slice) and part == slice(None))
        for part in index_of(call)
    )


def index_told(call: Call) -> tuple[str, tuple[str, ...]]:
    """``slice`` or ``index``, and the parts; ``*`` stands for a tensor."""
    parts = index_of(call)
    name, told = "slice", []
    for part in parts:
        if isinstance(part, Tensor):
            name = "index"
            told.append("*")
        elif isinstance(part, list):
            name = "index"
            told.append(f"[{value_told(part)}]")
        else:
            told.append("None" if part is None else value_told(part))
    return name, tuple(told)


def _dim_of(call: Call) -> int:
    """The dimension along which a tensor is cut."""
    dims = call.first.dim()
    if call.name in ("hsplit", "vsplit", "dsplit"):
        return {"hsplit": min(1, dims - 1), "vsplit": 0, "dsplit": 2}[call.name]
    return int(call.get("dim", 0)) % max(dims, 1)


def side_of(call: Call, part: Tensor) -> int:
    """How much of its dimension a part is."""
    return int(part.shape[_dim_of(call)]) if call.name in PARTS and call.name != "unbind" else 1


def parts_told(call: Call, part: Tensor, place: int, start: int) -> tuple[str, ...]:
    """Which part of a tensor this is, as an index; empty where it is all of it."""
    if call.name == "slice":
        return index_told(call)[1] if selects(call) else ()
    if call.name not in PARTS and call.name not in ("select", "narrow"):
        return ()
    dim = _dim_of(call)
    whole = (":",) * dim
    if call.name == "unbind":
        return (*whole, str(place))
    if call.name == "select":
        return (*whole, str(call.get("index")))
    side = call.first.shape[dim]
    if call.name == "narrow":
        start = int(call.get("start", 0)) % side
    stop = start + part.shape[dim]
    if stop - start == side:
        return ()
    return (*whole, f"{start or ''}:{stop if stop < side else ''}")
