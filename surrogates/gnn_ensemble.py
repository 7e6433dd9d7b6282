"""An ensemble of graph networks with Bayesian last layers.

Each of ``k`` members has its own message-passing network (``encoders/gnn.py``), which gives the
embedding e(x) of an architecture, and its own hidden layer h(x) = silu(A e(x) + b), trained on the
measured values (``hidden_layer.py``). The last layer is Bayesian linear regression on
phi(x) = [1, e(x), h(x)] (``bayesian_last_layer.py``).

The hidden layer is trained to predict the values and to order them, which is what a search asks of
it. The posterior of one member is a joint Gaussian, that of the ensemble an equal mixture of them.
Member c trains without fold c of the data; its errors there show by how much its variances are too
small (they are scaled up accordingly) and how well the ensemble predicts. Then the last layer is
conditioned on all data.

Sources: Lakshminarayanan et al. (2017), "Simple and scalable predictive uncertainty estimation
using deep ensembles", NeurIPS; Snoek et al. (2015), "Scalable Bayesian optimization using deep
neural networks", ICML (the Bayesian last layer).
"""

from __future__ import annotations

import math

import torch
from botorch.posteriors.posterior import Posterior
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates.bayesian_last_layer import BayesianLastLayer, fit_last_layer
from bonas.surrogates.hidden_layer import HiddenLayer, train_hidden_layer
from bonas.surrogates.mixture_posterior import MixturePosterior
from bonas.surrogates.model import SurrogateModel
from bonas.surrogates.surrogate import supports
from bonas.surrogates.training_data import TrainingData, standardise

_JITTER = 1e-6


@supports()
def fit_gnn_ensemble(
    train_X: Tensor,
    train_Y: Tensor,
    layout: Layout,
    seed: int = 0,
    *,
    members: int = 4,
    hidden: int = 32,
    steps: int = 50,
    ranking: float = 0.5,
) -> GNNEnsemble:
    """Train the hidden layers and condition the last layers of ``members`` graph networks.

    Args:
        train_X: ``n x d`` encodings with the block ``gnn``: the members' embeddings, concatenated.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Seed of the hidden layers.
        members: How many networks the block ``gnn`` holds.
        hidden: Width of the hidden layer.
        steps: Training steps of the hidden layer.
        ranking: Weight of the order of the values, relative to the values themselves.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: if the encoding has no block ``gnn`` or it does not divide by ``members``.
    """
    data = standardise(train_X, train_Y)
    n = len(data.z)
    # keep: members x n, 0 where a value is left out of a member's training
    fold = torch.arange(n) % members
    keep = (fold != torch.arange(members).unsqueeze(1)).to(torch.float64)
    inputs = _inputs(data.X, layout, members)
    generator = torch.Generator().manual_seed(seed)
    layer = train_hidden_layer(inputs, data.z, keep, hidden, steps, ranking, generator)
    features = layer.features(inputs)
    partial = fit_last_layer(features, data.z, keep)
    mean, variance = partial.marginals(features)  # members x n
    left_out = (fold, torch.arange(n))
    error = data.z.squeeze(-1) - mean[left_out]
    variance = variance[left_out] + partial.noise[fold]
    scale = max(1.0, float((error.square() / variance).mean()))
    log_density = _log_normal(error, scale * variance) - math.log(data.sd)
    last = fit_last_layer(features, data.z, torch.ones_like(keep))
    return GNNEnsemble(data, layout, layer, last, scale, log_density, seed)


class GNNEnsemble(SurrogateModel):
    """A fitted ensemble; ``fit_gnn_ensemble`` trains it.

    Args:
        data: ``n`` encodings and standardised values.
        layout: The blocks of the encoding.
        layer: The hidden layers.
        last: The last layers, conditioned on all data.
        scale: What their variances are multiplied by.
        log_density: ``n`` log densities, each of one value under the member trained without it.
        seed: Seed of the posterior's samples.
    """

    def __init__(
        self,
        data: TrainingData,
        layout: Layout,
        layer: HiddenLayer,
        last: BayesianLastLayer,
        scale: float,
        log_density: Tensor,
        seed: int,
    ) -> None:
        super().__init__()
        self.data, self.layout, self.layer, self.last = data, layout, layer, last
        self.scale, self.log_density, self.seed = scale, log_density, seed
        self.members = len(last.noise)

    def loo_log_density(self) -> Tensor:
        """Return ``n`` log densities, each of one value under the member trained without it."""
        return self.log_density

    def _joint_posterior(self, X: Tensor, noisy: bool) -> Posterior:
        X = X.to(self.data.X)
        q = X.shape[-2]
        inputs = _inputs(X.reshape(-1, X.shape[-1]), self.layout, self.members)
        means, roots = self.last.predict(self.layer.features(inputs))
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


def _inputs(X: Tensor, layout: Layout, members: int) -> Tensor:
    """Return ``members x n x width``: each member's embedding, then the other parameters."""
    embeddings = layout.columns(X, "gnn")
    if embeddings.shape[-1] % members:
        raise InvalidArgument(
            f"the block 'gnn' has {embeddings.shape[-1]} columns, which do not divide among "
            f"{members} members; give fit_gnn_ensemble as many members as the encoder has"
        )
    own = embeddings.reshape(len(X), members, -1).transpose(0, 1)
    others = [X[:, columns].expand(members, -1, -1) for columns in layout.parameters.values()]
    return torch.cat([own * math.sqrt(embeddings.shape[-1]), *others], dim=-1)


def _log_normal(error: Tensor, variance: Tensor) -> Tensor:
    return -0.5 * (error.square() / variance + variance.log() + math.log(2 * math.pi))
