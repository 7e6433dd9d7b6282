"""The networks of BANANAS, against autograd."""

from __future__ import annotations

import numpy as np
import torch

from bonas.benchmarks.baselines import bananas_ensemble as networks


def test_the_networks_gradient_is_that_of_autograd() -> None:
    generator = torch.Generator().manual_seed(0)
    theta = networks._initial_weights(4, generator).requires_grad_()
    X, t = torch.rand(5, 7, 4, generator=generator), 0.5 + torch.rand(5, 7, 1, generator=generator)
    with torch.enable_grad():
        output = networks.forward(networks._layers(theta, 4), X)[-1]
        (output / t - 1.0).abs().mean((1, 2)).sum().backward()  # type: ignore[no-untyped-call]  # torch's
    with torch.no_grad():
        written = torch.zeros_like(theta)
        layers = networks._layers(theta, 4)
        networks.backward(layers, networks.forward(layers, X), t, networks._layers(written, 4))
    torch.testing.assert_close(written, theta.grad)


def test_the_networks_learn_and_disagree() -> None:
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.integers(0, 2, (160, 8))).float()
    t = 0.5 + X[:, 0] + 0.5 * X[:, 1] * X[:, 2]
    found = networks.fit_predict(X[:120], t[:120], X[120:], seed=0)
    assert found.shape == (5, 40)
    assert float((found.mean(0) - t[120:]).abs().mean()) < 0.15
    assert float(found.std(0).min()) > 0.0
    assert torch.equal(found, networks.fit_predict(X[:120], t[:120], X[120:], seed=0))
