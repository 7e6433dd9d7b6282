"""Numbers of a parameter that belong together."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import nn

from bonas.errors import InvalidArgument
from bonas.spaces.families import space
from bonas.supernets import Supernet, declare_blocks
from bonas.supernets.blocks import blocks_of


def _shapes(module: nn.Module) -> dict[str, tuple[tuple[int, ...], ...]]:
    known = blocks_of(module)
    return {n: known[id(p)].shapes for n, p in module.named_parameters() if id(p) in known}


def test_a_recurrent_layer_has_gates_and_a_second_one_reads_directions() -> None:
    shapes = _shapes(nn.LSTM(5, 3, num_layers=2, bidirectional=True))
    assert shapes["weight_ih_l0"] == ((4, 3, 5),)
    assert shapes["weight_ih_l1_reverse"] == ((4, 3, 2, 3),)
    assert shapes["weight_hh_l1"] == ((4, 3, 3),)
    assert shapes["bias_hh_l0"] == ((4, 3),)
    assert _shapes(nn.GRU(5, 3))["weight_ih_l0"] == ((3, 3, 5),)
    assert _shapes(nn.RNN(5, 3))["weight_ih_l0"] == ((1, 3, 5),)
    assert _shapes(nn.GRUCell(5, 3))["weight_ih"] == ((3, 3, 5),)
    projected = _shapes(nn.LSTM(5, 4, proj_size=2))
    assert projected["weight_hh_l0"] == ((4, 4, 2),)
    assert "weight_hr_l0" not in projected


def test_attention_has_heads_in_front_of_and_behind_its_scores() -> None:
    shapes = _shapes(nn.MultiheadAttention(8, 2, kdim=5, vdim=6, add_bias_kv=True))
    assert shapes["q_proj_weight"] == ((2, 4, 8),)
    assert shapes["k_proj_weight"] == ((2, 4, 5),)
    assert shapes["v_proj_weight"] == ((2, 4, 6),)
    assert shapes["in_proj_bias"] == ((3, 2, 4),)
    assert shapes["bias_k"] == ((1, 1, 2, 4),)
    assert shapes["out_proj.weight"] == ((8, 2, 4),)
    assert _shapes(nn.MultiheadAttention(8, 2))["in_proj_weight"] == ((3, 2, 4, 8),)


@pytest.mark.parametrize(
    ("layer", "kernel"),
    [
        (nn.Conv1d(4, 4, 3), 1),
        (nn.Conv2d(4, 4, (3, 5), groups=2), 2),
        (nn.Conv3d(4, 4, 3), 3),
        (nn.ConvTranspose2d(4, 6, 3), 2),
        (nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), 2),
        (nn.utils.spectral_norm(nn.Conv2d(4, 4, 3)), 2),
    ],
)
def test_a_convolution_has_a_kernel(layer: nn.Module, kernel: int) -> None:
    found = list(blocks_of(layer).values())
    assert found
    assert {blocks.kernel for blocks in found} == {kernel}


def test_a_narrow_lstm_computes_what_the_first_units_of_a_wide_one_do() -> None:
    @space(input=torch.zeros(1, 5, 3))
    def layers(choose: Any) -> nn.Module:
        return nn.LSTM(3, choose("width", [4, 8]), batch_first=True)

    supernet, x = Supernet(layers), torch.rand(2, 5, 3)
    with torch.no_grad():
        wide = supernet.network({"width": 8})
        narrow = supernet.network({"width": 4})
        for name in ("weight_hh_l0",):  # the first four units of the wide one read no others
            supernet.store[next(k for k in supernet.store if name in k)][:, :4, 4:] = 0
        assert torch.allclose(narrow(x)[0], wide(x)[0][..., :4], atol=1e-6)


def test_fewer_heads_are_the_first_heads() -> None:
    class Attention(nn.Module):
        def __init__(self, heads: int) -> None:
            super().__init__()
            self.qkv = declare_blocks(
                nn.Linear(6, 3 * heads * 4, bias=False), "weight", (3, heads, 4, 6)
            )
            self.heads = heads

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            q, k, v = self.qkv(x).view(*x.shape[:2], 3, self.heads, 4).permute(2, 0, 3, 1, 4)
            return nn.functional.scaled_dot_product_attention(q, k, v)

    @space(input=torch.zeros(1, 5, 6))
    def attentions(choose: Any) -> nn.Module:
        return Attention(choose("heads", [1, 2, 4]))

    supernet, x = Supernet(attentions), torch.rand(2, 5, 6)
    with torch.no_grad():
        four, two = (supernet.network({"heads": n})(x) for n in (4, 2))
    assert torch.allclose(four[:, :2], two, atol=1e-6)


def test_several_shapes_are_several_shared_tensors() -> None:
    @space(input=torch.zeros(1, 6))
    def grouped(choose: Any) -> nn.Module:
        heads, pairs = choose("heads", [2, 4]), choose("pairs", [1, 2])
        layer = nn.Linear(6, (heads + 2 * pairs) * 3, bias=False)
        return declare_blocks(layer, "weight", [(heads, 3, 6), (2, pairs, 3, 6)])

    supernet = Supernet(grouped)
    large = supernet.extract({"heads": 4, "pairs": 2}).weight
    small = supernet.extract({"heads": 2, "pairs": 1}).weight
    assert isinstance(large, torch.Tensor)
    assert isinstance(small, torch.Tensor)
    kept = [*range(6), *range(12, 15), *range(18, 21)]  # two heads, one key, one value
    assert torch.equal(small, large[kept])
    assert len(supernet.store) == 2


def test_what_is_declared_goes_with_a_copy_and_with_a_computed_weight() -> None:
    layer = declare_blocks(nn.Linear(4, 6), "weight", (2, 3, 4))
    assert _shapes(copy.deepcopy(layer))["weight"] == ((2, 3, 4),)
    normed = nn.utils.parametrizations.weight_norm(layer)
    assert _shapes(normed) == {"parametrizations.weight.original1": ((2, 3, 4),)}


@pytest.mark.parametrize(
    ("module", "name", "shape", "message"),
    [
        ("layer", "weight", (2, 3, 4), "expected a torch.nn.Module, got 'layer'"),
        (nn.Linear(4, 6), "kernel", (2, 3, 4), "unknown parameter of Linear 'kernel'"),
        (nn.Linear(4, 6), "weight", (2, 3, 5), "24 numbers of 'weight'.*which hold 30"),
        (nn.Linear(4, 6), "weight", (), "positive whole numbers"),
        (nn.Linear(4, 6), "weight", (2, -3, -4), "positive whole numbers"),
        (nn.Linear(4, 6), "weight", 24, "positive whole numbers"),
        (nn.LazyLinear(6), "weight", (2, 3), "no shape yet"),
    ],
)
def test_blocks_that_a_parameter_does_not_have_are_refused(
    module: Any, name: str, shape: Any, message: str
) -> None:
    with pytest.raises(InvalidArgument, match=message):
        declare_blocks(module, name, shape)


def test_a_kernel_has_no_more_dimensions_than_the_blocks() -> None:
    with pytest.raises(InvalidArgument, match="at most 2 dimensions"):
        declare_blocks(nn.Linear(4, 6), "weight", (6, 4), kernel=3)
