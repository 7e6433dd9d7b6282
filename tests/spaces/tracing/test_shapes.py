"""Results on the meta device without torch's decompositions: real runs are the judge."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # as everybody calls it

from bonas.spaces.tracing.calls import tensors_of
from bonas.spaces.tracing.shapes import meta_result

X, ROWS, IMAGE = torch.ones(2, 5, 8), torch.ones(6, 8), torch.ones(2, 6, 9, 7)
HEADS = torch.ones(2, 4, 5, 8)


def on_meta(item: Any) -> Any:
    if isinstance(item, Tensor):
        return item.to("meta")
    return type(item)(map(on_meta, item)) if type(item) in (tuple, list) else item


def conv(stride: int, padding: int, dilation: int, groups: int, kernel: int = 3) -> tuple[Any, ...]:
    weight = torch.ones(4, 6 // groups, kernel, kernel)
    return IMAGE, weight, torch.ones(4), (stride,) * 2, (padding,) * 2, (dilation,) * 2, groups


def lstm(layers: int, both: bool) -> tuple[Any, ...]:
    cells = torch.nn.LSTM(8, 3, layers, bidirectional=both, batch_first=True)
    state = torch.zeros(layers * (1 + both), 2, 3)
    weights = [p.detach() for p in cells.parameters()]
    return X, (state, state), weights, True, layers, 0.0, False, both, True


KNOWN: dict[str, tuple[str, Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "linear": ("linear", F.linear, (X, torch.ones(3, 8), torch.ones(3)), {}),
    "linear without bias": ("linear", F.linear, (X, torch.ones(3, 8)), {}),
    "relu": ("relu", F.relu, (X,), {"inplace": False}),
    "softmax": ("softmax", F.softmax, (X, -1), {}),
    "batch norm": ("batch_norm", F.batch_norm, (IMAGE, torch.ones(6), torch.ones(6)), {}),
    "group norm": ("group_norm", F.group_norm, (IMAGE, 3, torch.ones(6), torch.ones(6)), {}),
    "layer norm": ("layer_norm", F.layer_norm, (X, (8,), torch.ones(8), torch.ones(8)), {}),
    "rms norm": ("rms_norm", F.rms_norm, (X, (8,), torch.ones(8)), {}),
    "attention": ("scaled_dot_product_attention", F.scaled_dot_product_attention, (HEADS,) * 3, {}),
    "embedding": ("embedding", F.embedding, (torch.zeros(2, 5).long(), torch.ones(9, 3)), {}),
    "lstm": ("lstm", torch.lstm, lstm(1, False), {}),
    "lstm of two layers in both directions": ("lstm", torch.lstm, lstm(2, True), {}),
    "depthwise convolution": ("conv2d", torch.conv2d, conv(1, 1, 1, 2), {}),
    "strided convolution": ("conv2d", torch.conv2d, conv(2, 0, 1, 1), {}),
    "dilated convolution": ("conv2d", torch.conv2d, conv(3, 2, 2, 1), {}),
}


@pytest.mark.parametrize("case", KNOWN)
def test_known_results_have_the_shapes_and_dtypes_of_a_real_run(case: str) -> None:
    name, function, args, kwargs = KNOWN[case]
    found = meta_result(name, function, on_meta(args), kwargs)
    assert found is not None
    real = tensors_of(function(*args, **kwargs))
    assert [(x.shape, x.dtype) for x in tensors_of(found)] == [(x.shape, x.dtype) for x in real]
    assert all(x.is_meta for x in tensors_of(found))


BROKEN: dict[str, tuple[str, Callable[..., Any], tuple[Any, ...]]] = {
    "a width that does not fit": ("linear", F.linear, (X, torch.ones(3, 7))),
    "a bias that does not fit": ("linear", F.linear, (X, torch.ones(3, 8), torch.ones(4))),
    "two precisions": ("linear", F.linear, (X, torch.ones(3, 8).double())),
    "channels that do not fit": ("batch_norm", F.batch_norm, (IMAGE, torch.ones(5), torch.ones(5))),
    "groups that do not fit": ("group_norm", F.group_norm, (IMAGE, 4)),
    "a shape that does not fit": ("layer_norm", F.layer_norm, (X, (7,))),
    "a kernel that is too large": ("conv2d", torch.conv2d, conv(1, 0, 1, 1, kernel=11)),
    "heads that do not fit": (
        "scaled_dot_product_attention",
        F.scaled_dot_product_attention,
        (HEADS, torch.ones(2, 4, 5, 7), HEADS),
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_calls_that_raise_are_left_to_torch(case: str) -> None:
    name, function, args = BROKEN[case]
    assert meta_result(name, function, on_meta(args), {}) is None
    with pytest.raises(RuntimeError):
        function(*args)


def test_an_in_place_function_returns_its_argument() -> None:
    x, y = on_meta(X), on_meta(torch.ones(8))
    assert meta_result("relu", torch.relu_, (x,), {}) is x
    assert meta_result("relu", F.relu, (x,), {"inplace": True}) is x
    assert meta_result("add", Tensor.add_, (x, y), {}) is x
    assert meta_result("add", Tensor.add_, (y, x), {}) is None  # torch raises: it does not fit in y


def test_an_output_argument_is_left_to_torch() -> None:
    x = on_meta(X)
    assert meta_result("add", torch.add, (x, x), {"out": x}) is None


def test_real_tensors_are_left_to_torch() -> None:
    assert meta_result("relu", F.relu, (X,), {}) is None
    assert meta_result("linear", F.linear, (X, torch.ones(3, 8)), {}) is None


def attend(**settings: Any) -> list[Tensor]:
    """Run ``torch.nn.MultiheadAttention`` on the meta device as the trace does."""
    found: list[Any] = []

    class Mode(torch.overrides.TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = kwargs or {}
            if func is F.multi_head_attention_forward:
                found.append(meta_result("multi_head_attention_forward", func, args, kwargs))
            return func(*args, **kwargs)

    x = torch.ones(5, 2, 8, device="meta")
    network = torch.nn.MultiheadAttention(8, 4, device="meta", **settings)
    with Mode():
        out = network(x, x, x)
    (known,) = found
    assert known is None or [t.shape for t in tensors_of(known)] == [t.shape for t in out]
    return tensors_of(known)


def test_multi_head_attention_is_known_but_for_added_keys() -> None:
    assert len(attend()) == 2
    assert not attend(add_bias_kv=True)
    assert not attend(add_zero_attn=True)
