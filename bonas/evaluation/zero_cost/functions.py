"""Names of torch's functions: activations, layers with weights, normalisations, recurrent layers.

A ``TorchFunctionMode`` sees a function under its own name, whether a module, ``torch``,
``torch.nn.functional`` or a method calls it; the name of its in-place variant ends with ``_``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor

ACTIVATIONS = frozenset(
    {
        *("relu", "relu6", "leaky_relu", "prelu", "rrelu", "threshold", "elu", "selu", "celu"),
        *("gelu", "silu", "mish", "hardswish", "softplus", "hardtanh", "tanh", "softsign"),
        *("sigmoid", "hardsigmoid", "logsigmoid", "hardshrink", "softshrink", "tanhshrink"),
    }
)
"""Functions of single numbers; their units are counted by the sign of what enters."""

RECURRENT = frozenset({"lstm", "gru", "rnn_tanh", "rnn_relu"})
"""Recurrent layers in one call; their units are counted by the sign of what they return."""

CELLS = frozenset({"lstm_cell", "gru_cell", "rnn_tanh_cell", "rnn_relu_cell"})
"""One step of a recurrent layer; likewise."""

CONVOLUTIONS = frozenset(
    {f"{kind}{axes}d" for kind in ("conv", "conv_transpose") for axes in (1, 2, 3)}
)
"""Layers whose channels are the second axis of what they return."""

DENSE = frozenset({"linear", "bilinear", "multi_head_attention_forward"}) | RECURRENT | CELLS
"""Layers whose channels are the last axis of what they return."""

NORMALISATIONS = frozenset(
    {"batch_norm", "layer_norm", "group_norm", "instance_norm", "rms_norm", "local_response_norm"}
)

EMBEDDINGS = frozenset({"embedding", "embedding_bag"})


def name_of(function: Callable[..., Any]) -> str:
    """Return the name of a function that a mode sees; that of its plain variant if in-place."""
    return getattr(function, "__name__", "").rstrip("_")


def is_activation(name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> bool:
    """Return whether a call is an activation; a clamp at 0 is the ReLU."""
    if name in ("clamp", "clamp_min", "clip"):
        least: object = kwargs.get("min", args[1] if len(args) > 1 else None)
        return isinstance(least, (int, float)) and least == 0
    return name in ACTIVATIONS


def first_tensor(value: object) -> Tensor | None:
    """Return a tensor, or the first one of a tuple; None if there is none."""
    if isinstance(value, (tuple, list)):
        value = next((part for part in value if isinstance(part, Tensor)), None)
    return value if isinstance(value, Tensor) else None
