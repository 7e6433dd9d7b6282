"""An ensemble of graph networks with Bayesian last layers.

Each of ``k`` members has its own message-passing network (``encoders/gnn.py``), which gives the
embedding e(x) of an architecture, and its own hidden layer h(x) = silu(A e(x) + b), trained on the
measured values. The last layer is Bayesian linear regression on phi(x) = [1, e(x), h(x)]:

    z = phi(x).w + noise,   w ~ N(0, sigma^2 / lambda I),   noise ~ N(0, sigma^2)
    S = (Phi^T Phi + lambda I)^-1,   m = S Phi^T z,   f(x) ~ N(phi.m, sigma^2 phi S phi^T)

with lambda of the largest evidence. The hidden layer is trained to predict the values and to order
them: beside the squared error it is charged log(1 + exp(-difference)) for pairs of values, which is
what a search asks of it. A member's belief is a joint Gaussian, the ensemble's an equal
mixture of them. Member c trains without fold c of the data; its errors there say how much too small
its variances are (they are scaled up accordingly) and how well the ensemble predicts. Then the last
layer is conditioned on all data.

Sources: Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation
using deep ensembles", NeurIPS; Snoek et al. (2015), "Scalable Bayesian optimization using deep
neural networks", ICML (the Bayesian last layer); Burges et al. (2005), "Learning to rank using
gradient descent", ICML (the loss over pairs).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.model import BeliefModel
from bonas.surrogates.training_data import Standardised, standardised

_LAMBDAS = torch.logspace(-4, 3, 29, dtype=torch.float64, device="cpu")
_PRIOR_COUNT = 2.0  # the noise variance is shrunk as if this many errors
_PRIOR_NOISE = 0.1  # of this variance had been seen
_JITTER = 1e-6


class GNNEnsemble(BeliefModel):
    """``members`` graph networks; fitted when constructed, unchanged afterwards.

    Args:
        train_X: ``n x d`` encodings with the block ``gnn``: the members' embeddings, side by side.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Of the hidden layers.
        members: How many networks the block ``gnn`` holds.
        hidden: Width of the hidden layer.
        steps: Training steps of the hidden layer.
        ranking: How much the order of the values counts beside the values themselves.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: if the encoding has no block ``gnn`` or it does not divide by ``members``.
    """

    def __init__(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        layout: Layout,
        seed: int = 0,
        *,
        members: int = 4,
        hidden: int = 32,
        steps: int = 50,
        ranking: float = 0.5,
    ) -> None:
        super().__init__()
        self.data: Standardised = standardised(train_X, train_Y)
        self.layout = layout
        self.members = members
        self.seed = seed
        n = len(self.data.z)
        # keep: members x n, 0 where a value is held out from a member's training
        fold = torch.arange(n) % members
        keep = (fold != torch.arange(members).unsqueeze(1)).to(torch.float64)
        inputs = self._inputs(self.data.X)
        generator = torch.Generator().manual_seed(seed)
        self.layer = _trained_layer(inputs, self.data.z, keep, hidden, steps, ranking, generator)
        features = self.layer.features(inputs)
        partial = _LastLayer.fitted(features, self.data.z, keep)
        mean, variance = partial.marginals(features)  # members x n
        held_out = (fold, torch.arange(n))
        error = self.data.z.squeeze(-1) - mean[held_out]
        variance = variance[held_out] + partial.noise[fold]
        self.scale = max(1.0, float((error.square() / variance).mean()))
        self._log_density = _log_normal(error, self.scale * variance) - math.log(self.data.sd)
        self.last = _LastLayer.fitted(features, self.data.z, torch.ones_like(keep))

    def _belief(self, X: Tensor, noisy: bool) -> Posterior:
        X = X.to(self.data.X)
        q = X.shape[-2]
        features = self.layer.features(self._inputs(X.reshape(-1, X.shape[-1])))
        means, roots = self.last.predict(features)
        shape = (self.members, *X.shape[:-1])
        roots = roots.reshape(*shape, -1)
        covariances = self.scale * roots @ roots.transpose(-1, -2)
        covariances = covariances + _JITTER * torch.eye(q, dtype=X.dtype)
        if noisy:
            noise = (self.scale * self.last.noise).reshape(-1, *(1,) * X.ndim)
            covariances = covariances + noise * torch.eye(q, dtype=X.dtype)
        weights = torch.full((self.members,), 1 / self.members, dtype=X.dtype)
        return MixturePosterior(
            self.data.mean + self.data.sd * means.reshape(shape),
            self.data.sd**2 * covariances,
            weights,
            self.seed,
        )

    def held_out_log_density(self) -> Tensor:
        """``n`` log densities of each value under the member that was trained without it."""
        return self._log_density

    def _inputs(self, X: Tensor) -> Tensor:
        """``members x n x width``: each member's embedding, then parameters outside the space."""
        embeddings = self.layout.columns(X, "gnn")
        if embeddings.shape[-1] % self.members:
            raise InvalidArgument(
                f"the block 'gnn' has {embeddings.shape[-1]} columns, which do not divide among "
                f"{self.members} members; give GNNEnsemble as many members as the encoder has"
            )
        own = embeddings.reshape(len(X), self.members, -1).transpose(0, 1)
        others = [
            X[:, columns].expand(self.members, -1, -1)
            for columns in self.layout.parameters.values()
        ]
        return torch.cat([own * math.sqrt(embeddings.shape[-1]), *others], dim=-1)


