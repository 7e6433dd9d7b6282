"""What a torch function is in a graph: its label, its sizes and its multiply-adds.

Labels are plain names in lower case (``conv2d``, ``linear``, ``attention``, ``add``). A constant
that changes what is computed and that no size shows stands in the label: ``leaky_relu(0.1)``,
``conv2d(dilation=2)``, ``slice(:, 0)``; where it is the usual one it is left out.

Multiply-adds are the products of convolutions, linear maps, matrix products and recurrences:

    convolution  products of one output = inputs / groups * kernel volume
    linear       outputs * inputs
    attention    L * S * (E + E_v) a head: scores of L queries and S keys, then the mixed values
    recurrence   every weight matrix once a step
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from bonas.spaces.families.function_names import BINARY, FREE, NORMS, QUERIES, UNARY, VIEWS


@dataclass(frozen=True, slots=True)
class Call:
    """A torch function as it was called, and the first tensor it returned."""

    name: str
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    out: Tensor

    def get(self, position: int, name: str, default: Any = None) -> Any:
        """An argument by its place or its name."""
        value = self.args[position] if position < len(self.args) else self.kwargs.get(name)
        return default if value is None else value

    @property
    def first(self) -> Tensor:
        """What the function computes on."""
        found: Tensor = self.get(0, "input")
        return found


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one operation; multiply-adds are of the whole batch, None where unknown."""

    label: str
    multiply_adds: int | None = 0
    sizes: Mapping[str, int] = field(default_factory=dict)


def has_formula(name: str) -> bool:
    """Whether the multiply-adds of a function are known (those of most are 0)."""
    return any(name in names for names in (VIEWS, QUERIES, _TABLE, FREE, UNARY, NORMS, BINARY))


def facts(call: Call) -> Facts:
    """Label, multiply-adds and sizes of a call."""
    if call.name in _TABLE:
        return _TABLE[call.name](call)
    if call.name in NORMS:
        return Facts(call.name, 0, {"outputs": call.out.shape[1 if "batch" in call.name else -1]})
    if call.name in UNARY:
        return Facts(_with(call.name, *_shown(call)))
    known = call.name in FREE or call.name in BINARY
    return Facts(_with(call.name, *_constants(call)), 0 if known else None)


def _with(name: str, *constants: str) -> str:
    return f"{name}({', '.join(constants)})" if constants else name


def _written(value: Any) -> str:
    """A constant as it stands in a label; empty for one that says nothing."""
    if isinstance(value, slice):
        ends = ["" if end is None else str(end) for end in (value.start, value.stop)]
        step = "" if value.step in (None, 1) else f":{value.step}"
        return ":".join(ends) + step
    if isinstance(value, (tuple, list)):
        parts = [_written(part) for part in value]
        return ", ".join(part for part in parts if part)
    if isinstance(value, float):
        return f"{value:.4g}"
    if value is Ellipsis:
        return "..."
    return str(value) if isinstance(value, (bool, int, str)) else ""


def _constants(call: Call) -> list[str]:
    """All arguments that are no tensors."""
    named = ((f"{name}=", value) for name, value in call.kwargs.items() if name[:1] != "_")
    both = [*(("", value) for value in call.args), *named]
    return [name + text for name, value in both if (text := _written(value))]


_USUAL: dict[str, tuple[int, str, Any]] = {
    "celu": (1, "alpha", 1.0),
    "elu": (1, "alpha", 1.0),
    "gelu": (1, "approximate", "none"),
    "leaky_relu": (1, "negative_slope", 0.01),
    "softplus": (1, "beta", 1.0),
    "hardtanh": (1, "min_val", -1.0),
    "threshold": (1, "threshold", 0.0),
    **{name: (1, "p", 0.0) for name in UNARY if "dropout" in name},
}
"""The one argument of an activation that is often changed: place, name, usual value."""


def _shown(call: Call) -> list[str]:
    if call.name not in _USUAL:
        return []
    position, name, usual = _USUAL[call.name]
    value = call.get(position, name, usual)
    return [] if value == usual else [_written(value)]


def _side(value: Any) -> int:
    return int(max(value)) if isinstance(value, (tuple, list)) else int(value)


def _oblong(kernel: tuple[int, ...]) -> list[str]:
    return [] if len(set(kernel)) <= 1 else ["x".join(map(str, kernel))]


def _convolution(call: Call) -> Facts:
    transposed = "transpose" in call.name
    x, weight = call.first, call.get(1, "weight")
    groups = call.get(6, "groups", 1)
    dilation = _side(call.get(7 if transposed else 5, "dilation", 1))
    kernel = tuple(weight.shape[2:])
    inputs = x.shape[-len(kernel) - 1]
    outputs = call.out.shape[-len(kernel) - 1]
    name = f"depthwise_{call.name}" if groups == inputs > 1 else call.name
    extra = _oblong(kernel) + ([f"dilation={dilation}"] if dilation > 1 else [])
    sizes = {
        "inputs": inputs,
        "outputs": outputs,
        "kernel": max(kernel),
        "stride": _side(call.get(3, "stride", 1)),
        "groups": groups,
    }
    products = (x if transposed else call.out).numel() * weight[0].numel()
    return Facts(_with(name, *extra), products, sizes)


def _linear(call: Call) -> Facts:
    weight = call.get(1, "weight")
    outputs, inputs = weight.shape if weight.dim() == 2 else (1, weight.shape[0])
    return Facts(call.name, call.out.numel() * inputs, {"inputs": inputs, "outputs": outputs})


