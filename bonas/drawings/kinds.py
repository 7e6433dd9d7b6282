"""Kinds of operations, by what their labels say: each has a colour."""

from __future__ import annotations

import re
from enum import StrEnum

from bonas.spaces.graph import IDENTITY, INPUT, OUTPUT


class Kind(StrEnum):
    """What an operation does; the value is its CSS class."""

    INPUT = "input"
    OUTPUT = "output"
    CONVOLUTION = "conv"
    POOLING = "pool"
    NORM = "norm"
    ACTIVATION = "act"
    ATTENTION = "attn"
    LINEAR = "linear"
    RECURRENT = "rnn"
    JOIN = "join"
    IDENTITY = "skip"
    NOTHING = "none"
    BLOCK = "block"
    OTHER = "other"


ARGUMENT = "argument"
"""The label of one of several inputs of a traced network, with its name in brackets."""

_EXACT = {
    INPUT: Kind.INPUT,
    OUTPUT: Kind.OUTPUT,
    IDENTITY: Kind.IDENTITY,
    **dict.fromkeys(("skip", "skip_connect", "identity_op"), Kind.IDENTITY),
    **dict.fromkeys(("none", "zero", "zeros", "zeroize"), Kind.NOTHING),
    **dict.fromkeys(("add", "sum", "mul", "concat", "cat", "sub"), Kind.JOIN),
    **dict.fromkeys(("rnn", "mgu", "gru", "lstm", "rnn_tanh", "rnn_relu"), Kind.RECURRENT),
    **dict.fromkeys(("matmul", "addmm", "bmm", "baddbmm", "bilinear", "mm"), Kind.LINEAR),
    **dict.fromkeys(("cell_input_0", "cell_input_1"), Kind.CONVOLUTION),
    **dict.fromkeys(("squeeze_excite", "se"), Kind.ATTENTION),
}
_WORDS = (
    (re.compile(r"attention|\battn|_attn"), Kind.ATTENTION),
    (re.compile(r"lstm|gru\b|gru_|\brnn"), Kind.RECURRENT),
    (re.compile(r"pool"), Kind.POOLING),
    (re.compile(r"conv"), Kind.CONVOLUTION),
    (re.compile(r"norm|\bbn\b"), Kind.NORM),
    (re.compile(r"linear|\bfc\b|dense|embedding|\bmlp\b"), Kind.LINEAR),
    (re.compile(r"dropout|softmax|sigmoid|tanh|softplus|mish|swish|hardtanh"), Kind.ACTIVATION),
    (re.compile(r"[a-z]*[eg]?lu\d?\b|[a-z]*silu\b|swiglu|geglu"), Kind.ACTIVATION),
)


def kind_of(label: str) -> Kind:
    """Return the kind of operation that a label names.

    >>> [kind_of(label).name for label in ("sep_conv_3x3", "leaky_relu(0.2)", "add", "mystery")]
    ['CONVOLUTION', 'ACTIVATION', 'JOIN', 'OTHER']
    """
    name = label.partition("(")[0].strip().lower()
    if name == ARGUMENT:
        return Kind.INPUT
    if name in _EXACT:
        return _EXACT[name]
    return next((kind for words, kind in _WORDS if words.search(name)), Kind.OTHER)
