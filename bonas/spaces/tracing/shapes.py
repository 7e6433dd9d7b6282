"""Results of functions on the meta device, where torch infers shapes far too slowly.

On that device torch decomposes a batch norm or a linear map in Python in about a millisecond, and a
recurrence step by step. An empty tensor of the right shape takes a hundredth of that. Whatever is
not certain to be right, or would raise, is left to torch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from bonas.spaces.tracing.broadcasts import broadcast
from bonas.spaces.tracing.function_names import UNARY

Args = tuple[Any, ...]
Kwargs = Mapping[str, Any]


def meta_result(name: str, function: Any, args: Args, kwargs: Kwargs) -> Any:
    """Return what a function of meta tensors returns, without running it; None to ask torch."""
    if "out" in kwargs:
        return None
    result = broadcast(name, args, kwargs)
    if result is not None:
        if not _is_in_place(function):
            return torch.empty(result[0], dtype=result[1], device="meta")
        same = result == (tuple(args[0].shape), args[0].dtype)
        return args[0] if same else None
    x = args[0] if args else None
    if not isinstance(x, Tensor) or not x.is_meta:
        return None
    if name in _RULES:
        return _RULES[name](args, kwargs)
    if not x.is_floating_point() or not _keeps(name, x, args, kwargs):
        return None
    return x if kwargs.get("inplace") or _is_in_place(function) else _empty(x, x.shape)


def _empty(like: Tensor, shape: Sequence[int]) -> Tensor:
    return torch.empty(tuple(shape), dtype=like.dtype, device=like.device)


def _is_in_place(function: Any) -> bool:
    name = getattr(function, "__name__", "")
    return name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))


def _keeps(name: str, x: Tensor, args: Args, kwargs: Kwargs) -> bool:
    """Return whether the result has the first argument's shape."""
    if name in UNARY:
        dtypes = [v for v in (*args, *kwargs.values()) if isinstance(v, torch.dtype)]
        return name not in ("glu", "prelu") and not dtypes
    return name in _NORMS and _NORMS[name](x, args, kwargs)


def _agree(x: Tensor, *others: Tensor | None) -> bool:
    """Return whether torch would accept all of them together with ``x``."""
    return all(t is None or (t.is_meta and t.dtype == x.dtype) for t in others)


def _tensors(args: Args, kwargs: Kwargs) -> list[Tensor]:
    return [t for t in (*args, *kwargs.values()) if isinstance(t, Tensor)]


def _by_channel(x: Tensor, args: Args, kwargs: Kwargs) -> bool:
    return x.dim() > 1 and all(t.shape == x.shape[1:2] for t in _tensors(args[1:], kwargs))


def _by_group(x: Tensor, args: Args, kwargs: Kwargs) -> bool:
    groups = args[1] if len(args) > 1 else kwargs["num_groups"]
    return _by_channel(x, args, kwargs) and int(x.shape[1]) % int(groups) == 0


def _by_ends(x: Tensor, args: Args, kwargs: Kwargs) -> bool:
    over = tuple(args[1] if len(args) > 1 else kwargs["normalized_shape"])
    return over == tuple(x.shape[-len(over) :]) and all(
        tuple(t.shape) == over for t in _tensors(args[2:], kwargs)
    )


_NORMS: dict[str, Callable[[Tensor, Args, Kwargs], bool]] = {
    "batch_norm": _by_channel,
    "group_norm": _by_group,
    "layer_norm": _by_ends,
    "rms_norm": _by_ends,
}


def _linear(args: Args, kwargs: Kwargs) -> Tensor | None:
    x, weight, bias = (*args, None)[:3] if len(args) > 1 else (args[0], None, None)
    if kwargs or weight is None or not _agree(x, weight, bias) or weight.dim() != 2:
        return None
    if x.shape[-1:] != weight.shape[1:] or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    return _empty(x, (*x.shape[:-1], weight.shape[0]))


def _convolution(args: Args, kwargs: Kwargs) -> Tensor | None:
    if kwargs or len(args) != 7 or isinstance(args[4], str):
        return None
    x, weight, bias, stride, padding, dilation, groups = args
    if x.dim() != weight.dim() or not _agree(x, weight, bias):
        return None
    settings = (stride, padding, dilation)
    if not all(isinstance(s, tuple) and len(s) == x.dim() - 2 for s in settings):
        return None
    sizes = zip(x.shape[2:], weight.shape[2:], *settings, strict=True)
    sides = [(side + 2 * p - d * (k - 1) - 1) // s + 1 for side, k, s, p, d in sizes]
    fits = x.shape[1] == weight.shape[1] * groups and weight.shape[0] % groups == 0
    if not fits or min(sides) < 1 or (bias is not None and bias.shape != weight.shape[:1]):
        return None
    return _empty(x, (x.shape[0], weight.shape[0], *sides))


def _attention(args: Args, kwargs: Kwargs) -> Tensor | None:
    """Infer attention with equally many heads in queries, keys and values, without a mask."""
    if len(args) < 3 or any(isinstance(v, Tensor) for v in (*args[3:], *kwargs.values())):
        return None
    q, k, v = args[:3]
    same = q.shape[:-2] == k.shape[:-2] == v.shape[:-2] and q.shape[-1] == k.shape[-1]
    if not same or not _agree(q, k, v) or k.shape[-2] != v.shape[-2]:
        return None
    return _empty(q, (*q.shape[:-1], v.shape[-1]))


def _multi_head(args: Args, kwargs: Kwargs) -> tuple[Tensor, Tensor | None] | None:
    """Infer what ``torch.nn.MultiheadAttention`` calls, for batches without added keys."""
    if (
        len(args) != 13
        or kwargs.get("attn_mask") is not None
        or any(_is_given(part) for part in args[7:10])
    ):
        return None
    q, k, v, width, heads = args[:5]
    fits = q.dim() == 3 and q.shape[-1] == k.shape[-1] == v.shape[-1] == width
    if not fits or not _agree(q, k, v, args[5]) or k.shape != v.shape or q.shape[1] != k.shape[1]:
        return None
    if kwargs.get("use_separate_proj_weight") or kwargs.get("key_padding_mask") is not None:
        return None
    per_head = () if kwargs.get("average_attn_weights", True) else (heads,)
    weights = (q.shape[1], *per_head, q.shape[0], k.shape[0])
    return _empty(q, q.shape), _empty(q, weights) if kwargs.get("need_weights", True) else None


def _is_given(part: object) -> bool:
    return part is not None and part is not False


def _recurrence(args: Args, kwargs: Kwargs) -> tuple[Tensor, ...] | None:
    """Infer a recurrence over whole sequences, whose sizes ``torch.nn.LSTM`` has checked."""
    if kwargs or len(args) != 9 or not isinstance(args[2], list):
        return None
    x, state, both = args[0], args[1], args[7]
    states = state if isinstance(state, tuple) else (state,)
    out = _empty(x, (*x.shape[:-1], states[0].shape[-1] * (2 if both else 1)))
    return (out, *(_empty(x, s.shape) for s in states))


def _embedding(args: Args, kwargs: Kwargs) -> Tensor | None:
    index, weight = args[:2] if len(args) > 1 else (args[0], None)
    return None if weight is None else _empty(weight, (*index.shape, weight.shape[1]))


_RULES: dict[str, Callable[[Args, Kwargs], Any]] = {
    "linear": _linear,
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrence),
    "embedding": _embedding,
}
