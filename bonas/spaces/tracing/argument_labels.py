"""The arguments of a call as they stand in a node's label.

The rule is the same for every function: an argument that is no tensor and not the default stands in
the label by its name, ``softmax(dim=1)``; a few that everybody knows without it stand alone,
``pow(2)``. Dimensions count from the front, and the last one is -1.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.calls import Call

_OMITTED = frozenset(
    {
        *("inplace", "out", "training", "train", "device", "layout", "memory_format", "copy"),
        *("requires_grad", "pin_memory", "generator", "non_blocking", "names", "stacklevel"),
        *("cudnn_enabled", "need_weights", "average_attn_weights", "sparse"),
        *("scale_grad_by_freq", "dtype"),
    }
)
"""Arguments that change no number of a network in evaluation mode, or show in its output."""

_UNNAMED = frozenset(
    {
        *("other", "exponent", "negative_slope", "min_val", "max_val", "p", "equation", "value"),
        *("approximate", "upscale_factor", "downscale_factor", "repeats"),
    }
)
_DIMS = frozenset({"dim", "dim0", "dim1", "start_dim", "end_dim"})
_OVER_LAST = frozenset({"softmax", "log_softmax", "softmin", "glu"})
"""Functions that mostly run over the last dimension."""

_IN_ANY_ORDER = frozenset(
    ["all", "amax", "amin", "any", "flip", "logsumexp", "mean", "norm", "std", "sum", "var"]
)
"""Functions of several dimensions whose order does not matter."""

_ALL_OR_NONE = frozenset({"hardtanh"})
"""Functions whose arguments stand in the label all together or not at all."""


def argument_labels(call: Call, without: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the arguments that stand in the label, except those named in ``without``."""
    if len(call.args) == 1 and (not call.kwargs or call.kwargs.keys() <= _OMITTED):
        return ()
    key = _key(call, without)
    if key is not None and (known := _cache.get(key)) is not None:
        return known
    labels = _labels(call, without)
    if key is not None and len(_cache) < _MOST:
        _cache[key] = labels
    return labels


_MOST = 100_000  # cached calls
_cache: dict[tuple[Any, ...], tuple[str, ...]] = {}
_HASHABLE = frozenset({int, float, bool, str, type(None), torch.dtype, torch.device})


def _key(call: Call, without: frozenset[str]) -> tuple[Any, ...] | None:
    """Return a key for everything that the labels depend on; None if part of it is not hashable."""
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


def _labels(call: Call, without: frozenset[str]) -> tuple[str, ...]:
    labels = [
        text
        for name, value in call.values.items()
        if name not in without and (text := _label(call, name, value))
    ]
    if call.name in _ALL_OR_NONE and labels:
        defaults = call.defaults.items()
        return tuple(argument_label(call.get(n, x)) for n, x in defaults if n not in _OMITTED)
    return tuple(labels)


def _label(call: Call, name: str, value: Any) -> str:
    if isinstance(value, Tensor) or value is None or name in _OMITTED or name[:1] == "_":
        return _flag(call, name, value)
    if name in _DIMS and call.name != "tile" and call.tensors():
        return _dims_label(call, name, value)
    if name == "p" and "dropout" in call.name:
        return argument_label(value)
    if name in call.defaults and _equals(value, call.defaults[name]):
        return ""
    text = argument_label(value)
    return text if not text or name in _UNNAMED or name.isdigit() else f"{name}={text}"


def _flag(call: Call, name: str, value: Any) -> str:
    """Return ``active`` for a dropout that is applied in evaluation mode, too."""
    return "active" if name == "training" and value is True and "dropout" in call.name else ""


def _dims_label(call: Call, name: str, value: Any) -> str:
    dims = call.first.dim()
    given = list(value) if isinstance(value, (tuple, list)) else [value]
    if not all(type(d) is int for d in given):
        return f"{name}={argument_label(value)}"
    places = [d % max(dims, 1) for d in given]
    places = sorted(places) if call.name in _IN_ANY_ORDER else places
    dims_given = ["-1" if d == dims - 1 else str(d) for d in places]
    if call.name in _OVER_LAST and dims_given == ["-1"]:
        return ""
    return f"{name}={', '.join(dims_given)}"


def _equals(value: Any, default: Any) -> bool:
    if isinstance(default, (list, tuple)) and not isinstance(value, (list, tuple)):
        return bool(default) and all(value == each for each in default)
    if isinstance(default, (list, tuple)):
        return list(value) == list(default)
    return bool(value == default)


def argument_label(value: Any) -> str:
    """Format one argument; the result is empty for a tensor and for None."""
    if isinstance(value, bool) or type(value) in (int, str):
        return str(value)
    if isinstance(value, float):
        return f"{value:.7g}"
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop)]
        step = "" if value.step in (None, 1) else f":{value.step}"
        return ":".join(ends) + step
    if isinstance(value, (tuple, list)):
        return ", ".join(text for part in value if (text := argument_label(part)))
    if value is Ellipsis:
        return "..."
    if isinstance(value, torch.dtype):
        return str(value).removeprefix("torch.")
    return "" if value is None or isinstance(value, Tensor) else _other(value)


def _other(value: Any) -> str:
    if isinstance(value, complex):
        return f"{value:.7g}"
    return getattr(value, "__name__", "")
