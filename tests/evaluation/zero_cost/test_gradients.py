"""Facts about the scores of gradients, against independent computations."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from probes import Called, convolutional, images, probe_of
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vmap
from torch.nn.functional import cross_entropy, mse_loss

from bonas.errors import NoScore
from bonas.evaluation.zero_cost import SCORES, Batch, Probe
from bonas.evaluation.zero_cost.epe_nas import epe_nas
from bonas.evaluation.zero_cost.fisher import fisher
from bonas.evaluation.zero_cost.grad_norm import grad_norm
from bonas.evaluation.zero_cost.jacov import jacov
from bonas.evaluation.zero_cost.snip import snip
from bonas.evaluation.zero_cost.zico import zico
from bonas.spaces import Example


def rows_of_jacobian(network: nn.Module, x: Tensor) -> np.ndarray:
    """Return the gradient of the sum of the outputs at each input, each by itself."""
    weights = dict(network.named_parameters())

    def total(one: Tensor) -> Tensor:
        return functional_call(network, weights, (one[None],)).sum()

    plain = [nn.ReLU() if isinstance(m, nn.ReLU) else m for m in network]  # type: ignore[attr-defined]  # a Sequential
    network = nn.Sequential(*plain)
    rows: Tensor = vmap(jacrev(total))(x)
    return rows.flatten(1).detach().numpy()


def losses(network: nn.Module, batch: Batch) -> Callable[[], float]:
    return lambda: float(batch.loss(network(batch.example.first)))


def slopes(network: nn.Module, batch: Batch) -> list[np.ndarray]:
    """Return the loss's gradients with respect to each matrix of weights by finite differences."""
    loss, step, found = losses(network, batch), 1e-5, []
    with torch.no_grad():
        for weight in (w for w in network.parameters() if w.dim() > 1):
            flat, slope = weight.view(-1), []
            for i in range(len(flat)):
                own = float(flat[i])
                flat[i] = own + step
                high = loss()
                flat[i] = own - step
                slope.append((high - loss()) / (2 * step))
                flat[i] = own
            found.append(np.array(slope).reshape(weight.shape))
    return found


def test_jacov_is_that_of_each_input_by_itself() -> None:
    network, x = convolutional(), images()
    v = np.linalg.eigvalsh(np.corrcoef(rows_of_jacobian(network, x)))
    expected = -np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5))
    assert jacov(probe_of(network, x)) == pytest.approx(expected)


def test_jacov_of_tokens_is_taken_at_their_embedding() -> None:
    torch.manual_seed(0)
    embedding = nn.Embedding(7, 3)
    head = nn.Sequential(nn.Flatten(), nn.Linear(12, 8), nn.ReLU(), nn.Linear(8, 2))
    ids = torch.randint(7, (5, 4))
    found = jacov(probe_of(nn.Sequential(embedding, head), ids))
    assert found == pytest.approx(jacov(probe_of(head, embedding(ids).detach())), rel=1e-4)


def test_a_network_that_ignores_its_input_is_the_worst() -> None:
    ignoring = nn.Sequential(nn.Flatten(), nn.Linear(108, 3), Called(lambda x: x * 0.0)).double()
    found = jacov(probe_of(ignoring, images()))
    v = np.array([6.0, *[0.0] * 5])  # the eigenvalues of a matrix of ones
    assert found == pytest.approx(-np.sum(np.log(v + 1e-5) + 1 / (v + 1e-5)))


def test_epe_nas_is_taken_within_classes() -> None:
    network, x = convolutional(), images()
    probe = probe_of(network, x)
    labels, rows, expected = probe.labels.numpy(), rows_of_jacobian(network, x), 0.0
    for label in set(labels.tolist()):
        C = np.atleast_2d(np.corrcoef(rows[labels == label]))
        expected += abs(np.log(np.abs(C) + 1e-5).sum())
    assert epe_nas(probe) == pytest.approx(expected)


def test_weights_are_scored_by_the_slopes_of_the_loss() -> None:
    network, batch = convolutional(), Batch(Example.of(images()))
    expected = slopes(network, batch)
    weights = [w.detach().numpy() for w in network.parameters() if w.dim() > 1]
    probe = Probe(network, batch)
    saliencies = sum(np.abs(w * g).sum() for w, g in zip(weights, expected, strict=True))
    assert snip(probe) == pytest.approx(saliencies, rel=1e-5)
    assert grad_norm(probe) == pytest.approx(sum(map(np.linalg.norm, expected)), rel=1e-5)


def test_zico_compares_the_slopes_of_both_halves() -> None:
    network, batch = convolutional(), Batch(Example.of(images(8)))
    halves = [slopes(network, half) for half in batch.halves()]
    expected = 0.0
    for g in map(np.stack, zip(*halves, strict=True)):
        deviation = g.std(axis=0)
        expected += math.log(np.sum(np.abs(g).mean(axis=0) / deviation))
    assert zico(Probe(network, batch)) == pytest.approx(expected, rel=1e-4)


def test_fisher_is_that_of_the_outputs_of_layers() -> None:
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 4, 3).double(), nn.Linear(4, 3).double()
    network = nn.Sequential(first, nn.ReLU(inplace=True), nn.AdaptiveAvgPool2d(1))
    network = nn.Sequential(*network, nn.Flatten(), last)
    batch = Batch(Example.of(images()))
    a = first(batch.example.first).detach().requires_grad_()
    z = last(a.relu().mean(dim=(2, 3)))
    slope_a, slope_z = torch.autograd.grad(batch.loss(z), [a, z])
    expected = (a * slope_a).sum(dim=(2, 3)).square().mean(0).sum() / 2
    expected = expected + (z * slope_z).square().mean(0).sum() / 2
    assert fisher(Probe(network, batch)) == pytest.approx(float(expected.detach()))


def test_without_targets_labels_are_random_and_other_outputs_meet_normal_numbers() -> None:
    batch = Batch(Example.of(torch.zeros(5, 2)), seed=3)
    logits, maps = torch.randn(5, 4), torch.randn(5, 1, 3, 3)
    generator = torch.Generator().manual_seed(3)
    labels = torch.randint(4, (5,), generator=generator)
    assert torch.equal(batch.loss(logits), cross_entropy(logits, labels))
    normal = torch.randn(maps.shape, generator=torch.Generator().manual_seed(3))
    assert torch.equal(batch.loss({"other": 3, "maps": maps}), mse_loss(maps, normal))


def test_next_tokens_are_classified_at_each_position() -> None:
    batch = Batch(Example.of(torch.zeros(2, 6, dtype=torch.int64)))
    logits = torch.randn(2, 6, 9)
    labels = batch.drawn_labels(logits)
    assert labels.shape == (2, 6)
    expected = cross_entropy(logits.movedim(-1, 1), labels)
    assert torch.allclose(batch.loss((logits,)), expected)


@pytest.mark.parametrize("name", ["jacov", "epe_nas", "grad_norm", "snip", "fisher", "zico"])
def test_a_network_without_derivatives_is_refused(name: str) -> None:
    class Detached(nn.Sequential):
        def forward(self, x: Tensor) -> Tensor:
            with torch.no_grad():
                found: Tensor = super().forward(x)
            return found

    network = Detached(*convolutional())
    with pytest.raises(NoScore, match=r"expected a network whose outputs can be differentiated"):
        SCORES[name](probe_of(network, images()))
    for gradient_free in ("naswot", "meco", "swap", "l2_norm"):
        expected = SCORES[gradient_free](probe_of(convolutional(), images()))
        assert SCORES[gradient_free](probe_of(network, images())) == pytest.approx(expected)
