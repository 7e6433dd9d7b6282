"""Zero-cost scores as an encoding: ranks among scored networks, predictions of all others."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from scipy.stats import norm, rankdata, spearmanr

from bonas.encoders import ENCODERS, Encoder, ScoredNetworks, ZeroCostScores
from bonas.encoders.graph_regression import GraphRegression
from bonas.encoders.zero_cost import SCORED, networks_to_score
from bonas.errors import InvalidArgument
from bonas.spaces import Architecture, CellSpace, Space
from bonas.testing import EncoderContract

OPERATIONS = ("none", "skip_connect", "nor_conv_3x3")


def work_of(architecture: Architecture) -> dict[str, float]:
    """Return scores that follow from the choices: a smooth one, a steep one, one without sense."""
    choices = list(architecture.choices.values())
    convolutions = sum(choice == "nor_conv_3x3" for choice in choices)
    early = sum(choice == "nor_conv_3x3" for choice in choices[:3])
    return {
        "smooth": convolutions + 0.4 * early,
        "steep": math.exp(9.0 * convolutions - 5.0 * early),
        "same": 1.0,
    }


@pytest.fixture(scope="module")
def space() -> CellSpace:
    return CellSpace(nodes=4, operations=OPERATIONS)


def table(
    architectures: list[Architecture], names: tuple[str, ...] = ("smooth", "steep", "same")
) -> np.ndarray:
    return np.array([[work_of(a)[name] for name in names] for a in architectures])


def scored(space: Space, n: int) -> ScoredNetworks:
    known = networks_to_score(space)[:n]
    return ScoredNetworks(known, ("smooth", "steep", "same"), table(known))


class TestPredicted(EncoderContract):
    """Sixty networks are scored, all others predicted."""

    def encoder(self, space: Space) -> Encoder:
        known = networks_to_score(space)[:60]
        size = np.array([[float(len(a.graph)), float(len(a.graph.edges))] for a in known])
        return ZeroCostScores(space, ScoredNetworks(known, ("nodes", "edges"), size))


def test_scores_become_the_normal_scores_of_their_mean_ranks(space: CellSpace) -> None:
    known = networks_to_score(space)[:80]
    encoded = ZeroCostScores(space, scored(space, 80)).encode(known).numpy()
    raw = table(known, ("smooth", "steep"))
    expected = norm.ppf((rankdata(raw, axis=0) - 0.375) / (len(known) + 0.25))
    np.testing.assert_allclose(encoded, expected, atol=1e-12)


def test_a_score_between_two_known_ones_has_the_rank_between_them(space: CellSpace) -> None:
    known = networks_to_score(space)[:3]
    other = networks_to_score(space)[3]

    def look_up(architecture: Architecture) -> Mapping[str, float]:
        return {"width": 2.5}

    networks = ScoredNetworks(known, ("width",), np.array([[1.0], [2.0], [3.0]]), look_up)
    encoded = ZeroCostScores(space, networks).encode([other])
    assert encoded.item() == pytest.approx(norm.ppf((2.5 - 0.375) / 3.25))


def test_scores_of_other_networks_are_predicted_from_their_graphs(space: CellSpace) -> None:
    encoder = ZeroCostScores(space, scored(space, 80))
    others = networks_to_score(space)[80:]
    predicted = encoder.encode(others).numpy()
    for j, name in enumerate(("smooth", "steep")):
        assert spearmanr(predicted[:, j], table(others, (name,))[:, 0]).statistic > 0.9


def test_a_score_that_tells_nothing_apart_is_left_out(space: CellSpace) -> None:
    assert scored(space, 80).names == ("smooth", "steep")
    known = networks_to_score(space)[:10]
    with pytest.raises(InvalidArgument, match="leave out the encoder"):
        ZeroCostScores(space, ScoredNetworks(known, ("same",), np.ones((10, 1))))


def test_missing_scores_are_counted_and_predicted_and_most_of_them_drop_the_score(
    space: CellSpace,
) -> None:
    known = networks_to_score(space)[:80]
    values = table(known)
    values[:8, 0] = [np.nan, np.inf, -np.inf, np.nan, np.nan, np.nan, np.nan, np.nan]
    values[:41, 1] = np.nan
    networks = ScoredNetworks(known, ("smooth", "steep", "same"), values)
    assert networks.names == ("smooth",)
    assert networks.missing == {"smooth": 8, "steep": 41}
    encoded = ZeroCostScores(space, networks).encode(known[:8]).numpy()[:, 0]
    assert spearmanr(encoded, table(known[:8])[:, 0]).statistic > 0.8


def test_scores_have_one_row_per_network(space: CellSpace) -> None:
    with pytest.raises(InvalidArgument, match="expected scores 2 x 1"):
        ScoredNetworks(networks_to_score(space)[:2], ("width",), np.ones((3, 1)))


def test_the_kernel_is_that_of_greatest_likelihood_on_the_grid(space: CellSpace) -> None:
    known = networks_to_score(space)[:40]
    values = torch.from_numpy(table(known, ("smooth",)))
    values = values - values.mean()
    regression = GraphRegression(space, known, values)
    # with hardly any noise, the prediction at a known network is its value
    np.testing.assert_allclose(regression.predict(known), values, atol=0.15)
    (kernel, alpha) = regression._fits[0]
    apart = [torch.cdist(x, x).square() for x in regression._known]
    K, n = kernel.matrix(apart), len(known)
    noises = ((values.squeeze(1) - K @ alpha) / alpha).median()  # (K + g) alpha = z
    chosen = _density(K + noises * torch.eye(n, dtype=K.dtype), values)
    other = kernel.__class__(3.0, 0.7, 0.2).matrix(apart)
    assert chosen >= _density(other + noises * torch.eye(n, dtype=K.dtype), values)


def _density(K: torch.Tensor, z: torch.Tensor) -> float:
    """Return the log marginal likelihood with the best scale, by its definition."""
    n = len(z)
    s = float((z * torch.linalg.solve(K, z)).sum()) / n
    normal = torch.distributions.MultivariateNormal(torch.zeros(n, dtype=K.dtype), s * K)
    return float(normal.log_prob(z.squeeze(1)))


def test_the_encoder_of_that_name_scores_the_networks_that_a_space_builds() -> None:
    space = CellSpace(nodes=3, operations=OPERATIONS, channels=4, cells=1)
    encoder = ENCODERS["zero_cost"](space)
    assert isinstance(encoder, ZeroCostScores)
    assert len(encoder.scored.architectures) == min(SCORED, len(space.reference))
    encoded = encoder.encode(space.reference)
    assert encoded.shape == (len(space.reference), encoder.width)
    assert bool(encoded.isfinite().all())
