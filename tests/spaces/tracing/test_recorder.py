"""What a recorder sees of a run: values that are known, routes, modes, precisions, maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bonas.spaces.tracing.trace import Trace, traced


class Wired(nn.Module):
    """A network made of a function and a constant mask."""

    def __init__(self, function: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.register_buffer("mask", torch.tensor([True, False, True]))
        self.function = function

    def forward(self, x: Tensor) -> Any:
        return self.function(x, self.get_buffer("mask"))


X = torch.arange(12.0).reshape(4, 3)


def trace(function: Callable[[Tensor, Tensor], Any], x: Tensor = X, **settings: Any) -> Trace:
    return traced(Wired(function), x, **settings)


def test_values_of_constants_can_be_read_on_the_meta_device() -> None:
    def branch(x: Tensor, mask: Tensor) -> Tensor:
        count = int(torch.ones(3).cumsum(0)[-1].item())
        return x.relu() if count == 3 else x.tanh()

    assert trace(branch, X.to("meta")).graph.labels == ("input", "relu", "output")


def test_values_of_data_cannot() -> None:
    with pytest.raises(RuntimeError, match="meta"):
        trace(lambda x, _: x.relu() if float(x.sum()) > 0 else x, X.to("meta"))


def test_rows_that_are_selected_by_data_are_all_rows_unless_by_value() -> None:
    weight = torch.ones(3, 5)

    def routed(x: Tensor, _: Tensor) -> Tensor:
        return x[x[:, 0] > 4] @ weight

    dense, sparse = trace(routed), trace(routed, by_value=True)
    assert (dense.routed, sparse.routed) == (True, False)
    # by value the last two of four rows remain: half of the multiply-adds of one example
    assert (dense.multiply_adds, sparse.multiply_adds) == (15, 7.5)


def test_columns_that_a_constant_selects_are_those() -> None:
    found = trace(lambda x, mask: x[:, mask] @ torch.ones(2, 5))
    assert found.multiply_adds == 2 * 5


def test_the_mode_of_the_run_is_in_labels_and_stays_with_the_module() -> None:
    module = nn.Sequential(nn.BatchNorm1d(3), nn.Dropout(0.2))
    assert traced(module, X).graph.labels[1:3] == ("batch_norm", "dropout(0.2)")
    assert not module.training
    labels = traced(module, X, training=True).graph.labels
    assert labels[1:3] == ("batch_norm(of_batch)", "dropout(0.2, active)")
    assert module.training


def test_a_change_of_precision_is_a_node_and_a_lossless_one_is_none() -> None:
    assert trace(lambda x, _: x.half().relu()).graph.labels[1] == "to(float16)"
    assert trace(lambda x, _: x.float().relu()).graph.labels == ("input", "relu", "output")
    counts = trace(lambda x, _: (x + 1).relu(), X.long())
    assert "to" not in " ".join(counts.graph.labels)


def test_autocast_is_in_the_label() -> None:
    def cast(x: Tensor, _: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return x @ torch.ones(3, 5)

    assert "autocast=bfloat16" in trace(cast).graph.labels[1]


def test_a_mapped_function_counts_for_all_that_it_is_mapped_over() -> None:
    weight = torch.ones(3, 5)
    one = trace(lambda x, _: x @ weight)
    mapped = trace(lambda x, _: torch.vmap(lambda row: row @ weight)(x))
    assert mapped.multiply_adds == one.multiply_adds == 15


def test_an_output_in_several_parts_has_a_node_for_each_that_is_read() -> None:
    def second(x: Tensor, _: Tensor) -> Tensor:
        return x.sort(-1)[1].float().relu()

    first = trace(lambda x, _: x.sort(-1)[0].relu())
    assert "part(1)" in " ".join(trace(second).graph.labels)
    assert "part" not in " ".join(first.graph.labels)


def test_an_empty_tensor_joined_to_data_is_no_operation() -> None:
    def cached(x: Tensor, _: Tensor) -> Tensor:
        return torch.cat([torch.zeros(4, 0), x], 1).relu()

    assert trace(cached).graph.labels == ("input", "relu", "output")


IN_PLACE: dict[str, tuple[Callable[[Tensor], Any], Callable[[Tensor], Any]]] = {
    "a view": (lambda x: x.view(12).mul_(2), lambda x: x.mul_(2)),
    "a transposed view": (lambda x: x.mT.mul_(2), lambda x: x.mul_(2)),
    "a view of a view": (lambda x: x.view(2, 6).view(12).mul_(2), lambda x: x.mul_(2)),
    "a copy of all": (lambda x: x.copy_(2 * x), lambda x: x.mul_(2)),
}


@pytest.mark.parametrize("case", IN_PLACE)
def test_a_write_into_a_view_of_all_is_a_write_into_its_base(case: str) -> None:
    def through(write: Callable[[Tensor], Any]) -> Callable[[Tensor, Tensor], Tensor]:
        def run(x: Tensor, _: Tensor) -> Tensor:
            y = x.sigmoid()
            write(y)
            return y.relu()

        return run

    one, other = (trace(through(write)).graph for write in IN_PLACE[case])
    assert one.canonical_hash == other.canonical_hash


def test_a_write_into_a_part_keeps_the_rest_of_its_base() -> None:
    def part(x: Tensor, _: Tensor) -> Tensor:
        y = x.sigmoid()
        y.chunk(3, 1)[1].mul_(2)
        return y

    labels = trace(part).graph.labels
    assert "set_item(:, 1:2)" in labels
    assert "slice(:, 1:2)" in labels
