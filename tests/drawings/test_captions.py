"""Facts about captions, kinds and the width of texts."""

from __future__ import annotations

import pytest
from drawings.networks import SPACES, outlines

from bonas.drawings.captions import caption, shape_text, tooltip
from bonas.drawings.kinds import Kind, kind_of
from bonas.drawings.text_width import shortened, text_width


@pytest.mark.parametrize(
    ("label", "sizes", "shape", "text"),
    [
        ("conv2d", {"kernel": 3, "outputs": 32, "stride": 1}, (32, 8, 8), "conv 3×3, 32"),
        ("conv2d", {"kernel": 3, "outputs": 32, "stride": 2}, None, "conv 3×3, 32, stride 2"),
        ("conv2d(1x7)", {"kernel": 7, "outputs": 8}, (8, 4, 4), "conv 1×7, 8"),
        ("conv2d(dilation=2)", {"kernel": 3, "outputs": 8}, None, "conv 3×3, 8, dilation=2"),
        ("conv2d", {"kernel": 3, "groups": 2, "inputs": 4}, None, "conv 3×3, 2 groups"),
        ("conv1d", {"kernel": 5, "outputs": 8}, (8, 100), "conv 5, 8"),
        ("depthwise_conv2d", {"kernel": 5, "groups": 8, "inputs": 8}, None, "depthwise conv 5×5"),
        ("nor_conv_3x3", {}, None, "conv 3×3"),
        ("conv3x3-bn-relu", {}, None, "conv 3×3"),
        ("sep_conv_5x5", {"kernel": 5, "outputs": 16}, None, "sep. conv 5×5, 16"),
        ("max_pool", {"kernel": 2, "stride": 2}, (8, 4, 4), "max pool 2×2, stride 2"),
        ("linear", {"outputs": 64}, (64,), "linear 64"),
        ("linear", {"outputs": 64, "groups": 4}, None, "linear 64, 4 experts"),
        ("lstm", {"outputs": 128}, (8, 128), "LSTM 128"),
        ("attention", {"heads": 4, "groups": 4, "kernel": 16}, (16, 64), "attention, 4 heads"),
        ("attention", {"heads": 1, "groups": 1}, None, "attention, 1 head"),
        ("attention", {"heads": 4, "groups": 2}, None, "attention, 4 heads, 2 kv heads"),
        ("attention", {"heads": 4, "kernel": 8}, (16, 64), "attention, 4 heads, window 8"),
        ("layer_norm", {"outputs": 64}, (16, 64), "layer norm"),
        ("leaky_relu(0.2)", {}, None, "leaky ReLU(0.2)"),
        ("softmax(dim=1)", {}, None, "softmax(dim=1)"),
        ("slice(:, 0)", {}, None, "slice(:, 0)"),
        ("add", {"outputs": 64}, None, "+"),
        ("concat(dim=1)", {"outputs": 64}, None, "concat"),
        ("concat(dim=2)", {}, None, "concat(dim=2)"),
        ("argument(tokens)", {}, None, "tokens"),
        ("transpose", {"outputs": 4, "stride": 16}, None, "transpose"),
        ("my_operation", {}, None, "my operation"),
        ("((", {}, None, "(("),
        (")", {}, None, ")"),
    ],
)  # fmt: skip
def test_captions_are_as_people_write_them(
    label: str, sizes: dict[str, int], shape: tuple[int, ...] | None, text: str
) -> None:
    assert caption(label, sizes, shape) == text


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        (Kind.CONVOLUTION, ["conv2d", "depthwise_conv2d", "dil_conv_3x3", "conv3x3-bn-relu"]),
        (Kind.POOLING, ["max_pool_3x3", "global_avg_pool", "maxpool3x3", "adaptive_avg_pool(4)"]),
        (Kind.NORM, ["batch_norm", "rms_norm", "group_norm(over=2)"]),
        (Kind.ACTIVATION, ["relu", "relu6", "gelu", "silu", "swiglu", "leaky_relu(0.1)"]),
        (Kind.ATTENTION, ["attention", "attention(causal)", "squeeze_excite"]),
        (Kind.LINEAR, ["linear", "embedding", "matmul"]),
        (Kind.RECURRENT, ["lstm", "gru", "rnn_tanh", "mgu", "lstm_cell"]),
        (Kind.JOIN, ["add", "mul", "concat"]),
        (Kind.IDENTITY, ["identity", "skip_connect"]),
        (Kind.NOTHING, ["none", "zeros"]),
        (Kind.OTHER, ["evaluation", "value", "truncate", "flatten", ""]),
    ],
)  # fmt: skip
def test_kinds_are_read_from_labels(kind: Kind, labels: list[str]) -> None:
    assert [kind_of(label) for label in labels] == [kind] * len(labels)


@pytest.mark.parametrize("name", SPACES)
def test_operations_of_the_spaces_have_a_kind_of_their_own(name: str) -> None:
    others = {
        label for o in outlines(name) for label in o.graph.labels if kind_of(label) is Kind.OTHER
    }
    assert others <= {"last_state", "interpolate"}


def test_a_tooltip_has_the_whole_label_and_the_costs() -> None:
    sizes = {"parameters": 1_234, "multiply_adds": 5_678}
    text = tooltip("conv2d(1x7)", sizes, (8, 4, 4))
    assert text == "conv2d(1x7), output 8×4×4, 1,234 parameters, 5,678 multiply-adds"
    assert shape_text(None) == ""


def test_a_shortened_text_fits_and_is_the_beginning() -> None:
    for text in ("short", "W" * 100, "层" * 50, "e\u0301" * 80, ""):
        cut = shortened(text, 12, 100)
        assert text_width(cut, 12) <= 100
        assert cut == text or text.startswith(cut.removesuffix("…"))


def test_widths_grow_with_size_and_weight() -> None:
    assert text_width("word", 20) == pytest.approx(2 * text_width("word", 10))
    assert text_width("word", 10, bold=True) > text_width("word", 10)
    assert text_width("层", 10) > text_width("a", 10)
    assert text_width("\u0301", 10) == 0
