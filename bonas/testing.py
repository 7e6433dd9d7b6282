"""Contracts: what every encoder and every surrogate must hold, as test classes to subclass.

Give your own part by overriding one method, and pytest runs the contract:

    class TestMine(SurrogateContract):
        def surrogate(self) -> Surrogate:
            return MySurrogate
"""

from __future__ import annotations

import math

import numpy as np
import torch
from botorch.models.model import Model
from botorch.sampling.get_sampler import get_sampler
from torch import Tensor

from bonas.encoders import Blocks, Encoder, Layout
from bonas.errors import FitFailed
from bonas.spaces import Architecture, CellSpace, Space
from bonas.surrogates import Surrogate, fit


class EncoderContract:
    """Override ``encoder``; ``space`` too, to try it on other spaces."""

    def space(self) -> Space:
        """The space whose architectures are encoded."""
        return CellSpace(nodes=3)

    def encoder(self, space: Space) -> Encoder:
        """The encoder under test."""
        raise NotImplementedError

    def test_the_shape_is_n_by_width(self) -> None:
        """Of no, one and several architectures; float64 and finite."""
        space = self.space()
        encoder = self.encoder(space)
        some = list(space.reference[:7])
        for n in (0, 1, len(some)):
            X = encoder.encode(some[:n])
            assert X.shape == (n, encoder.width)
            assert X.dtype == torch.float64
            assert bool(X.isfinite().all())

    def test_a_row_depends_on_its_own_architecture_only(self) -> None:
        """One by one or all together, in any order."""
        space = self.space()
        encoder = self.encoder(space)
        some = list(space.reference[:9])
        together = encoder.encode(some)
        alone = torch.cat([encoder.encode([architecture]) for architecture in some])
        torch.testing.assert_close(together, alone, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(
            encoder.encode(some[::-1]), together.flip(0), rtol=1e-5, atol=1e-5
        )

    def test_made_again_it_encodes_the_same(self) -> None:
        """Encodings must not change between two processes of one search."""
        space = self.space()
        some = list(space.reference[:5])
        first, second = self.encoder(space).encode(some), self.encoder(space).encode(some)
        assert torch.equal(first, second)


class SurrogateContract:
    """Override ``surrogate``; the data are cells of a small space with made-up values."""

    def surrogate(self) -> Surrogate:
        """The surrogate under test."""
        raise NotImplementedError

    def data(self, n: int = 24, seed: int = 0) -> tuple[Tensor, Tensor, Layout]:
        """``n`` encoded architectures, and values that follow from the encoding, with noise."""
        rng = np.random.default_rng(seed)
        X, layout = _encoded_cells()
        rows = torch.from_numpy(rng.permutation(len(X))[:n])
        weights = torch.from_numpy(np.random.default_rng(1).standard_normal((X.shape[1], 1)))
        noise = torch.from_numpy(rng.standard_normal((n, 1)))
        return X[rows], 50.0 + 5.0 * (X[rows] @ weights) + 0.1 * noise, layout

    def fitted(self, n: int = 24, seed: int = 0) -> tuple[Model, Tensor, Tensor]:
        """A fitted model, and ``X``, ``Y`` that it has not seen."""
        X, Y, layout = self.data(n + 20, seed)
        return fit(self.surrogate(), X[:n], Y[:n], layout, seed), X[n:], Y[n:]

    def test_the_posterior_has_botorch_shapes(self) -> None:
        """``batch x q x d`` in; mean and variance ``batch x q x 1`` out."""
        model, X, _ = self.fitted()
        assert model.num_outputs == 1
        for shape in ((5,), (4, 1), (2, 3), (2, 2, 3)):
            points = X[: math.prod(shape)].reshape(*shape, -1)
            posterior = model.posterior(points)
            assert posterior.mean.shape == (*shape, 1)  # type: ignore[attr-defined]  # all have it
            assert posterior.variance.shape == (*shape, 1)  # type: ignore[attr-defined]  # all have it
            assert posterior.rsample(torch.Size([3])).shape == (3, *shape, 1)

    def test_variances_are_positive_and_grow_with_noise(self) -> None:
        """A belief without noise is never vaguer than one with."""
        model, X, _ = self.fitted()
        without = model.posterior(X).variance  # type: ignore[attr-defined]  # all have it
        noisy = model.posterior(X, observation_noise=True).variance  # type: ignore[attr-defined]  # all have it
        assert bool((without > 0).all())
        assert bool((noisy >= without).all())

    def test_a_batch_is_the_same_as_its_parts(self) -> None:
        """Marginals asked one by one are those of the joint belief."""
        model, X, _ = self.fitted()
        joint, apart = model.posterior(X), model.posterior(X.unsqueeze(1))
        for name in ("mean", "variance"):
            expected = getattr(joint, name).reshape(-1)
            torch.testing.assert_close(
                getattr(apart, name).reshape(-1), expected, rtol=1e-4, atol=1e-5
            )

    def test_samples_have_the_moments_of_the_posterior(self) -> None:
        """Within five standard errors, mean and variance at every point."""
        model, X, _ = self.fitted()
        posterior = model.posterior(X[:6])
        s = 4_096
        samples = get_sampler(posterior, torch.Size([s]), seed=0)(posterior)  # type: ignore[arg-type]  # wider
        mean, variance = posterior.mean, posterior.variance  # type: ignore[attr-defined]  # all have it
        error = (samples.mean(0) - mean).abs() / (variance / s).sqrt()
        assert float(error.max()) < 5.0
        centred = (samples - mean).square()
        spread = centred.std(0) / math.sqrt(s)
        assert bool(((centred.mean(0) - variance).abs() < 5 * spread).all())

    def test_equal_points_have_equal_samples(self) -> None:
        """The belief is joint: the same architecture twice is one unknown, not two."""
        model, X, _ = self.fitted()
        posterior = model.posterior(X[[0, 1, 0]])
        samples = get_sampler(posterior, torch.Size([64]), seed=0)(posterior)  # type: ignore[arg-type]  # wider
        sd = posterior.variance.sqrt().max()  # type: ignore[attr-defined]  # all have it
        assert float((samples[:, 0] - samples[:, 2]).abs().max()) < 0.05 * float(sd) + 1e-2

    def test_units_do_not_matter(self) -> None:
        """Values in other units give the same belief in those units."""
        X, Y, layout = self.data()
        one = fit(self.surrogate(), X[:20], Y[:20], layout, 0).posterior(X[20:])
        other = fit(self.surrogate(), X[:20], 1e3 * Y[:20] - 7.0, layout, 0).posterior(X[20:])
        mean, variance = one.mean, one.variance  # type: ignore[attr-defined]  # all have it
        torch.testing.assert_close(other.mean, 1e3 * mean - 7.0, rtol=1e-3, atol=1e-2)  # type: ignore[attr-defined]  # all have it
        torch.testing.assert_close(other.variance, 1e6 * variance, rtol=1e-2, atol=1e-2)  # type: ignore[attr-defined]  # all have it

    def test_it_learns(self) -> None:
        """On unseen architectures its errors are smaller than those of the mean of the values."""
        model, X, Y = self.fitted(n=40)
        mean = model.posterior(X).mean  # type: ignore[attr-defined]  # all have it
        assert float((mean - Y).square().mean()) < 0.5 * float(Y.var())

    def test_the_same_seed_gives_the_same_model(self) -> None:
        """Two processes that read one study must believe the same."""
        (one, X, _), (other, _, _) = self.fitted(), self.fitted()
        assert torch.equal(one.posterior(X).mean, other.posterior(X).mean)  # type: ignore[attr-defined]  # all have it

    def test_few_or_constant_values_are_no_trouble(self) -> None:
        """One value, or equal ones, give a finite belief around them."""
        X, Y, layout = self.data()
        for n, values in ((1, Y[:1]), (2, Y[:2]), (8, torch.full((8, 1), 3.0))):
            posterior = fit(self.surrogate(), X[:n], values, layout, 0).posterior(X)
            mean, variance = posterior.mean, posterior.variance  # type: ignore[attr-defined]  # all have it
            assert bool(mean.isfinite().all())
            assert bool(variance.isfinite().all())
            assert bool((variance > 0).all())

    def test_values_that_are_not_finite_are_refused(self) -> None:
        """A failed trial must not slip into the training data."""
        X, Y, layout = self.data(5)
        Y[2] = torch.nan
        refused = False
        try:
            fit(self.surrogate(), X, Y, layout, 0)
        except FitFailed:
            refused = True
        assert refused


_CELLS: list[tuple[Tensor, Layout]] = []


def _encoded_cells() -> tuple[Tensor, Layout]:
    """All cells of a small space, encoded once."""
    if not _CELLS:
        space = CellSpace(nodes=4, operations=("none", "skip_connect", "nor_conv_3x3"))
        blocks = Blocks(space, ["one_hot", "paths", "statistics", "gnn"])
        assert space.members is not None
        architectures: list[Architecture] = list(space.members)
        _CELLS.append((blocks.encode(architectures), Layout(blocks.slices, {})))
    return _CELLS[0]
