"""What the name of a surrogate stands for.

The search for a single objective takes rough kernels, that for several smooth ones over choices and
statistics (the embedding's is always rough): so each was faster on NAS-Bench-201, where both were
tried (``docs/benchmarks.md``). A likely reason is that near the best value small changes of a
network decide, and a rough kernel is less sure of what lies beside a measured one. A linear trend
over the statistics goes with it: it learns what costs would tell, where a space knows none, and is
as fast where it knows them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bonas.errors import InvalidArgument, unknown
from bonas.spaces import Space
from bonas.surrogates import (
    DeepKernelGP,
    GNNEnsemble,
    GraphGP,
    Mixture,
    RandomForest,
    Surrogate,
    WeisfeilerLehmanGP,
)


@dataclass(frozen=True)
class Named:
    """The surrogate of one objective, that of several (None: at random), and their encoders."""

    one: Surrogate | None
    several: Surrogate | None
    encoders: tuple[str, ...]

    def of(self, objectives: int) -> Surrogate | None:
        """The surrogate for that many objectives."""
        return self.one if objectives == 1 else self.several


_ROUGH = partial(GraphGP, shape="rough", trend=True)
_ROUGH_EMBEDDED = partial(GraphGP, shape="rough", embedding=True, trend=True)
_EMBEDDED = partial(GraphGP, embedding=True)
_SAME: dict[str, tuple[Surrogate | None, tuple[str, ...]]] = {
    "deep_kernel": (DeepKernelGP, ("gnn",)),
    "gnn": (GNNEnsemble, ("gnn",)),
    "wl": (WeisfeilerLehmanGP, ("wl0", "wl1", "wl2")),
    "forest": (RandomForest, ("one_hot", "paths", "statistics")),
    "random": (None, ("one_hot",)),
}

SURROGATES: dict[str, Named] = {
    "mixture": Named(
        partial(Mixture, members=(_ROUGH, _ROUGH_EMBEDDED)),
        Mixture,
        ("one_hot", "statistics", "gnn"),
    ),
    "gp": Named(_ROUGH, GraphGP, ("one_hot", "statistics")),
    "embedded_gp": Named(_ROUGH_EMBEDDED, _EMBEDDED, ("one_hot", "statistics", "gnn")),
    **{name: Named(made, made, encoders) for name, (made, encoders) in _SAME.items()},
}
"""A name -> the surrogates, and the encoders they read by default."""


def named(given: str | Surrogate, space: Space | None) -> Named:
    """What a surrogate's name stands for; a surrogate itself stands for itself.

    Raises:
        InvalidArgument: for an unknown name, one that needs a space where there is none, or an
            object that cannot be called.
    """
    if isinstance(given, str):
        if given not in SURROGATES:
            raise unknown("surrogate", given, SURROGATES)
        if space is None and given == "mixture":
            return Named(_ROUGH, GraphGP, ())  # without graphs there is nothing to embed
        if space is None and given in ("gnn", "embedded_gp", "deep_kernel", "wl"):
            raise InvalidArgument(f"surrogate {given!r} reads graphs; give a space, or choose 'gp'")
        return SURROGATES[given]
    if not callable(given):
        raise InvalidArgument(
            f"surrogate must be one of {', '.join(SURROGATES)} or a function of "
            f"(train_X, train_Y, layout, seed) that returns a fitted BoTorch model, got {given!r}"
        )
    return Named(given, given, ("one_hot", "paths", "statistics", "gnn"))