@dataclass(frozen=True)
class _HiddenLayer:
    """``weight``: members x width x hidden, ``bias``: members x 1 x hidden."""

    weight: Tensor
    bias: Tensor

    def features(self, inputs: Tensor) -> Tensor:
        """phi = [1, e, h], ``members x n x (1 + width + hidden)``."""
        h = torch.nn.functional.silu(inputs @ self.weight + self.bias)
        ones = torch.ones_like(inputs[..., :1])
        return torch.cat([ones, inputs / math.sqrt(inputs.shape[-1]), h], dim=-1)


def _trained_layer(
    inputs: Tensor,
    z: Tensor,
    keep: Tensor,
    hidden: int,
    steps: int,
    ranking: float,
    generator: torch.Generator,
) -> _HiddenLayer:
    """Hidden layers that help a linear last layer to fit the values each member may see."""
    members, _, width = inputs.shape
    weight = _normal((members, width, hidden), generator) / math.sqrt(width)
    bias = _normal((members, 1, hidden), generator)
    out = torch.zeros(members, 1 + width + hidden, 1, dtype=torch.float64)
    parameters = [tensor.requires_grad_() for tensor in (weight, bias, out)]
    optimizer = torch.optim.AdamW(parameters, lr=1e-2, weight_decay=1e-2)
    share = (keep / keep.sum(1, keepdim=True).clamp_min(1.0)).unsqueeze(-1)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            prediction = _HiddenLayer(weight, bias).features(inputs) @ out
            loss = (share * (prediction - z).square()).sum()
            loss = loss + ranking * _disorder(prediction, z, keep, generator)
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
            optimizer.step()
    return _HiddenLayer(weight.detach(), bias.detach())


def _disorder(prediction: Tensor, z: Tensor, keep: Tensor, generator: torch.Generator) -> Tensor:
    """The ranking loss of ``members x n x 1`` predictions: the mean over random pairs, summed."""
    other = torch.randperm(len(z), generator=generator)
    order = torch.sign(z - z[other]).squeeze(-1)
    counts = keep * keep[:, other] * order.abs()
    difference = (prediction - prediction[:, other]).squeeze(-1) * order
    charged = counts * torch.nn.functional.softplus(-difference)
    return (charged.sum(1) / counts.sum(1).clamp_min(1.0)).sum()


def _normal(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, generator=generator)


@dataclass(frozen=True)
class _LastLayer:
    """Bayesian linear regression of each member.

    ``mean``: members x p x 1; ``root``: members x p x p with sigma^2 S = root root^T;
    ``noise``: sigma^2 of each member.
    """

    mean: Tensor
    root: Tensor
    noise: Tensor

    @classmethod
    def fitted(cls, features: Tensor, z: Tensor, keep: Tensor) -> _LastLayer:
        """Conditioned on the rows with ``keep`` 1, with the lambda of the largest evidence."""
        Phi = features * keep.unsqueeze(-1)
        target = z * keep.unsqueeze(-1)
        n = keep.sum(1)
        # Phi^T Phi = V diag(e) V^T;  c = V^T Phi^T z
        e, V = torch.linalg.eigh(Phi.transpose(1, 2) @ Phi)
        e = e.clamp_min(0.0)
        c = (V.transpose(1, 2) @ (Phi.transpose(1, 2) @ target)).squeeze(-1)
        # over lambda: what is left of z^T z, the noise, and the log evidence (members x lambdas)
        shrunk = e.unsqueeze(-1) + _LAMBDAS
        left = target.square().sum((1, 2)).unsqueeze(-1) - (c.square().unsqueeze(-1) / shrunk).sum(
            1
        )
        count = (n + _PRIOR_COUNT).unsqueeze(-1)
        noise = (left.clamp_min(0.0) + _PRIOR_COUNT * _PRIOR_NOISE) / count
        log_det = (shrunk / _LAMBDAS).log().sum(1)
        best = (-0.5 * count * noise.log() - 0.5 * log_det).argmax(1)
        member = torch.arange(len(e))
        sigma2 = noise[member, best]
        d = 1 / (e + _LAMBDAS[best].unsqueeze(-1))
        mean = V @ (d * c).unsqueeze(-1)
        root = V * (sigma2.unsqueeze(-1) * d).sqrt().unsqueeze(1)
        return cls(mean, root, sigma2)

    def predict(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Means ``members x n`` and roots ``members x n x p`` of the joint covariance."""
        return (features @ self.mean).squeeze(-1), features @ self.root

    def marginals(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Means and variances without noise, ``members x n`` each."""
        mean, root = self.predict(features)
        return mean, root.square().sum(-1)


def _log_normal(error: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (error.square() / variance + variance.log() + math.log(2 * math.pi))
