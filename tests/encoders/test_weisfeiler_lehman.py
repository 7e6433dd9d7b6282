"""The Weisfeiler-Lehman encoder, and the Gaussian process with its kernel."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from functools import cached_property

import gpytorch
import networkx as nx
import numpy as np
import pytest
import torch
from gpytorch.kernels import ConstantKernel, LinearKernel, RBFKernel
from hypothesis import given
from hypothesis import strategies as st
from strategies import as_networkx, graphs, renumberings
from torch import Tensor
from torch.distributions import Normal

from bonas.encoders import Encoder, Layout
from bonas.encoders.weisfeiler_lehman import WeisfeilerLehman
from bonas.errors import InvalidArgument
from bonas.spaces import INPUT, OUTPUT, Architecture, ArchitectureGraph, CellSpace, Choices, Space
from bonas.surrogates import Surrogate
from bonas.surrogates.weisfeiler_lehman import WeisfeilerLehmanGP, _matrix
from bonas.testing import EncoderContract, SurrogateContract


class TestOperations(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return WeisfeilerLehman(space, depth=0)


class TestTwoSteps(EncoderContract):
    def encoder(self, space: Space) -> Encoder:
        return WeisfeilerLehman(space, depth=2)


class TestWeisfeilerLehmanGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return WeisfeilerLehmanGP


class Listed(Space):
    """A space of the graphs it is given, as they are: with identities, and dead ones too."""

    def __init__(self, graphs: Sequence[ArchitectureGraph]) -> None:
        self.graphs = graphs
        self.parameters = {"which": list(range(len(graphs)))}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return self.graphs[int(choices["which"])]  # type: ignore[arg-type]  # a number

    @cached_property
    def reference(self) -> tuple[Architecture, ...]:
        made = (Architecture({"which": i}, graph) for i, graph in enumerate(self.graphs))
        return tuple(dict.fromkeys(made))


def _chain(*labels: str) -> ArchitectureGraph:
    names = [INPUT, *labels, OUTPUT]
    return ArchitectureGraph(names, [(i, i + 1) for i in range(len(names) - 1)])


def _encoded(encoder: Encoder, *some: ArchitectureGraph) -> Tensor:
    return encoder.encode([Architecture({"which": i}, graph) for i, graph in enumerate(some)])


def test_counts_of_three_nodes_by_hand() -> None:
    # chains input -> a -> output and input -> b -> output, and two a side by side:
    # depth 0: {input 1, a 1, output 1}, {input 1, b 1, output 1}, {input 1, a 2, output 1}
    # depth 1: {input(a) 1, a(input, output) 1, output(a) 1}, the same with b, and
    #          {input(a, a) 1, a(input, output) 2, output(a, a) 1}
    both = ArchitectureGraph([INPUT, "a", "a", OUTPUT], [(0, 1), (0, 2), (1, 3), (2, 3)])
    some = [_chain("a"), _chain("b"), both]
    shared = {0: [[3, 2, 4], [2, 3, 2], [4, 2, 6]], 1: [[3, 0, 2], [0, 3, 0], [2, 0, 6]]}
    for depth, products in shared.items():
        encoder = WeisfeilerLehman(Listed(some), depth=depth)
        X = _encoded(encoder, *some)
        assert encoder.width == {0: 4, 1: 8}[depth]
        assert (X @ X.T).tolist() == products


def test_dead_nodes_are_not_counted() -> None:
    dead = ArchitectureGraph([INPUT, "a", "b", OUTPUT], [(0, 1), (1, 3), (0, 2)])
    encoder = WeisfeilerLehman(Listed([_chain("a"), dead, _chain("b")]), depth=2)
    X = _encoded(encoder, _chain("a"), dead)
    assert torch.equal(X[0], X[1])


def test_a_network_without_a_path_counts_nothing() -> None:
    nothing = ArchitectureGraph([INPUT, "a", OUTPUT], [(0, 1)])
    encoder = WeisfeilerLehman(Listed([_chain("a"), _chain("b")]), depth=1)
    assert _encoded(encoder, nothing).tolist() == [[0.0] * 6]


def test_a_nodes_features_are_part_of_its_label() -> None:
    wide, narrow = (
        ArchitectureGraph([INPUT, "a", OUTPUT], [(0, 1), (1, 2)], [[0.0], [width], [0.0]])
        for width in (8.0, 4.0)
    )
    encoder = WeisfeilerLehman(Listed([wide, narrow]), depth=0)
    X = _encoded(encoder, wide, narrow)
    assert float(X[0] @ X[1]) == 2.0


@given(st.data())
def test_numbering_changes_no_count(data: st.DataObject) -> None:
    graph = data.draw(graphs())
    other = data.draw(renumberings(graph))
    encoder = WeisfeilerLehman(Listed([graph, _chain("conv")]), depth=2)
    X = _encoded(encoder, graph, other)
    assert torch.equal(X[0], X[1])
    assert float(X[0].sum()) == len(graph.live())


@given(graphs(), graphs(), st.integers(1, 3))
def test_labels_in_common_are_those_that_networkx_finds(
    one: ArchitectureGraph, two: ArchitectureGraph, depth: int
) -> None:
    def by_networkx(graph: ArchitectureGraph) -> Counter[str]:
        alive = as_networkx(graph).subgraph(graph.live()).to_undirected()
        found = nx.weisfeiler_lehman_subgraph_hashes(alive, node_attr="name", iterations=depth)
        return Counter(hashes[-1] for hashes in found.values())

    encoder = WeisfeilerLehman(Listed([one, two]), depth=depth)
    X = _encoded(encoder, one, two)
    first, second = by_networkx(one), by_networkx(two)
    assert float(X[0] @ X[1]) == sum(first[label] * second[label] for label in first)
    assert float(X[0] @ X[0]) == sum(count**2 for count in first.values())


def test_what_the_reference_set_does_not_have_is_left_out_and_forgotten() -> None:
    encoder = WeisfeilerLehman(Listed([_chain("a"), _chain("b")]), depth=1)
    before = [len(table) for table in encoder._tables()]
    X = _encoded(encoder, _chain("c"), _chain("a", "c"), _chain("a"))
    # of the chain a, c: input(a) is known; a(input, c), c(a, output) and output(c) are not
    assert X.sum(1).tolist() == [0.0, 1.0, 3.0]
    assert [len(table) for table in encoder._tables()] == before


def test_the_most_common_labels_are_kept() -> None:
    some = [_chain("a"), _chain("a", "a"), _chain("b")]
    encoder = WeisfeilerLehman(Listed(some), depth=0, max_labels=3)
    assert encoder.width == 3
    assert _encoded(encoder, *some).sum(1).tolist() == [3.0, 4.0, 2.0]  # b has no column


@pytest.mark.parametrize("depth", [-1, 1.5, True, "2"])
def test_a_depth_is_a_number_of_steps(depth: object) -> None:
    with pytest.raises(InvalidArgument, match="depth must be a whole number of at least 0"):
        WeisfeilerLehman(CellSpace(nodes=2), depth=depth)  # type: ignore[arg-type]  # on purpose


LAYOUT = Layout(
    {"wl0": slice(0, 3), "wl1": slice(3, 5)}, {"rate": slice(5, 6), "kind": slice(6, 8)}
)
GRAPHS_ONLY = Layout(LAYOUT.architecture, {})


def _points(n: int, seed: int = 0) -> Tensor:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal((n, 8)))


def _shortened(x: Tensor) -> Tensor:
    return x / max(1.0, float(x.norm()))


def test_the_kernel_is_the_formula_at_its_head() -> None:
    x, z = _points(2)
    theta = torch.tensor([0.3, -0.2, 0.1, 0.4, -0.5, -3.0], dtype=torch.float64)
    w0, w1, sp, lr, lk, _ = theta.exp().tolist()
    gp = WeisfeilerLehmanGP(_points(4), _points(4)[:, :1], LAYOUT)
    blocks = w0 * float(_shortened(x[:3]) @ _shortened(z[:3]))
    blocks += w1 * float(_shortened(x[3:5]) @ _shortened(z[3:5]))
    rate, kind = float((x[5] - z[5]) ** 2), float((x[6:] - z[6:]).square().sum())
    others = math.exp(-rate / (2 * lr**2) - kind / (2 * lk**2))
    found = _matrix(LAYOUT, theta, gp._terms(x.unsqueeze(0), z.unsqueeze(0)))
    assert float(found) == pytest.approx(others * (blocks + sp))
    assert list(gp.hyperparameters) == [
        "weight of wl0",
        "weight of wl1",
        "variance without architecture",
        "lengthscale of rate",
        "lengthscale of kind",
        "noise",
    ]


def test_for_counts_it_is_the_normalised_kernel() -> None:
    counts = torch.tensor([[1.0, 2.0, 1.0], [1.0, 0.0, 3.0]], dtype=torch.float64)
    gp = WeisfeilerLehmanGP(counts, counts[:, 1:2], Layout({"wl0": slice(0, 3)}, {}))
    (products,) = gp._terms(counts, counts)
    cosine = float(counts[0] @ counts[1] / counts[0].norm() / counts[1].norm())
    assert products.flatten().tolist() == pytest.approx([1.0, cosine, cosine, 1.0])


class _ByGPyTorch(gpytorch.models.ExactGP):  # type: ignore[misc]  # gpytorch is untyped
    """The same process in gpytorch, with given hyper-parameters, over shortened rows."""

    def __init__(self, X: Tensor, z: Tensor, found: dict[str, float]) -> None:
        likelihood = gpytorch.likelihoods.GaussianLikelihood().to(torch.float64)
        likelihood.noise = found["noise"] + 1e-6
        super().__init__(X, z, likelihood)
        linear = [LinearKernel(active_dims=(0, 1, 2)), LinearKernel(active_dims=(3, 4))]
        others = [RBFKernel(active_dims=(5,)), RBFKernel(active_dims=(6, 7))]
        constant = ConstantKernel()
        self.parts = torch.nn.ModuleList([*linear, constant, *others]).to(torch.float64)
        for kernel, name in zip(linear, ("wl0", "wl1"), strict=True):
            kernel.variance = found[f"weight of {name}"]
        for kernel, name in zip(others, ("rate", "kind"), strict=True):
            kernel.lengthscale = found[f"lengthscale of {name}"]
        constant.constant = torch.tensor(found["variance without architecture"])
        self.eval()
        likelihood.eval()

    def forward(self, X: Tensor) -> gpytorch.distributions.MultivariateNormal:
        # dense: gpytorch would multiply the low-rank linear kernels by their roots, inexactly
        one, two, constant, rate, kind = (part(X).to_dense() for part in self.parts)
        K = (one + two + constant) * rate * kind
        return gpytorch.distributions.MultivariateNormal(torch.zeros(len(X)).double(), K)


def test_the_posterior_is_that_of_gpytorch() -> None:
    X, Z = _points(9), _points(4, seed=5)
    Y = 3.0 * X[:, :1] + X[:, 5:6] + 20.0
    gp = WeisfeilerLehmanGP(X, Y, LAYOUT)

    def rows(points: Tensor) -> Tensor:
        parts = [
            torch.stack([_shortened(x[columns]) for x in points])
            for columns in LAYOUT.architecture.values()
        ]
        return torch.cat([*parts, points[:, 5:]], dim=1)

    mean, sd = Y.mean(), Y.std(correction=0)
    other = _ByGPyTorch(rows(X), ((Y - mean) / sd).squeeze(1), gp.hyperparameters)
    with torch.no_grad():
        expected = other(rows(Z))
        posterior = gp.posterior(Z)
        torch.testing.assert_close(
            posterior.mean.squeeze(-1), mean + sd * expected.mean, rtol=1e-4, atol=1e-4
        )
        torch.testing.assert_close(
            posterior.distribution.covariance_matrix,
            sd**2 * expected.covariance_matrix,
            rtol=1e-4,
            atol=1e-4,
        )


@pytest.mark.parametrize("layout", [LAYOUT, GRAPHS_ONLY], ids=["both", "graphs only"])
def test_the_leave_one_out_density_is_that_of_a_process_without_the_value(layout: Layout) -> None:
    X, Y = _points(8), _points(8, seed=3)[:, :1]
    gp = WeisfeilerLehmanGP(X, Y, layout)
    densities = gp.held_out_log_density()
    K = _matrix(layout, gp.theta, gp._terms(X, X))
    noise, data = float(gp.theta[-1].exp()) + 1e-6, gp.data
    for i in range(8):
        rest = [j for j in range(8) if j != i]
        S = K[rest][:, rest] + noise * torch.eye(7, dtype=torch.float64)
        k = K[i, rest]
        mean = float(k @ torch.linalg.solve(S, data.z[rest, 0]))
        variance = float(K[i, i] + noise - k @ torch.linalg.solve(S, k))
        expected = Normal(data.mean + data.sd * mean, data.sd * math.sqrt(variance))
        assert float(densities[i]) == pytest.approx(float(expected.log_prob(Y[i])), rel=1e-6)


def test_the_block_that_explains_the_values_weighs_most() -> None:
    X = _points(60)
    gp = WeisfeilerLehmanGP(X, _shortened_rows(X[:, 3:5]) @ torch.ones(2, 1).double(), GRAPHS_ONLY)
    found = gp.hyperparameters
    assert found["weight of wl1"] > 3 * found["weight of wl0"]
    assert found["noise"] < 0.01


def _shortened_rows(X: Tensor) -> Tensor:
    return torch.stack([_shortened(x) for x in X])
