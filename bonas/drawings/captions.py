"""Captions: an operation as people write it, ``conv 3×3, 32`` or ``attention, 4 heads``.

A label names the operation, and what no size shows stands in brackets; sizes are the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bonas.drawings.kinds import ARGUMENT, Kind, kind_of

_NAMES = {
    "conv1d": "conv",
    "conv2d": "conv",
    "conv3d": "conv 3d",
    "depthwise_conv1d": "depthwise conv",
    "depthwise_conv2d": "depthwise conv",
    "nor_conv": "conv",
    "sep_conv": "sep. conv",
    "dil_conv": "dil. conv",
    "cell_input_0": "conv",
    "cell_input_1": "conv",
    "skip_connect": "skip",
    "global_avg_pool": "global avg pool",
    "squeeze_excite": "squeeze-excite",
    "addmm": "linear",
    "attention": "attention",
    **{name: name.upper() for name in ("rnn", "mgu", "gru", "lstm")},
    **{"relu": "ReLU", "relu6": "ReLU6", "gelu": "GELU", "silu": "SiLU", "elu": "ELU"},
    **{"selu": "SELU", "leaky_relu": "leaky ReLU", "prelu": "PReLU", "swiglu": "SwiGLU"},
    **{"hardswish": "hard swish", "rms_norm": "RMS norm"},
}
_SYMBOLS = {"add": "+", "sum": "+", "mul": "×", "sub": "−"}
_KERNEL = re.compile(r"^(.*?)[_ ]?(\d+)x(\d+)((?:[-_].*)?)$")
_SUFFIX = re.compile(r"[-_](bn|relu|-)+")  # of NAS-Bench-101: every convolution has both
_NUMBERS = re.compile(r"\d+(x\d+)+|\d+")
_WITHOUT_WIDTH = frozenset({Kind.POOLING, Kind.NORM, Kind.ACTIVATION, Kind.JOIN, Kind.IDENTITY})
_OVER_CHANNELS = (["dim=1"], ["dim=-1"])  # of a concatenation, as usual
_WIDTH_ALONE = frozenset({Kind.LINEAR, Kind.RECURRENT})
_STANDING = frozenset({Kind.CONVOLUTION, Kind.POOLING, Kind.ATTENTION, Kind.LINEAR})


def caption(label: str, sizes: Mapping[str, int], shape: tuple[int, ...] | None = None) -> str:
    """Return what a box says.

    Args:
        label: Of the node in its graph.
        sizes: Of the operation by the names of ``bonas.spaces.FEATURES``; others are ignored.
        shape: Of one example's output.

    >>> caption("conv2d", {"kernel": 3, "outputs": 32, "stride": 2})
    'conv 3×3, 32, stride 2'
    >>> caption("attention(causal)", {"heads": 4, "groups": 2, "outputs": 64})
    'attention, 4 heads, 2 kv heads, causal'
    >>> caption("nor_conv_1x1", {})
    'conv 1×1'
    """
    name, brackets, rest = label.partition("(")
    notes = [note for note in re.split(r", (?=[^)]*$)", rest.removesuffix(")")) if note]
    kind = kind_of(label)
    name, kernel = _split(name.strip())
    if notes and kind in (Kind.CONVOLUTION, Kind.POOLING) and _NUMBERS.fullmatch(notes[0]):
        kernel = notes.pop(0).replace("x", "×")
    if not kernel and (side := sizes.get("kernel")) and kind in (Kind.CONVOLUTION, Kind.POOLING):
        kernel = "×".join([str(side)] * _dimensions(label, shape))
    if name == ARGUMENT and brackets:
        return rest.removesuffix(")") or label
    if kind is Kind.JOIN and (not notes or notes in _OVER_CHANNELS):
        return _SYMBOLS.get(name, _NAMES.get(name, name))
    first = _NAMES.get(name, name.replace("_", " "))
    if brackets and kind not in _STANDING:
        return f"{first}({rest}"
    after = [*_sizes(kind, sizes, shape), *notes]
    if after and kind in _WIDTH_ALONE and after[0].isdigit():
        first = f"{first} {after.pop(0)}"
    return ", ".join([f"{first} {kernel}".rstrip(), *after])


def shape_text(shape: tuple[int, ...] | None) -> str:
    """Return the shape of one example, ``3×32×32``."""
    return "×".join(map(str, shape or ()))


def tooltip(label: str, sizes: Mapping[str, int], shape: tuple[int, ...] | None) -> str:
    """Return what a box says when the pointer rests on it: the label in full, and the costs."""
    parts = [label]
    if shape:
        parts.append(f"output {shape_text(shape)}")
    if n := sizes.get("parameters"):
        parts.append(f"{n:,} parameters")
    if n := sizes.get("multiply_adds"):
        parts.append(f"{n:,} multiply-adds")
    return ", ".join(parts)


def _split(name: str) -> tuple[str, str]:
    """Return a name without the kernel that it ends in, and that kernel."""
    if found := _KERNEL.match(name):
        before, height, width, after = found.groups()
        if before and (not after or _SUFFIX.fullmatch(after) or after.startswith("-bn")):
            return before.rstrip("_- "), f"{height}×{width}"
    return name, ""


def _dimensions(label: str, shape: tuple[int, ...] | None) -> int:
    """Return how many dimensions a kernel has."""
    if found := re.search(r"(\d)d", label):
        return int(found[1])
    return min(3, max(1, len(shape) - 1)) if shape else 2


def _sizes(kind: Kind, sizes: Mapping[str, int], shape: tuple[int, ...] | None) -> list[str]:
    """Return the sizes that stand after the name."""
    if kind is Kind.OTHER:
        return []
    outputs, groups, stride = (sizes.get(name, 0) for name in ("outputs", "groups", "stride"))
    inputs = sizes.get("inputs", 0)
    if kind is Kind.ATTENTION and (heads := sizes.get("heads", 0)):
        found = [f"{heads} head{'s' * (heads > 1)}"]
        if 0 < groups < heads:
            found.append(f"{groups} kv head{'s' * (groups > 1)}")
        if shape and 0 < sizes.get("kernel", 0) < shape[0]:
            found.append(f"window {sizes['kernel']}")
        return found
    found = [str(outputs)] if outputs and kind not in _WITHOUT_WIDTH else []
    if stride > 1:
        found.append(f"stride {stride}")
    if kind is Kind.CONVOLUTION and 1 < groups < inputs:
        found.append(f"{groups} groups")
    if kind is Kind.LINEAR and groups > 1:
        found.append(f"{groups} experts")
    return found
