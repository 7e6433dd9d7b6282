"""A Gaussian process on the embeddings of pre-trained graph networks: a deep kernel.

    k(x, x') = s exp(-|e(x) - e(x')| / l)

with e(x) the concatenated embeddings of several graph networks (``encoders/gnn.py``). The networks
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
from bonas.surrogates.graph_gp_fit import fit_graph_gp
from bonas.surrogates.kernel import Term
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.surrogate import supports


@supports(known_noise=True, prior_mean=True, deterministic=True, lower_fidelity=True)
def fit_deep_kernel(
    train_X: Tensor,
    train_Y: Tensor,
    layout: Layout,
    *,
    train_Yvar: Tensor | None = None,
    lower: LowerFidelity | None = None,
    terms: Sequence[Term] | None = None,
) -> GraphGP:
    """Fit a Gaussian process over the block ``gnn``.

    Args:
        train_X: ``n x d`` encodings with the block ``gnn``.
        train_Y: ``n x 1`` values, in any unit; the posterior is in the same.
        layout: The blocks of the encoding.
        train_Yvar: ``n x 1`` variances of the values where they are known, else NaN.
        lower: Values at lower fidelities, as in ``fit_graph_gp``.
        terms: (block, shape) pairs; by default matern12 over ``gnn``, and linear over a block
            ``prior``.

    Raises:
        FitFailed: if there is no value, or one is not finite.
        InvalidArgument: if the encoding has no block ``gnn``.
    """
    if terms is None:
        prior = [(PRIOR, "linear")] if PRIOR in layout.architecture else []
        terms = [("gnn", "matern12"), *prior]
    return fit_graph_gp(train_X, train_Y, layout, train_Yvar=train_Yvar, lower=lower, terms=terms)
