"""Torch functions by their plain names, and what is known of whole groups of them."""

from __future__ import annotations

from typing import Any


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


VIEWS = _names(
    """
    __get__ alias align_to as_strided bfloat16 broadcast_to chunk clone contiguous cpu cuda data
    detach double dsplit expand expand_as flatten float half hsplit identity moveaxis movedim
    native_channel_shuffle permute pin_memory ravel refine_names rename requires_grad_ reshape
    reshape_as split split_with_sizes squeeze swapaxes swapdims t tensor_split to transpose type
    type_as unbind unflatten unsafe_chunk unsafe_split unsqueeze view view_as vsplit
    """
)
"""What passes a tensor on: it becomes no node."""

CONSTANTS = _names(
    """
    empty_like full_like new_empty new_full new_ones new_tensor new_zeros ones_like rand_like
    randint_like randn_like zeros_like
    """
)
"""What reads a tensor's shape only."""

QUERIES = CONSTANTS | _names(
    """
    __bool__ __delete__ __format__ __hash__ __len__ __repr__ __set__ data_ptr dim get_device
    has_names is_complex is_contiguous is_floating_point is_nonzero is_same_size is_shared
    ndimension nelement numel size storage_offset stride untyped_storage
    """
)
"""What asks a tensor for its shape, or for other things that are no tensors."""

UNARY = _names(
    """
    alpha_dropout celu dropout dropout1d dropout2d dropout3d elu feature_alpha_dropout gelu glu
    hard_sigmoid hard_swish hardshrink hardtanh leaky_relu log_sigmoid log_softmax mish prelu
    relu relu6 rrelu selu sigmoid silu softmax softmin softplus softshrink softsign tanh
    tanhshrink threshold
    """
)
NORMS = _names("batch_norm group_norm instance_norm layer_norm local_response_norm rms_norm")
BINARY = _names("add div mul sub")
FREE = _names(
    """
    __and__ __invert__ __or__ __xor__ abs addcdiv addcmul affine_grid all amax amin any arange
    argmax argmin argsort bernoulli bitwise_not bool bucketize ceil channel_shuffle clamp clip
    concat copy cos cosine_similarity cummax cumprod cumsum dequantize detach diag diagonal eq
    erf exp expm1 eye fill flip floor floor_div fmod fold gather ge grid_sample gt index
    index_add index_put index_select int interpolate isfinite isinf isnan item le lerp log log1p
    logical_and logical_not logical_or logsumexp long lt masked_fill masked_select max maximum
    mean min minimum mod multinomial narrow ne neg nonzero norm normalize numpy one_hot pad
    pixel_shuffle pixel_unshuffle pow prod quantize_per_tensor reciprocal repeat
    repeat_interleave roll round rsqrt rsub scatter scatter_add scatter_reduce select set_item
    sign sin slice sort sqrt square stack std sum take_along_dim tolist topk trace tril triu
    truncate unfold unique upsample var where
    """
)
COSTLY = ("fft_", "linalg_", "cdist", "stft", "istft", "custom")
"""Beginnings of names of functions that compute much, though no formula here knows how much."""

_RENAMED = {
    "__getitem__": "slice",
    "__setitem__": "set_item",
    "cat": "concat",
    "concatenate": "concat",
    "hardsigmoid": "hard_sigmoid",
    "hardswish": "hard_swish",
    "logsigmoid": "log_sigmoid",
    "__matmul__": "matmul",
    "__rmatmul__": "matmul",
    "bmm": "matmul",
    "mm": "matmul",
    "mv": "matmul",
    "dot": "matmul",
    "multiply": "mul",
    "subtract": "sub",
    "divide": "div",
    "true_divide": "div",
    "__truediv__": "div",
    "__itruediv__": "div",
    "__radd__": "add",
    "__rmul__": "mul",
    "__rsub__": "rsub",
    "__rtruediv__": "rdiv",
    "__rpow__": "rpow",
    "__floordiv__": "floor_div",
    "__mod__": "mod",
    "remainder": "mod",
    "special_expit": "sigmoid",
    "max_pool1d": "max_pool",
    "max_pool2d": "max_pool",
    "max_pool3d": "max_pool",
    "max_pool1d_with_indices": "max_pool",
    "max_pool2d_with_indices": "max_pool",
    "max_pool3d_with_indices": "max_pool",
    "avg_pool1d": "avg_pool",
    "avg_pool2d": "avg_pool",
    "avg_pool3d": "avg_pool",
}


def plain_name(function: Any) -> str:
    """A function's name without the marks of operators and in-place variants.

    >>> import torch
    >>> plain_name(torch.Tensor.__iadd__), plain_name(torch.relu_), plain_name(torch.cat)
    ('add', 'relu', 'concat')
    """
    name: str = getattr(function, "__name__", type(function).__name__)
    if name.startswith("__"):
        if name in _RENAMED:
            return _RENAMED[name]
        inner = name.strip("_")
        if inner[:1] == "i" and inner[1:] in {"add", "sub", "mul", "pow"}:
            return inner[1:]
        return inner if inner in {"add", "sub", "mul", "pow", "eq", "neg", "abs"} else name
    name = name.lstrip("_").removesuffix("_")
    return _RENAMED.get(name, name)
