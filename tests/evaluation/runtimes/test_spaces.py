"""Facts about built-in spaces and user families: their networks export, in both precisions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import small_mobile
import small_nas_bench_101
import small_transformers
import torch
from torch import Tensor, nn

import bonas
from bonas.evaluation import Candidate
from bonas.evaluation.latency.inputs import example_of
from bonas.evaluation.runtimes.deliverable import largest_difference
from bonas.evaluation.runtimes.int8 import quantize_onnx
from bonas.evaluation.runtimes.onnx_export import TOLERANCE, export_onnx, onnx_feed
from bonas.evaluation.runtimes.onnx_session import session
from bonas.spaces import Example, NASBench201, Space
from bonas.spaces.darts.space import DARTSSpace
from bonas.spaces.mlp.space import MLPSpace
from bonas.spaces.recurrent.space import RecurrentSpace

pytest.importorskip("onnxruntime", reason='needs the extra "onnx"')

TOKENS = {"input_ids": torch.arange(14).reshape(2, 7), "attention_mask": torch.ones(2, 7)}


@dataclass
class Output:
    """What a library's model returns: named outputs, some of them absent."""

    loss: Tensor | None = None
    logits: Tensor | None = None


class OfKeywords(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(20, width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.head = nn.Linear(width, 4)

    def forward(self, **given: Any) -> Output:
        hidden, hides = self.embedding(given["input_ids"]), given["attention_mask"] == 0
        seen, _ = self.attention(hidden, hidden, hidden, key_padding_mask=hides)
        return Output(logits=self.head((hidden + seen).mean(1)))


@bonas.space(input=TOKENS)
def of_keywords(choose: Any) -> nn.Module:
    return OfKeywords(choose("width", [8, 16]), choose("heads", [1, 2]))


SPACES: dict[str, Callable[[], Space]] = {
    "nas-bench-201": lambda: NASBench201(channels=4, cells=1, image_size=8),
    "nas-bench-101": lambda: small_nas_bench_101.SMALL,
    "darts": lambda: DARTSSpace(nodes=2, channels=4, cells=3),
    "mobile": lambda: small_mobile.SMALL,
    "recurrent": lambda: RecurrentSpace(inputs=6, length=7, widths=(8, 16)),
    "perceptron": lambda: MLPSpace(6, 4),
    "family of keywords": lambda: of_keywords,
    **{name: lambda space=space: space for name, space in small_transformers.SPACES.items()},
}


def rows_of(space: Space, rows: int) -> Example:
    """Return other rows than the example's."""
    return example_of(space, None, rows).mapped(
        lambda x: torch.randn_like(x) if x.is_floating_point() and x.dim() > 2 else x
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", SPACES)
def test_two_draws_of_each_space_export_and_agree(name: str, tmp_path: Path) -> None:
    space, rng = SPACES[name](), np.random.default_rng(0)
    torch.manual_seed(0)
    for i in range(2):
        network = Candidate.without_trial(space, space.sample(rng)).build().eval()
        example, others = rows_of(space, 2), rows_of(space, 5)
        source = export_onnx(network, example, tmp_path / f"{i}.onnx")
        assert source.difference <= TOLERANCE
        assert source.batch is None
        with torch.no_grad():
            reference = others.call(network)
        found = session(source.path).run(None, onnx_feed(source.inputs, others))
        assert largest_difference(found, reference) <= TOLERANCE
        small = quantize_onnx(source, tmp_path / f"{i}-int8.onnx", [others])
        found = session(small.path).run(None, onnx_feed(source.inputs, others))
        assert largest_difference(found, reference) < 0.2
        assert small.difference < 0.2
