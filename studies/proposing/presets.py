"""Presets: what the name of a surrogate stands for.

The search for a single objective takes matern12 kernels, that for several rbf ones over choices and
statistics (the embedding's is always matern12): so each was faster on NAS-Bench-201, where both
were tried (``docs/benchmarks.md``). A likely reason is that near the best value small changes of a
network decide, and a matern12 kernel is less sure of the neighbours of a measured one. A linear
trend over the statistics goes with it: it learns what costs would say, where a space knows none,
and is as fast where it knows them.

Where networks have zero-cost scores, they are a further block of the encoding. ``WITH_SCORES`` has
the surrogates that read it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from bonas.errors import InvalidArgument, unknown
from bonas.spaces import Space
from bonas.surrogates import (
    Surrogate,
    fit_deep_kernel,
    fit_forest,
    fit_gnn_ensemble,
    fit_graph_gp,
    fit_mixture,
    fit_weisfeiler_lehman,
)
from bonas.surrogates.model import SurrogateModel
from bonas.surrogates.surrogate import capabilities_of


@dataclass(frozen=True)
class Preset:
    """The surrogate of one objective, that of several (None: at random), and their encoders.

    ``only_of_one`` are further encoders of a search for one objective, with scores of initialised
    networks.
    """

    one: Surrogate | None
    several: Surrogate | None
    encoders: tuple[str, ...]
    only_of_one: tuple[str, ...] = ()

    def for_objectives(self, objectives: int) -> Surrogate | None:
        """Return the surrogate for that many objectives."""
        return self.one if objectives == 1 else self.several

    @property
    def reads_prior_mean(self) -> bool:
        """Whether the surrogates declare that they read the transfer prior."""
        return all(
            each is not None and capabilities_of(each).prior_mean
            for each in (self.one, self.several)
        )


_MATERN = partial(fit_graph_gp, shape="matern12", trend=True)
_MATERN_EMBEDDED = partial(fit_graph_gp, shape="matern12", embedding=True, trend=True)
_EMBEDDED = partial(fit_graph_gp, embedding=True)
_SAME: dict[str, tuple[Surrogate | None, tuple[str, ...]]] = {
    "deep_kernel": (fit_deep_kernel, ("gnn",)),
    "gnn": (fit_gnn_ensemble, ("gnn",)),
    "wl": (fit_weisfeiler_lehman, ("wl0", "wl1", "wl2")),
    "forest": (fit_forest, ("one_hot", "paths", "statistics")),
    "random": (None, ("one_hot",)),
}

SURROGATES: dict[str, Preset] = {
    "mixture": Preset(
        partial(fit_mixture, members=(_MATERN, _MATERN_EMBEDDED)),
        fit_mixture,
        ("one_hot", "statistics", "gnn"),
    ),
    "gp": Preset(_MATERN, fit_graph_gp, ("one_hot", "statistics")),
    "embedded_gp": Preset(_MATERN_EMBEDDED, _EMBEDDED, ("one_hot", "statistics", "gnn")),
    **{name: Preset(made, made, encoders) for name, (made, encoders) in _SAME.items()},
}
"""A name -> the surrogates, and the encoders they read by default."""

_PLAIN = partial(fit_graph_gp, scores=False)
_PLAIN_MATERN = partial(fit_graph_gp, shape="matern12", trend=True, scores=False)

WITH_SCORES: dict[str, Preset] = {
    "mixture": Preset(
        partial(fit_mixture, members=(_PLAIN_MATERN, _MATERN, _MATERN_EMBEDDED)),
        partial(fit_mixture, members=(_PLAIN, fit_graph_gp, _EMBEDDED)),
        SURROGATES["mixture"].encoders,
        ("graf",),
    ),
    "gp": SURROGATES["gp"],
    "embedded_gp": SURROGATES["embedded_gp"],
}
"""A name -> the surrogates that take the place of those in ``SURROGATES`` where networks have
zero-cost scores. A mixture keeps a member without them: scores that mislead then cost little. For
one objective it reads neural graph features as well, if scores of initialised networks are among
them (``led_design.py``): with these they shortened every search that was tried, without scores and
with that of a supernet alone not all (``docs/benchmarks.md``)."""


def preset(given: str | Surrogate, space: Space | None) -> Preset:
    """Return what a surrogate's name stands for; a surrogate itself stands for itself.

    Raises:
        InvalidArgument: for an unknown name, one that needs a space where there is none, or an
            object that fits no model.
    """
    if isinstance(given, str):
        if given not in SURROGATES:
            raise unknown("surrogate", given, SURROGATES)
        if space is None and given == "mixture":
            return Preset(_MATERN, fit_graph_gp, ())  # without graphs there is nothing to embed
        if space is None and given in ("gnn", "embedded_gp", "deep_kernel", "wl"):
            raise InvalidArgument(f"surrogate {given!r} reads graphs; give a space, or choose 'gp'")
        return SURROGATES[given]
    if not callable(given):
        raise InvalidArgument(
            f"surrogate must be one of {', '.join(SURROGATES)} or a function of "
            f"(train_X, train_Y, layout, seed) that returns a fitted BoTorch model, got {given!r}"
        )
    _refuse_models(given)
    return Preset(given, given, ("one_hot", "paths", "statistics", "gnn"))


def _refuse_models(given: object) -> None:
    """Raise InvalidArgument for a model class of bonas, which holds a fit and makes none."""
    model = given
    while isinstance(model, partial):
        model = model.func
    if isinstance(model, type) and issubclass(model, SurrogateModel):
        raise InvalidArgument(
            f"surrogate must fit a model, got the model class {model.__name__}; give the function "
            "of bonas.surrogates that fits it, as in surrogate=fit_graph_gp or "
            'partial(fit_graph_gp, shape="matern12")'
        )
