from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torch.func import grad

from bonas.gradient_search.mixture.bilevel import first_order, moved, second_order


class Tiny:
    """A mixture of tanh, sine and none, of two weights each, on random rows; float64."""

    def __init__(self) -> None:
        drawn = torch.Generator().manual_seed(0)

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=drawn, dtype=torch.float64)

        self.weights = [draw(4, 5).requires_grad_(), draw(5, 1).requires_grad_()]
        self.logits = [draw(3).requires_grad_(), draw(2).requires_grad_()]
        self.train, self.validation = (draw(20, 4), draw(20, 1)), (draw(20, 4), draw(20, 1))

    def loss(
        self, rows: tuple[Tensor, Tensor], weights: Sequence[Tensor], logits: Sequence[Tensor]
    ) -> Tensor:
        p, q = (each.softmax(0) for each in logits)
        hidden = rows[0] @ weights[0]
        mixed = p[0] * hidden.tanh() + p[1] * hidden.sin()
        output = q[0] * mixed @ weights[1] + q[1] * mixed.square().sum(1, keepdim=True)
        return (output - rows[1]).square().mean()

    def train_loss(self) -> Tensor:
        return self.loss(self.train, self.weights, self.logits)

    def validation_loss(self) -> Tensor:
        return self.loss(self.validation, self.weights, self.logits)

    def exact(self, xi: float) -> list[Tensor]:
        """Differentiate through one step of the weights."""

        def unrolled(logits: list[Tensor]) -> Tensor:
            step = grad(lambda weights: self.loss(self.train, weights, logits))(self.weights)
            moved = [w - xi * g for w, g in zip(self.weights, step, strict=True)]
            return self.loss(self.validation, moved, logits)

        return grad(unrolled)(self.logits)


@pytest.mark.parametrize("xi", [0.01, 0.1])
def test_the_second_order_is_the_gradient_through_one_step(xi: float) -> None:
    tiny = Tiny()
    found = second_order(tiny.train_loss, tiny.validation_loss, tiny.weights, tiny.logits, xi)
    first = first_order(tiny.validation_loss, tiny.logits)
    for own, exact, without in zip(found, tiny.exact(xi), first, strict=True):
        # the error of the difference is of the order of eps squared, some 1e-5 of the product
        torch.testing.assert_close(own, exact, rtol=1e-4, atol=1e-5 * xi)
        assert not torch.allclose(own, without, rtol=1e-3)


def test_the_first_order_is_the_second_of_no_step() -> None:
    tiny = Tiny()
    for own, exact in zip(
        first_order(tiny.validation_loss, tiny.logits), tiny.exact(0.0), strict=True
    ):
        torch.testing.assert_close(own, exact)


def test_weights_are_bit_for_bit_what_they_were() -> None:
    tiny = Tiny()
    before = [w.detach().clone() for w in tiny.weights]
    second_order(tiny.train_loss, tiny.validation_loss, tiny.weights, tiny.logits, 0.1)
    assert all(map(torch.equal, tiny.weights, before))
    with moved(tiny.weights, before, 1.0):
        assert not torch.equal(tiny.weights[0], before[0])
    assert all(map(torch.equal, tiny.weights, before))


def test_a_loss_without_weights_has_the_direct_gradient_alone() -> None:
    logits, weights = [torch.zeros(2, requires_grad=True)], [torch.ones(3, requires_grad=True)]

    def loss() -> Tensor:
        return logits[0].softmax(0)[0]

    (found,) = second_order(loss, loss, weights, logits, 0.1)
    torch.testing.assert_close(found, torch.tensor([0.25, -0.25]))
