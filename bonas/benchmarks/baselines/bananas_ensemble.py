"""Several small feed-forward networks, trained at once as one batch of matrices.

    h_0 = x,   h_l = relu(h_{l-1} W_l + b_l),   prediction = h_L W_{L+1} + b_{L+1}
    loss = mean |prediction / t - 1|   over positive targets t

Networks differ in their initial weights and in the order of the rows. The gradient is written out,
layer by layer, which takes half the time of autograd on matrices this small.

Source: White, Neiswanger and Savani (2021), "BANANAS: Bayesian optimization with neural
architectures for neural architecture search", AAAI: five networks of 10 layers with 20 units; Adam
with learning rate 0.01, 150 epochs and batches of 32 as in the authors' release.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_MEMBERS = 5
_LAYERS = 10
_WIDTH = 20
_EPOCHS = 150
_BATCH = 32
_RATE = 1e-2


def fit_predict(X: Tensor, t: Tensor, Z: Tensor, seed: int) -> Tensor:
    """Train on ``X`` (``n x d``) with targets ``t`` (``n``, positive), predict at ``Z``.

    Returns ``members x k`` predictions.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        theta = _initial_weights(X.shape[1], generator)
        theta.grad = torch.zeros_like(theta)
        layers, gradients = _layers(theta, X.shape[1]), _layers(theta.grad, X.shape[1])
        t = t.to(X).unsqueeze(-1)
        optimizer = torch.optim.Adam([theta], lr=_RATE, fused=True)
        for _ in range(_EPOCHS):
            order = torch.rand(_MEMBERS, len(X), generator=generator).argsort(1)
            for rows in torch.split(order, _BATCH, dim=1):
                backward(layers, forward(layers, X[rows]), t[rows], gradients)
                optimizer.step()
        return forward(layers, Z.expand(_MEMBERS, -1, -1))[-1].squeeze(-1)


Layers = list[tuple[Tensor, Tensor]]
"""Weights ``members x in x out`` and biases ``members x 1 x out``, from the first layer on."""


def forward(layers: Layers, X: Tensor) -> list[Tensor]:
    """Return the inputs ``members x n x d``, all hidden states, and the predictions."""
    states = [X]
    for weight, bias in layers[:-1]:
        states.append(torch.baddbmm(bias, states[-1], weight).relu_())
    weight, bias = layers[-1]
    return [*states, torch.baddbmm(bias, states[-1], weight)]


def backward(layers: Layers, states: list[Tensor], t: Tensor, gradients: Layers) -> None:
    """Write the gradient of the members' summed losses into ``gradients``."""
    delta = torch.sign(states[-1] / t - 1.0) / (t * t.shape[1])
    for i in reversed(range(len(layers))):
        by_weight, by_bias = gradients[i]
        torch.bmm(states[i].mT, delta, out=by_weight)
        torch.sum(delta, dim=1, keepdim=True, out=by_bias)
        if i:
            delta = torch.bmm(delta, layers[i][0].mT).mul_(states[i] > 0)


def _layers(flat: Tensor, d: int) -> Layers:
    """View one long vector as layers."""
    layers, start = [], 0
    for fan_in, fan_out in _shapes(d):
        middle = start + _MEMBERS * fan_in * fan_out
        stop = middle + _MEMBERS * fan_out
        weight = flat[start:middle].view(_MEMBERS, fan_in, fan_out)
        layers.append((weight, flat[middle:stop].view(_MEMBERS, 1, fan_out)))
        start = stop
    return layers


def _initial_weights(d: int, generator: torch.Generator) -> Tensor:
    """Draw Glorot's uniform weights; biases are 0."""
    theta = torch.zeros(_MEMBERS * sum((a + 1) * b for a, b in _shapes(d)))
    for weight, _ in _layers(theta, d):
        limit = math.sqrt(6.0 / (weight.shape[1] + weight.shape[2]))
        weight.uniform_(-limit, limit, generator=generator)
    return theta


def _shapes(d: int) -> list[tuple[int, int]]:
    """Return the inputs and outputs of each layer."""
    return [(d, _WIDTH), *[(_WIDTH, _WIDTH)] * (_LAYERS - 1), (_WIDTH, 1)]
