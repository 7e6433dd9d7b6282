"""Torch functions by plain name, and groups of them that are treated alike."""

from __future__ import annotations

from functools import lru_cache
from typing import Any


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


RESHAPES = _names(
    "flatten ravel reshape reshape_as squeeze unflatten unsqueeze view view_as atleast_1d"
)
"""Functions that change a tensor's shape but not the order of its elements."""

PERMUTES = _names("H T adjoint mH mT moveaxis movedim permute swapaxes swapdims t transpose")
"""Functions that permute dimensions."""

EXPANDS = _names("broadcast_to expand expand_as")
"""Functions that repeat elements without a copy."""

PARTS = _names(
    """
    chunk dsplit hsplit split split_with_sizes tensor_split unbind unsafe_chunk unsafe_split vsplit
    """
)
"""Functions that split a tensor along one dimension."""

CASTS = _names("bfloat16 bool byte char double float half int long short to type type_as")
"""Functions that change a tensor's dtype, its device, or neither."""

SAME = _names(
    """
    alias align_to clone contiguous cpu cuda data detach identity pin_memory refine_names rename
    requires_grad_ resolve_conj resolve_neg
    """
)
"""Functions that return their input as it is."""

SHARING = (
    RESHAPES
    | PERMUTES
    | EXPANDS
    | PARTS
    | _names(
        """
    alias align_to as_strided data detach diagonal imag narrow real refine_names rename select slice
    view_as_complex view_as_real
    """
    )
)
"""Functions whose result shares memory with their input."""

VIEWS = RESHAPES | PERMUTES | EXPANDS | CASTS | SAME
"""Functions that compute nothing: their effect on the order of elements is kept as a layout."""

CONSTANTS = _names(
    """
    empty_like full_like new_empty new_full new_ones new_tensor new_zeros ones_like rand_like
    randint_like randn_like zeros_like
    """
)
"""Functions that read the shape of their input only."""

RANDOM = _names(
    """
    bernoulli cauchy empty empty_like empty_strided exponential geometric log_normal multinomial
    new_empty normal poisson rand rand_like randint randint_like randn randn_like random randperm
    rrelu uniform
    """
)
"""Functions whose results differ from run to run."""

READS = _names(
    "__bool__ __complex__ __contains__ __float__ __index__ __int__ equal is_nonzero item tolist"
)
"""Functions that read values into Python."""

QUERIES = CONSTANTS | _names(
    """
    __bool__ __delete__ __format__ __hash__ __len__ __repr__ __set__ data_ptr dim get_device
    has_names is_complex is_contiguous is_floating_point is_nonzero is_same_size is_shared
    ndimension nelement numel size storage_offset stride untyped_storage
    """
)
"""Functions that read the shape, or something else that is not the values."""

UNARY = _names(
    """
    alpha_dropout celu dropout dropout1d dropout2d dropout3d elu feature_alpha_dropout gelu glu
    hard_sigmoid hard_swish hardshrink hardtanh leaky_relu log_sigmoid log_softmax mish prelu
    relu relu6 rrelu selu sigmoid silu softmax softmin softplus softshrink softsign tanh
    tanhshrink threshold
    """
)
"""Activations and the like, whose result has the shape of their input."""

NORMS = _names("batch_norm group_norm instance_norm layer_norm local_response_norm rms_norm")
BINARY = _names("add div mul sub")

ANY_SHAPE = _names("embedding linear tuple")
"""Operations for which a reshape of their input is no node: their own sizes show its shape."""

SQUEEZABLE = NORMS | _names(
    """
    conv1d conv2d conv3d conv_transpose1d conv_transpose2d conv_transpose3d lp_pool1d lp_pool2d
    lp_pool3d max_pool avg_pool adaptive_avg_pool1d adaptive_avg_pool2d adaptive_avg_pool3d
    adaptive_max_pool1d adaptive_max_pool2d adaptive_max_pool3d lstm gru rnn_tanh rnn_relu
    multi_head_attention_forward scaled_dot_product_attention
    """
)
"""Operations for which dimensions of size 1 make no difference."""

SEQUENTIAL = _names("gru lstm multi_head_attention_forward rnn_relu rnn_tanh")
"""Operations whose input may have time first and the batch second."""

