"""A Gaussian process on the embeddings of pre-trained graph networks: a deep kernel.

    k(x, x') = s exp(-|e(x) - e(x')| / l)

with e(x) the embeddings of several graph networks, side by side (``encoders/gnn.py``). The networks
learn what architectures are made of before anything is measured; the process learns from the
measurements how that bears on the value, and how sure one can be.

Source: Wilson, Hu, Salakhutdinov and Xing (2016), "Deep kernel learning", AISTATS; here the network
is trained first and then kept, since thirty values cannot train one.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from bonas.encoders.layout import PRIOR, Layout
from bonas.surrogates.graph_gp import GraphGP
from bonas.surrogates.kernel import Term


class DeepKernelGP(GraphGP):
    """A Gaussian process over the block ``gnn``; fitted when constructed, unchanged afterwards.

    Args:
        train_X: ``n x d`` encodings with the block ``gnn``.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        seed: Not used: the fit is deterministic.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN.
        terms: (block, shape) pairs; by default a rough one, and a linear one of a block ``prior``.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: if the encoding has no block ``gnn``.
    """

    def __init__(
        self,
        train_X: Tensor,
        train_Y: Tensor,
        layout: Layout,
        seed: int = 0,
        *,
        train_Yvar: Tensor | None = None,
        terms: Sequence[Term] | None = None,
    ) -> None:
        if terms is None:
            known = [(PRIOR, "linear")] if PRIOR in layout.architecture else []
            terms = [("gnn", "rough"), *known]
        super().__init__(train_X, train_Y, layout, seed, train_Yvar=train_Yvar, terms=terms)
