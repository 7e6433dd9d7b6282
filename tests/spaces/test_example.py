"""The example of a network's inputs."""

from __future__ import annotations

import json
import pickle
from collections import namedtuple
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch_geometric.data import Batch, Data
from torch_geometric.nn import GCNConv, global_mean_pool

from bonas import space
from bonas.errors import InvalidArgument
from bonas.spaces import Example, Family
from bonas.spaces.tracing.trace import traced

IDS, MASK = torch.arange(6).reshape(2, 3), torch.ones(2, 3)
Pair = namedtuple("Pair", ["left", "right"])


class Echo(nn.Module):
    """A network that returns its arguments."""

    def forward(self, *args: Any, **named: Any) -> Any:
        return args, named


@pytest.mark.parametrize(
    ("given", "args", "named"),
    [
        (IDS, (IDS,), {}),
        ((IDS, MASK), (IDS, MASK), {}),
        ({"ids": IDS, "mask": MASK}, (), {"ids": IDS, "mask": MASK}),
        ((IDS, None, 0.5), (IDS, None, 0.5), {}),
        (((IDS, MASK), [IDS]), ((IDS, MASK), [IDS]), {}),
    ],
    ids=["tensor", "tuple", "mapping", "no tensors among them", "nested"],
)
def test_an_example_is_called_as_it_was_given(given: Any, args: Any, named: Any) -> None:
    assert Example.of(given).call(Echo()) == (args, named)


def test_an_example_is_itself() -> None:
    example = Example.of(IDS)
    assert Example.of(example) is example


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_rows_are_repeated_or_cut(rows: int) -> None:
    found = Example.of({"ids": IDS, "mask": MASK, "scale": torch.tensor(2.0), "flag": True})
    found = found.resized(rows)
    assert found.named["ids"].tolist() == [IDS[i % 2].tolist() for i in range(rows)]
    assert found.named["mask"].shape == (rows, 3)
    assert (found.named["scale"].item(), found.named["flag"]) == (2.0, True)


def test_one_row_for_all_is_left_alone() -> None:
    example = Example.of((torch.zeros(4, 3), torch.zeros(1, 3)))
    assert [tuple(x.shape) for x in example.resized(8).tensors] == [(8, 3), (1, 3)]


def test_an_example_without_a_common_batch_is_used_as_it_is_or_not_at_all() -> None:
    graph = Example.of((torch.zeros(5, 3), torch.zeros(2, 8, dtype=torch.int64)))
    assert graph.rows is None
    assert graph.resized(1) is graph
    with pytest.raises(InvalidArgument, match=r"got shapes \[\(5, 3\), \(2, 8\)\]; take a ba"):
        graph.resized(2)


def test_nested_tensors_keep_their_containers() -> None:
    example = Example.of((Pair(IDS, [MASK]), {"a": IDS}))
    found = example.resized(1)
    assert isinstance(found.args[0], Pair)
    assert found.names == ("0.0", "0.1.0", "1.a")
    assert [x.shape[0] for x in found.tensors] == [1, 1, 1]
    assert found.describe() == [[[1, 3], [[1, 3]]], {"a": [1, 3]}]


def test_on_meta_types_and_shapes_are_kept() -> None:
    meta = Example.of((IDS, MASK.to(torch.bfloat16))).to("meta")
    assert [(x.is_meta, x.dtype) for x in meta.tensors] == [
        (True, torch.int64),
        (True, torch.bfloat16),
    ]


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64, torch.complex64])
def test_zeros_of_floats_are_filled_with_numbers(kind: torch.dtype) -> None:
    given = torch.zeros(2, 50, dtype=kind)
    found = Example.of((given, IDS, 0 * IDS)).filled()
    assert found.tensors[0].dtype == kind
    assert len(set(found.tensors[0].flatten().tolist())) > 20
    assert not given.any()
    assert found.tensors[1] is IDS
    assert not found.tensors[2].any()


def test_another_shape_has_the_numbers_of_the_example() -> None:
    found = Example.of(10 * IDS).reshaped((40,))
    assert found.first.shape == (1, 40)
    assert set(found.first.flatten().tolist()) <= set((10 * IDS).flatten().tolist())
    with pytest.raises(InvalidArgument, match=r"example of 2 tensors, got .* leave out the input"):
        Example.of((IDS, MASK)).reshaped((40,))


@pytest.mark.parametrize("given", [None, 3, [IDS], (), (None,), {}, {1: IDS}, "ids"])
def test_anything_else_is_refused_as_an_example(given: Any) -> None:
    with pytest.raises(InvalidArgument, match="input must be an example batch, a tensor, a tuple"):
        Example.of(given)


class Named(nn.Module):
    """A network with keyword arguments."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(9, width)
        self.head = nn.Linear(width, 2)

    def forward(self, *, ids: Tensor, mask: Tensor, scale: float = 1.0) -> Tensor:
        out: Tensor = self.head((self.embedding(ids) * mask[..., None] * scale).mean(1))
        return out


def named(choose: Any) -> nn.Module:
    return Named(choose("width", [2, 4]))


def test_a_family_of_networks_with_keyword_inputs_is_traced() -> None:
    family = space(named, input={"ids": IDS, "mask": MASK, "scale": 2.0})
    labels = family.graph({"width": 2}).labels
    assert labels[0] == "input"
    assert {"argument(ids)", "argument(mask)", "embedding", "linear"} <= set(labels)
    assert family.input_shape == (3,)
    assert family.describe()["input"] == {"ids": [2, 3], "mask": [2, 3], "scale": 2.0}
    assert json.loads(json.dumps(family.describe())) == family.describe()


def test_a_trace_takes_what_a_family_takes() -> None:
    given = {"ids": IDS, "mask": MASK}
    assert traced(Named(2), given).parameters == traced(Named(2), Example.of(given)).parameters


def test_a_family_is_pickled_with_its_example() -> None:
    again = pickle.loads(pickle.dumps(space(named, input={"ids": IDS, "mask": MASK})))
    assert isinstance(again, Family)
    assert again.example.named["ids"].tolist() == IDS.tolist()


def test_a_graph_of_pytorch_geometric_is_an_argument() -> None:
    class Network(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.first, self.head = GCNConv(3, width), nn.Linear(width, 2)

        def forward(self, data: Any) -> Tensor:
            x = self.first(data.x, data.edge_index).relu()
            out: Tensor = self.head(global_mean_pool(x, data.batch))
            return out

    graphs = [Data(x=torch.ones(4, 3), edge_index=torch.tensor([[0, 1], [1, 2]]))] * 2
    batch = Batch.from_data_list(graphs)
    family = space(lambda choose: Network(choose("width", [2, 5])), input=(batch,))
    graph = family.graph({"width": 2})
    assert graph.labels.count("linear") == 2
    assert family.describe()["input"][0]["x"] == [8, 3]
    example = family.example
    assert (example.rows, len(example.to("meta").tensors)) == (None, len(example.tensors))
    assert torch.equal(batch.x, torch.ones(8, 3))