ELEMENTWISE = _names(
    """
    abs ceil celu clamp clamp_max clamp_min clip cos cosh elu erf erfc exp exp2 expm1 floor frac
    gelu hard_sigmoid hard_swish hardshrink hardtanh isfinite isinf isnan leaky_relu log log10
    log1p log2 log_sigmoid logical_not mish nan_to_num neg reciprocal relu relu6 round rsqrt selu
    sigmoid sign sin sinh softplus softshrink softsign sqrt square tan tanh tanhshrink threshold
    trunc add div eq floor_div ge gt le lt mod mul ne pow rdiv rpow rsub silu sub
    alpha_dropout dropout dropout1d dropout2d dropout3d feature_alpha_dropout bool to
    """
)
"""Functions that compute each number from one number of each input, wherever that stands."""

COMMUTATIVE = _names(
    """
    __and__ __or__ __xor__ add bitwise_and bitwise_or bitwise_xor eq fmax fmin hypot logaddexp
    logaddexp2 logical_and logical_or logical_xor maximum minimum mul ne
    """
)
"""Functions whose first two arguments may be swapped."""

FREE = _names(
    """
    __and__ __invert__ __or__ __xor__ abs addcdiv addcmul affine_grid all amax amin any arange
    argmax argmin argsort bernoulli bitwise_not bool bucketize ceil channel_shuffle clamp clip
    concat copy cos cosine_similarity cummax cumprod cumsum dequantize detach diag diagonal eq
    erf exp expm1 eye fill flip floor floor_div fmod fold gather ge grid_sample gt index
    index_add index_put index_select int interpolate isfinite isinf isnan item le lerp log log1p
    logical_and logical_not logical_or logsumexp long lt masked_fill masked_select max maximum
    mean min minimum mod multinomial narrow native_channel_shuffle ne neg nonzero norm normalize
    norm_except_dim numpy one_hot ones pad
    pixel_shuffle pixel_unshuffle pow prod quantize_per_tensor reciprocal repeat
    repeat_interleave roll round rsqrt rsub scatter scatter_add scatter_reduce select set_item
    sign sin slice sort sqrt square stack std sum take_along_dim tolist topk trace tril triu
    truncate unfold unique upsample var where zeros full tensor linspace logspace as_tensor rand
    randn empty scalar_tensor select index_copy index_fill real imag view_as_real view_as_complex
    as_strided polar complex sgn median mode nanmean nansum logcumsumexp diff
    diag_embed block_diag cartesian_prod meshgrid searchsorted histc bincount vander fliplr flipud
    rot90 swapaxes hstack vstack dstack column_stack row_stack tile stack argwhere count_nonzero
    diagonal triu_indices tril_indices from_numpy broadcast_tensors softmax log_softmax aminmax
    isin isclose allclose nan_to_num copysign ldexp frexp erfinv digamma lgamma positive
    std_mean var_mean kthvalue quantile sigmoid xlogy dist atan2 hypot
    """
)
"""Functions that count no multiply-adds."""

COSTLY = ("fft_", "linalg_", "cdist", "stft", "istft", "custom")
"""Prefixes of functions that are expensive and have no formula."""

_OPERATORS = frozenset({"add", "sub", "mul", "pow"})
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
    "__radd__": "add",
    "__rmul__": "mul",
    "__rsub__": "rsub",
    "__rtruediv__": "rdiv",
    "__rpow__": "rpow",
    "__iand__": "__and__",
    "__ior__": "__or__",
    "__ixor__": "__xor__",
    "__itruediv__": "div",
    "__ifloordiv__": "floor_div",
    "__imod__": "mod",
    "__imatmul__": "matmul",
    "__rand__": "__and__",
    "__ror__": "__or__",
    "__rxor__": "__xor__",
    "floor_divide": "floor_div",
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


@lru_cache(maxsize=4096)
def plain_name(function: Any) -> str:
    """Return a function's name without the marks of operators and in-place variants.

    >>> import torch
    >>> plain_name(torch.Tensor.__iadd__), plain_name(torch.relu_), plain_name(torch.cat)
    ('add', 'relu', 'concat')
    """
    name: str = getattr(function, "__name__", type(function).__name__)
    if name == "__get__":
        return str(getattr(function.__self__, "__name__", name))
    if name.startswith("__"):
        if name in _RENAMED:
            return _RENAMED[name]
        inner = name.strip("_")
        if inner[:1] == "i" and inner[1:] in _OPERATORS:
            return inner[1:]
        return inner if inner in {"add", "sub", "mul", "pow", "eq", "neg", "abs"} else name
    name = name.lstrip("_").removesuffix("_")
    return _RENAMED.get(name, name)
