"""The dominant eigenvalue of the Hessian of the validation loss with respect to the logits.

    H = d2L_val(w, a) / da2,    H v by differentiating (dL_val / da) . v

Lanczos: with an orthonormal basis ``Q`` of ``b, H b, H^2 b, ...``, of which only products with
``H`` are needed, ``T = Q' H Q`` is tridiagonal, and its largest eigenvalue tends to that of ``H``;
after as many steps as there are logits they are equal.

Sharp optima of the logits go with poor architectures: the mode lies far from where the loss was
low. The eigenvalue rises before the collapse.

Sources: Zela, Elsken, Saikia, Marrakchi, Brox and Hutter (2020), "Understanding and robustifying
differentiable architecture search", ICLR; Golub and Van Loan (2013), "Matrix computations",
section 10.1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bonas.gradient_search.mixture.bilevel import Loss

Product = Callable[[Tensor], Tensor]
"""The product of a symmetric matrix with a vector of ``d`` numbers."""

_STEPS = 20
_TINY = 1e-7  # of the largest entry of T: a smaller remainder is rounding


def hessian_product(loss: Loss, of: Sequence[Tensor]) -> tuple[Product, int]:
    """Return the product of the Hessian of a loss with a vector, and the vector's length.

    The loss is computed once; each product is one more pass back.
    """
    first = torch.autograd.grad(loss(), list(of), create_graph=True, materialize_grads=True)
    gradient = torch.cat([each.reshape(-1) for each in first])

    def product(v: Tensor) -> Tensor:
        """Return ``H v``."""
        found = torch.autograd.grad(
            gradient, list(of), v, retain_graph=True, allow_unused=True, materialize_grads=True
        )
        return torch.cat([each.reshape(-1) for each in found]).detach()

    return product, len(gradient)


def dominant_eigenvalue(
    loss: Loss, of: Sequence[Tensor], *, generator: torch.Generator, steps: int = _STEPS
) -> float:
    """Return the largest eigenvalue of the Hessian of a loss.

    Args:
        loss: Twice differentiable in ``of``.
        of: Leaf tensors.
        generator: Draws the first vector, on the CPU.
        steps: Products with the Hessian, at most.
    """
    product, d = hessian_product(loss, of)
    like = of[0]
    first = torch.randn(d, generator=generator, dtype=torch.float64)
    return largest_eigenvalue(lambda v: product(v.to(like)).cpu().double(), first, steps)


def largest_eigenvalue(product: Product, first: Tensor, steps: int = _STEPS) -> float:
    """Return the largest eigenvalue of a symmetric matrix by Lanczos' method.

    The basis is orthogonalised in full: it is small, and without that rounding repeats eigenvalues.

    Args:
        product: Multiplies a vector with the ``d x d`` matrix.
        first: ``d`` numbers, float64; not orthogonal to the eigenvector.
        steps: Products at most; ``d`` are exact.
    """
    basis = [first / first.norm()]
    diagonal, beside = list[float](), list[float]()
    for _ in range(min(steps, len(first))):
        q = basis[-1]
        image = product(q)
        diagonal.append(float(q @ image))
        Q = torch.stack(basis)
        for _ in range(2):  # twice is enough
            image = image - Q.T @ (Q @ image)
        beside.append(float(image.norm()))
        if beside[-1] <= _TINY * max(map(abs, (*diagonal, *beside[:-1])), default=0.0):
            break
        basis.append(image / beside[-1])
    T = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
    for offset, x in enumerate(beside[: len(diagonal) - 1]):
        T[offset, offset + 1] = T[offset + 1, offset] = x
    return float(torch.linalg.eigvalsh(T)[-1])