def _product(call: Call) -> Facts:
    """``a @ b``, or ``addmm`` and its like, whose first argument is added."""
    a = call.get(1, "mat1" if "mm" in call.name else "batch1") if "add" in call.name else call.first
    return Facts(call.name, call.out.numel() * a.shape[-1], {"inputs": a.shape[-1]})


def _bilinear(call: Call) -> Facts:
    outputs, left, right = call.get(2, "weight").shape
    products = call.out.numel() * (left * right + right)
    return Facts(call.name, products, {"inputs": left, "outputs": outputs})


def _attention(call: Call) -> Facts:
    q, k, v = (call.get(i, name) for i, name in enumerate(("query", "key", "value")))
    products = math.prod(q.shape[:-1]) * k.shape[-2] * (q.shape[-1] + v.shape[-1])
    heads, shared = q.shape[-3] if q.dim() > 2 else 1, k.shape[-3] if k.dim() > 2 else 1
    causal = ["causal"] if call.get(5, "is_causal", False) else []
    sizes = {"inputs": heads * q.shape[-1], "outputs": heads * v.shape[-1], "heads": heads}
    return Facts(_with("attention", *causal), products, {**sizes, "groups": shared})


def _multi_head(call: Call) -> Facts:
    """Projections of query, key and value, the attention itself, and the projection out."""
    q, k, v = (call.get(i, name) for i, name in enumerate(("query", "key", "value")))
    width, heads = q.shape[-1], call.get(4, "num_heads")
    queries, keys = q.numel() // width, k.numel() // k.shape[-1]
    projected = 2 * queries * width + keys * (k.shape[-1] + v.shape[-1])
    mixed = 2 * queries * k.shape[0]  # sequences come first here
    dropout = call.get(10, "dropout_p", 0.0)
    extra = [f"dropout={dropout:.4g}"] if dropout else []
    sizes = {"inputs": width, "outputs": width, "heads": heads, "groups": heads}
    return Facts(_with("attention", *extra), width * (projected + mixed), sizes)


def _recurrence(call: Call) -> Facts:
    """Every weight matrix once a step, for whole sequences, packed ones, and single steps."""
    x = call.first
    lists = [part for part in call.args if isinstance(part, list)]  # the state is a tuple
    weights = lists[0] if lists else call.args[2:4]  # of a cell: input to hidden, hidden to hidden
    matrices = [w for w in weights if w.dim() == 2]
    steps = x.numel() // x.shape[-1]
    settings = [value for value in call.args if isinstance(value, float) and value > 0]
    extra = [f"dropout={value:.4g}" for value in settings]
    sizes = {"inputs": x.shape[-1], "outputs": call.out.shape[-1]}
    return Facts(_with(call.name, *extra), steps * sum(w.numel() for w in matrices), sizes)


def _is_list(part: Any) -> bool:
    return isinstance(part, (list, tuple))


def _pool(call: Call) -> Facts:
    kernel = call.get(1, "kernel_size")
    side = _side(kernel)
    stride = _side(call.get(2, "stride") or side)
    oblong = _oblong(tuple(kernel)) if _is_list(kernel) else []
    return Facts(_with(call.name, *oblong), 0, {"kernel": side, "stride": stride})


def _adaptive_pool(call: Call) -> Facts:
    kind = "avg" if "avg" in call.name else "max"
    spatial = int(next(letter for letter in call.name if letter.isdigit()))
    whole = all(side == 1 for side in call.out.shape[-spatial:])
    return Facts(f"global_{kind}_pool" if whole else f"adaptive_{kind}_pool")


def _mean(call: Call) -> Facts:
    x, dims = call.first, call.get(1, "dim", ())
    over = {d % x.dim() for d in (dims if _is_list(dims) else [dims])}
    if x.dim() > 3 and over == set(range(2, x.dim())):
        return Facts("global_avg_pool")
    return Facts(_with("mean", *map(str, sorted(over))))


def _slice(call: Call) -> Facts:
    index = call.get(1, "index")
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, (Tensor, list)) for part in parts):
        return Facts("index")
    return Facts(_with("slice", *(_written(p) for p in parts if p is not None)))


def selects(call: Call) -> bool:
    """Whether an index takes a part: ``x[:, None]`` is a view of all of ``x``."""
    index = call.get(1, "index")
    parts = index if isinstance(index, tuple) else (index,)
    return any(part is not None and part is not ... and part != slice(None) for part in parts)


def _embedding(call: Call) -> Facts:
    weight = call.get(1, "weight")
    return Facts(call.name, 0, {"inputs": weight.shape[0], "outputs": weight.shape[1]})


_TABLE: dict[str, Callable[[Call], Facts]] = {
    **{f"conv{n}d": _convolution for n in (1, 2, 3)},
    **{f"conv_transpose{n}d": _convolution for n in (1, 2, 3)},
    **dict.fromkeys(("matmul", "addmm", "baddbmm", "addmv"), _product),
    **dict.fromkeys(("lstm", "gru", "rnn_tanh", "rnn_relu"), _recurrence),
    **{f"{name}_cell": _recurrence for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")},
    **dict.fromkeys(("max_pool", "avg_pool", "lp_pool2d", "lp_pool1d"), _pool),
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
    "embedding": _embedding,
    "embedding_bag": _embedding,
}
