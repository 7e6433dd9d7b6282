"""Graph networks of PyTorch Geometric; a batch is the nodes of a graph and its edges."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch_geometric import nn as pyg

from families.examples import numbers, stepping
from families.record import third_party

NODES, FEATURES = 12, 8
EDGES = torch.stack([torch.arange(NODES), torch.arange(1, NODES + 1) % NODES])
GRAPH = (numbers(NODES, FEATURES), torch.cat([EDGES, EDGES.flip(0)], 1))
KINDS = torch.arange(NODES) % 4


def _of_nodes(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    nodes, edges, kinds = batch
    return nn.functional.cross_entropy(network(nodes, edges), kinds)


WHOLE = {"training": stepping((*GRAPH, KINDS), _of_nodes)}


@third_party("GCN", "torch-geometric", GRAPH, **WHOLE)
def gcn(choose: Any) -> nn.Module:
    return pyg.GCN(
        FEATURES,
        choose("width", [8, 16, 32]),
        choose("depth", [1, 2, 3]),
        out_channels=4,
        act=choose("activation", ["relu", "elu", "tanh"]),
        jk=choose("jump", {"none": None, "cat": "cat", "max": "max"}),
        improved=choose("improved", [False, True]),
    )


@third_party("GAT", "torch-geometric", GRAPH, **WHOLE)
def gat(choose: Any) -> nn.Module:
    return pyg.GAT(
        FEATURES,
        choose("width", [8, 16]),
        choose("depth", [1, 2]),
        out_channels=4,
        heads=choose("heads", [1, 2, 4]),
        v2=choose("second", [False, True]),
        negative_slope=choose("slope", [0.1, 0.2]),
    )


@third_party("GraphSAGE", "torch-geometric", GRAPH, **WHOLE)
def sage(choose: Any) -> nn.Module:
    return pyg.GraphSAGE(
        FEATURES,
        choose("width", [8, 16]),
        choose("depth", [1, 2, 3]),
        out_channels=4,
        aggr=choose("aggregation", ["mean", "max", "sum"]),
        project=choose("project", [False, True]),
        norm=choose("norm", {"none": None, "batch": "BatchNorm", "layer": "LayerNorm"}),
    )


class GraphClassifier(nn.Module):
    """Convolutions over nodes, and one row of outputs per graph."""

    def __init__(self, network: nn.Module, width: int, pool: str) -> None:
        super().__init__()
        self.network = network
        self.pool = {"sum": pyg.global_add_pool, "mean": pyg.global_mean_pool}[pool]
        self.head = nn.Linear(width, 3)

    def forward(self, x: Tensor, edges: Tensor, batch: Tensor) -> Tensor:
        return self.head(self.pool(self.network(x, edges), batch, size=2))


GRAPHS = (*GRAPH, torch.arange(NODES) * 2 // NODES)


def _of_graphs(network: nn.Module, batch: tuple[Tensor, ...]) -> Tensor:
    return nn.functional.cross_entropy(network(*batch), torch.tensor([0, 2]))


@third_party("GIN, graphs", "torch-geometric", GRAPHS, training=stepping(GRAPHS, _of_graphs))
def gin(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    network = pyg.GIN(
        FEATURES,
        width,
        choose("depth", [1, 2, 3]),
        train_eps=choose("epsilon", [False, True]),
        act=choose("activation", ["relu", "elu"]),
    )
    return GraphClassifier(network, width, choose("pool", ["sum", "mean"]))


@third_party("layers by choice", "torch-geometric", GRAPH, **WHOLE)
def mixed_layers(choose: Any) -> nn.Module:
    width = choose("width", [8, 16])
    layers: list[Any] = [(nn.Linear(FEATURES, width), "x -> x")]
    for i in range(choose("depth", [1, 2])):
        kinds = {
            "transformer": lambda: pyg.TransformerConv(width, width // 2, heads=2),
            "gen": lambda: pyg.GENConv(width, width),
            "cheb": lambda: pyg.ChebConv(width, width, K=3),
            "tag": lambda: pyg.TAGConv(width, width, K=2),
        }
        layers += [(choose(f"layer{i}", kinds), "x, edges -> x"), nn.ReLU()]
    return pyg.Sequential("x, edges", [*layers, nn.Linear(width, 4)])
