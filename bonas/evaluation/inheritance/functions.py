"""Groups of torch functions, by plain name, that a recording of weights treats alike."""

from __future__ import annotations

from bonas.spaces.tracing.function_names import CASTS, EXPANDS, PARTS, PERMUTES, RESHAPES, SAME


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MOVES = (
    RESHAPES
    | PERMUTES
    | EXPANDS
    | PARTS
    | _names(
        """
        concat stack hstack vstack dstack slice select narrow index_select repeat tile flip roll
        repeat_interleave pixel_shuffle pixel_unshuffle channel_shuffle native_channel_shuffle
        rot90 diagonal unfold gather take_along_dim broadcast_tensors fliplr flipud
        """
    )
)
"""Functions that move numbers and compute none."""

JOINS = _names("concat stack hstack vstack dstack")
"""Those whose tensors are all moved: none of them is an index."""

KEEPS = SAME | CASTS
"""Functions that return their input, perhaps in another type."""

POOLS = _names(
    """
    max_pool avg_pool adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d interpolate upsample
    """
)

DROPOUTS = _names("alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout")

REDUCTIONS = _names("amax amin logsumexp mean norm prod std sum var")
"""Functions over dimensions, which leave one number for each place along the others."""

ZERO_AT_ZERO = (
    POOLS
    | DROPOUTS
    | _names(
        """
        abs celu clamp elu gelu hard_swish hardtanh leaky_relu mean mish neg relu relu6 selu silu
        softsign sum tanh
        """
    )
)
"""Functions of one tensor that return zeros for zeros."""

POSITIVE = _names("abs exp hard_sigmoid relu relu6 sigmoid softmax softplus square")
"""Functions that return no negative numbers."""

SUMS = _names("add sub")
NORMS = _names("batch_norm group_norm instance_norm layer_norm rms_norm")
PRODUCTS = _names("matmul baddbmm addbmm bilinear einsum scaled_dot_product_attention cdist")
"""Functions that sum over products of two tensors of data, as attention does."""

GATES = {"lstm": 4, "gru": 3, "rnn_tanh": 1, "rnn_relu": 1}
"""A recurrence -> how many blocks its fused weights have."""
