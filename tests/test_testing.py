"""Facts about the contracts: each finds what breaks it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
import torch
from botorch.models.model import Model
from torch import Tensor

from bonas.encoders import Encoder, Layout
from bonas.spaces import Architecture, Space
from bonas.studies import SURROGATES
from bonas.surrogates import Surrogate, fit
from bonas.testing import EncoderContract, SurrogateContract


class Sizes:
    """The number of nodes of an architecture, as a test of encoders needs it."""

    name = "sizes"
    width = 1
    scaling = "none"

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ``n x 1`` numbers of nodes."""
        sizes = [float(len(a.graph.labels)) for a in architectures]
        return torch.tensor(sizes, dtype=torch.float64).reshape(-1, 1)


class Single(Sizes):
    """An encoder that forgets to be of double precision."""

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return float32."""
        return super().encode(architectures).float()


class Wide(Sizes):
    """An encoder that does not keep its word about its width."""

    width = 2


class Endless(Sizes):
    """An encoder with a number that is none."""

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return infinity for all."""
        return super().encode(architectures) / 0.0


class Relative(Sizes):
    """An encoder that compares the architectures of a batch."""

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return ranks."""
        return torch.arange(len(architectures), dtype=torch.float64).reshape(-1, 1)


class Moody(Sizes):
    """An encoder that is another one each time it is made."""

    made = 0

    def __init__(self) -> None:
        Moody.made += 1
        self.number = Moody.made

    def encode(self, architectures: Sequence[Architecture]) -> Tensor:
        """Return sizes times a number of its own."""
        return super().encode(architectures) * self.number


def contract(make: Callable[[], object]) -> EncoderContract:
    """Return the contract for such encoders."""

    class Contract(EncoderContract):
        def encoder(self, space: Space) -> Encoder:
            return make()  # type: ignore[return-value]  # it breaks the contract on purpose

    return Contract()


CLAUSES = [
    "test_the_shape_is_n_by_width",
    "test_a_row_depends_on_its_own_architecture_only",
    "test_made_again_it_encodes_the_same",
]


@pytest.mark.parametrize("clause", CLAUSES)
def test_an_honest_encoder_passes(clause: str) -> None:
    getattr(contract(Sizes), clause)()


@pytest.mark.parametrize(
    ("make", "clause"),
    [
        (Single, CLAUSES[0]),
        (Wide, CLAUSES[0]),
        (Endless, CLAUSES[0]),
        (Relative, CLAUSES[1]),
        (Moody, CLAUSES[2]),
    ],
)
def test_each_clause_finds_who_breaks_it(make: Callable[[], object], clause: str) -> None:
    with pytest.raises(AssertionError):
        getattr(contract(make), clause)()


def test_a_contract_without_a_part_says_what_to_override() -> None:
    with pytest.raises(NotImplementedError):
        EncoderContract().test_the_shape_is_n_by_width()


GP = SURROGATES["gp"].one


def careless(X: Tensor, Y: Tensor, layout: Layout, seed: int) -> Model:
    """Fit what is not finite as 0."""
    assert GP is not None
    return fit(GP, X, Y.nan_to_num(), layout, seed)


def deaf(X: Tensor, Y: Tensor, layout: Layout, seed: int) -> Model:
    """Fit the values of other architectures."""
    assert GP is not None
    return fit(GP, X, Y.flip(0), layout, seed)


def moody(X: Tensor, Y: Tensor, layout: Layout, seed: int) -> Model:
    """Fit other noise each time."""
    assert GP is not None
    return fit(GP, X, Y + torch.randn(Y.shape), layout, seed)


def metric(X: Tensor, Y: Tensor, layout: Layout, seed: int) -> Model:
    """Fit values in a unit of its own."""
    assert GP is not None
    return fit(GP, X, Y.clamp(max=100.0), layout, seed)


@pytest.mark.parametrize(
    ("surrogate", "clause"),
    [
        (careless, "test_values_that_are_not_finite_are_refused"),
        (deaf, "test_it_learns"),
        (moody, "test_the_same_seed_gives_the_same_model"),
        (metric, "test_units_do_not_matter"),
    ],
)
def test_each_clause_finds_the_surrogate_that_breaks_it(surrogate: Surrogate, clause: str) -> None:
    class Contract(SurrogateContract):
        def surrogate(self) -> Surrogate:
            return surrogate

    with pytest.raises(AssertionError):
        getattr(Contract(), clause)()
