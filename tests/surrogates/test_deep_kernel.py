"""The Gaussian process over embeddings."""

from __future__ import annotations

from bonas.surrogates import (
    Surrogate,
    fit_deep_kernel,
)
from bonas.testing import SurrogateContract


class TestDeepKernelGP(SurrogateContract):
    def surrogate(self) -> Surrogate:
        return fit_deep_kernel
