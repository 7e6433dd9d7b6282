"""A torch function as a node: its label, its sizes and its multiply-adds.

Labels are plain names in lower case (``conv2d``, ``linear``, ``attention``, ``add``), followed by
every argument that changes what is computed, that no size shows and that is not the default:
``leaky_relu(0.2)``, ``conv2d(dilation=2)``, ``softmax(dim=1)``, ``slice(:, 0)``.

Multiply-adds are the products of convolutions, linear maps, matrix products and recurrences:

    convolution  inputs / groups * kernel volume, per output
    linear       outputs * inputs
    attention    L * S * (E + E_v) per head: scores of L queries and S keys, then the mixed values
    recurrence   the elements of every weight matrix, per step
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bonas.spaces.tracing.argument_labels import argument_label, argument_labels
from bonas.spaces.tracing.calls import Call
from bonas.spaces.tracing.function_names import (
    BINARY,
    ELEMENTWISE,
    FREE,
    NORMS,
    PARTS,
    QUERIES,
    RANDOM,
    READS,
    UNARY,
    VIEWS,
)
from bonas.spaces.tracing.indexing import index_label


@dataclass(frozen=True, slots=True)
class Facts:
    """One operation in a graph.

    Attributes:
        name: The label without arguments.
        arguments: The arguments in the label.
        multiply_adds: Of the whole batch; None where unknown.
        sizes: Columns of ``bonas.spaces.sketch.FEATURES`` that the operation has.
    """

    name: str
    arguments: tuple[str, ...] = ()
    multiply_adds: int | None = 0
    sizes: Mapping[str, int] = field(default_factory=dict)


_FORMULAS = (VIEWS, QUERIES, FREE, UNARY, NORMS, BINARY, ELEMENTWISE, PARTS, RANDOM, READS)


def has_formula(name: str) -> bool:
    """Return whether the multiply-adds of a function are known; for most they are 0."""
    return name in _TABLE or name in _FREE


def facts(call: Call) -> Facts:
    """Return name, arguments, multiply-adds and sizes of a call."""
    if call.name in _TABLE:
        return _TABLE[call.name](call)
    if call.name in NORMS:
        return _norm(call)
    return Facts(call.name, argument_labels(call), 0 if call.name in _FREE else None)


def _norm(call: Call) -> Facts:
    """Describe a norm. Running statistics are weights, which stand in no label."""
    over = call.get("normalized_shape", ())
    arguments = argument_labels(call, without=_NORM_ARGUMENTS)
    arguments += (f"over={len(over)}",) if isinstance(over, (tuple, list)) and len(over) > 1 else ()
    if call.get("training", False) is True:
        arguments += ("of_batch",)
    if call.get("use_input_stats", True) is False:
        arguments += ("of_training",)
    channels = call.out.shape[1 if "batch" in call.name else -1]
    sizes = {"outputs": channels, "groups": call.get("num_groups", 0)}
    return Facts(call.name, arguments, 0, sizes)


_NORM_ARGUMENTS = frozenset(
    {"normalized_shape", "num_groups", "training", "use_input_stats", "running_mean", "running_var"}
)


def _largest(value: Any) -> int:
    return int(max(value)) if isinstance(value, (tuple, list)) else int(value)


def _uneven(value: Any) -> bool:
    return isinstance(value, (tuple, list)) and len(set(value)) > 1


def _sizes(value: Any) -> str:
    """Format sizes as ``3x5``, or as one number if they are equal."""
    if isinstance(value, (tuple, list)):
        return "x".join(map(str, value if _uneven(value) else value[:1]))
    return str(value)


def _convolution(call: Call) -> Facts:
    transposed = "transpose" in call.name
    x, weight = call.at(0, "input"), call.at(1, "weight")
    groups = call.get("groups", 1)
    kernel = tuple(weight.shape[2:])
    inputs = x.shape[-len(kernel) - 1]
    outputs = call.out.shape[-len(kernel) - 1]
    stride = call.get("stride", 1)
    sizes = {
        "inputs": inputs,
        "outputs": outputs,
        "kernel": max(kernel),
        "stride": _largest(stride),
        "groups": groups,
    }
    name = f"depthwise_{call.name}" if groups == inputs > 1 else call.name
    products = (x if transposed else call.out).numel() * weight[0].numel()
    return Facts(name, _convolution_arguments(call, kernel, stride), products, sizes)


def _convolution_arguments(call: Call, kernel: tuple[int, ...], stride: Any) -> tuple[str, ...]:
    """Return the arguments of a convolution that its sizes leave open.

    Where the stride is 1 or 2, the size of the output shows the padding.
    """
    arguments = [_sizes(kernel)] if _uneven(kernel) else []
    dilation, padding = call.get("dilation", 1), call.get("padding", 0)
    if _uneven(stride):
        arguments.append(f"stride={_sizes(stride)}")
    if isinstance(padding, str):
        padding = 0 if padding == "valid" or max(kernel) % 2 else padding
    hidden = _largest(stride) > 2 and not isinstance(padding, str) and _largest(padding) > 0
    if isinstance(padding, str) or _uneven(padding) or hidden:
        arguments.append(f"padding={_sizes(padding)}")
    if _largest(dilation) > 1:
        arguments.append(f"dilation={_sizes(dilation)}")
    beyond = call.get("output_padding", 0)
    if _largest(beyond):
        arguments.append(f"output_padding={_sizes(beyond)}")
    return tuple(arguments)


def _linear(call: Call) -> Facts:
    weight = call.at(1, "weight")
    outputs, inputs = weight.shape if weight.dim() == 2 else (1, weight.shape[0])
    return Facts(call.name, (), call.out.numel() * inputs, {"inputs": inputs, "outputs": outputs})


def _product(call: Call) -> Facts:
    """Describe ``a @ b``, or ``addmm`` and its like, whose first argument is added."""
    factors = [call.get(name) for name in ("mat1", "batch1", "mat")]
    a = next((factor for factor in factors if factor is not None), call.first)
    inner = a.shape[-1]
    summed = a.shape[0] if call.name == "addbmm" else 1
    return Facts(
        call.name, argument_labels(call), call.out.numel() * inner * summed, {"inputs": inner}
    )


def _grouped_product(call: Call) -> Facts:
    """Describe a product of each row with the matrix of its group."""
    a = call.first
    inner = a.shape[-1]
    rows = call.out.numel() if call.out.dim() == a.dim() or a.dim() == 2 else a.numel() // inner
    return Facts(call.name, argument_labels(call), rows * inner, {"inputs": inner})


def _bilinear(call: Call) -> Facts:
    outputs, left, right = call.get("weight").shape
    products = call.out.numel() * (left * right + right)
    return Facts(call.name, (), products, {"inputs": left, "outputs": outputs})


def _attention(call: Call) -> Facts:
    q, k, v = (call.get(name) for name in ("query", "key", "value"))
    products = math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])
    heads, shared = q.shape[-3] if q.dim() > 2 else 1, k.shape[-3] if k.dim() > 2 else 1
    arguments: tuple[str, ...] = ("causal",) if call.get("is_causal", False) else ()
    is_default = math.isclose(call.get("scale", 0.0), q.shape[-1] ** -0.5)
    arguments += argument_labels(
        call, without=_ATTENTION_ARGUMENTS | ({"scale"} if is_default else set())
    )
    sizes = {"inputs": heads * q.shape[-1], "outputs": heads * v.shape[-1], "heads": heads}
    return Facts("attention", arguments, products, {**sizes, "groups": shared})


_ATTENTION_ARGUMENTS = frozenset({"is_causal", "enable_gqa"})


def _multi_head(call: Call) -> Facts:
    """Describe attention with its projections of query, key, value and output."""
    q, k, v = (call.get(name) for name in ("query", "key", "value"))
    width, heads = q.shape[-1], call.get("num_heads")
    queries, keys = q.numel() // width, k.numel() // k.shape[-1]
    projected = 2 * queries * width + keys * (k.shape[-1] + v.shape[-1])
    mixed = 2 * queries * k.shape[0]  # sequences come first here
    dropout = call.get("dropout_p", 0.0)
    arguments: tuple[str, ...] = ("causal",) if call.get("is_causal", False) else ()
    arguments += (f"dropout={dropout:.4g}",) if dropout else ()
    arguments += ("zero",) if call.get("add_zero_attn", False) else ()
    sizes = {"inputs": width, "outputs": width, "heads": heads, "groups": heads}
    return Facts("attention", arguments, width * (projected + mixed), sizes)


def _recurrence(call: Call) -> Facts:
    """Describe a recurrence over whole sequences or packed ones, or a single step."""
    x = call.first
    weights = call.get("params")
    if weights is None:  # a cell: input to hidden, hidden to hidden
        weights = [call.get("w_ih"), call.get("w_hh")]
    matrices = [w for w in weights if w.dim() == 2]
    steps = x.numel() // x.shape[-1]
    dropout = call.get("dropout", 0.0)
    arguments: tuple[str, ...] = (f"dropout={dropout:.4g}",) if dropout else ()
    arguments += ("time_first",) if call.time_first else ()
    sizes = {"inputs": x.shape[-1], "outputs": call.out.shape[-1]}
    return Facts(call.name, arguments, steps * sum(w.numel() for w in matrices), sizes)


def _pool(call: Call) -> Facts:
    kernel = call.get("kernel_size")
    stride = call.get("stride") or kernel
    arguments: tuple[str, ...] = (_sizes(kernel),) if _uneven(kernel) else ()
    arguments += (f"stride={_sizes(stride)}",) if _uneven(stride) and stride != kernel else ()
    arguments += argument_labels(call, without=_POOL_ARGUMENTS)
    return Facts(call.name, arguments, 0, {"kernel": _largest(kernel), "stride": _largest(stride)})


_POOL_ARGUMENTS = frozenset({"kernel_size", "stride", "return_indices"})


def _adaptive_pool(call: Call) -> Facts:
    kind = "avg" if "avg" in call.name else "max"
    spatial = int(next(letter for letter in call.name if letter.isdigit()))
    sides = tuple(call.out.shape[-spatial:])
    if all(side == 1 for side in sides):
        return Facts(f"global_{kind}_pool")
    return Facts(f"adaptive_{kind}_pool", (_sizes(sides),) if _uneven(sides) else ())


def _mean(call: Call) -> Facts:
    x, dims = call.first, call.get("dim", ())
    dims = dims if isinstance(dims, (tuple, list)) else [dims]
    over = {d % x.dim() for d in dims}
    if x.dim() > 3 and over == set(range(2, x.dim())) and call.get("dtype") is None:
        return Facts("global_avg_pool")
    arguments = tuple("-1" if d == x.dim() - 1 else str(d) for d in sorted(over))
    return Facts("mean", (*arguments, *argument_labels(call, without=frozenset({"dim"}))))


def _slice(call: Call) -> Facts:
    name, arguments = index_label(call)
    return Facts(name, arguments)


def _set_item(call: Call) -> Facts:
    _, arguments = index_label(call)
    value = call.args[2] if len(call.args) > 2 else None
    return Facts(
        "set_item", arguments + (() if isinstance(value, Tensor) else (argument_label(value),))
    )


def _embedding(call: Call) -> Facts:
    weight = call.get("weight")
    arguments = argument_labels(call, without=frozenset({"padding_idx"}))
    return Facts(call.name, arguments, 0, {"inputs": weight.shape[0], "outputs": weight.shape[1]})


_TABLE: dict[str, Callable[[Call], Facts]] = {
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _convolution for n in (1, 2, 3)},
    **dict.fromkeys(("matmul", "addmm", "baddbmm", "addbmm", "addmv"), _product),
    **dict.fromkeys(("grouped_mm",), _grouped_product),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrence),
    **{f"{name}_cell": _recurrence for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    **dict.fromkeys(("max_pool", "avg_pool", "lp_pool2d", "lp_pool1d", "lp_pool3d"), _pool),
    **{
        f"adaptive_{kind}_pool{n}d{end}": _adaptive_pool
        for kind in ("avg", "max")
        for n in (1, 2, 3)
        for end in ("", "_with_indices")
    },
    "linear": _linear,
    "bilinear": _bilinear,
    "scaled_dot_product_attention": _attention,
    "multi_head_attention_forward": _multi_head,
    "mean": _mean,
    "slice": _slice,
    "set_item": _set_item,
    "embedding": _embedding,
    "embedding_bag": _embedding,
}
_FREE = frozenset().union(*_FORMULAS)
