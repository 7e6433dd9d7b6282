"""Surrogates, what they declare, and the one function that calls them.

A surrogate is a function that fits a BoTorch model of one objective. What else it can take is
declared by ``supports``; what its model can do, by the protocols in ``model.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol, TypeVar, runtime_checkable

from botorch.models.model import Model
from torch import Tensor

from bonas.encoders.layout import Layout
from bonas.errors import InvalidArgument
from bonas.settings import own_settings
from bonas.surrogates.lower_fidelity import LowerFidelity
from bonas.surrogates.model import SupportsConditioning

Fit = TypeVar("Fit", bound=Callable[..., Any])


class SeededSurrogate(Protocol):
    """A function that fits a model of ``n x 1`` values at ``n x d`` encodings.

    The same data and the same seed give the same model.
    """

    def __call__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int, /) -> Model:
        """Return the fitted model."""
        ...


class DeterministicSurrogate(Protocol):
    """A surrogate that takes no seed, and declares so: the same data give the same model."""

    def __call__(self, train_X: Tensor, train_Y: Tensor, layout: Layout, /) -> Model:
        """Return the fitted model."""
        ...


Surrogate = SeededSurrogate | DeterministicSurrogate
"""A function that fits a BoTorch model of one objective: ``fit_graph_gp``, ``fit_mixture``, ...,
``functools.partial`` of one with other settings, or any function of the user's
``(train_X, train_Y, layout, seed) -> Model``."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a surrogate can do; one that declares nothing can do none of this.

    Attributes:
        known_noise: It takes a keyword ``train_Yvar``: ``n x 1`` variances of the values, NaN where
            the evaluation reports none.
        prior_mean: It reads the block ``prior``: what source tasks make one expect of the values.
        deterministic: It takes no seed.
        lower_fidelity: It takes a keyword ``lower``: values at lower fidelities, such as those of
            trainings that were stopped. If its model supports conditioning, ``condition_on`` takes
            them as a fourth argument.
    """

    known_noise: bool = False
    prior_mean: bool = False
    deterministic: bool = False
    lower_fidelity: bool = False


@runtime_checkable
class DeclaresCapabilities(Protocol):
    """A surrogate that declares what it can do, by ``supports`` or an attribute of its own."""

    capabilities: Capabilities


def supports(
    *,
    known_noise: bool = False,
    prior_mean: bool = False,
    deterministic: bool = False,
    lower_fidelity: bool = False,
) -> Callable[[Fit], Fit]:
    """Declare what a surrogate can do; see ``Capabilities``.

    >>> @supports(known_noise=True)
    ... def fit_mine(train_X, train_Y, layout, seed, *, train_Yvar=None): ...
    >>> capabilities_of(partial(fit_mine, train_Yvar=None)).known_noise
    True
    """

    def declare(surrogate: Fit) -> Fit:
        """Attach the declaration to the surrogate itself."""
        found = Capabilities(known_noise, prior_mean, deterministic, lower_fidelity)
        surrogate.capabilities = found  # type: ignore[attr-defined]  # functions take attributes
        return surrogate

    return declare


def capabilities_of(surrogate: object) -> Capabilities:
    """Return what a surrogate declares; ``functools.partial`` of a surrogate can do the same.

    Raises:
        InvalidArgument: if its attribute ``capabilities`` is something else.
    """
    while isinstance(surrogate, partial):
        surrogate = surrogate.func
    if not isinstance(surrogate, DeclaresCapabilities):
        return Capabilities()
    if not isinstance(surrogate.capabilities, Capabilities):
        raise InvalidArgument(
            f"expected bonas.surrogates.Capabilities as {surrogate!r}.capabilities, got "
            f"{surrogate.capabilities!r}; declare them with bonas.surrogates.supports(...)"
        )
    return surrogate.capabilities


@own_settings()
def fit(
    surrogate: Surrogate,
    train_X: Tensor,
    train_Y: Tensor,
    layout: Layout,
    seed: int,
    train_Yvar: Tensor | None = None,
    lower: LowerFidelity | None = None,
) -> Model:
    """Fit a model of ``n x 1`` values at ``n x d`` encodings by any surrogate.

    Args:
        surrogate: It gets what it declares to take.
        train_X: ``n x d`` encodings.
        train_Y: ``n x 1`` values.
        layout: The blocks of the encoding.
        seed: Seed of a surrogate that takes one.
        train_Yvar: ``n x 1`` variances of the values, NaN where unknown; ignored by a surrogate
            that fits the noise itself.
        lower: Values at lower fidelities; ignored by a surrogate that does not declare that it
            reads them.
    """
    can = capabilities_of(surrogate)
    function: Any = surrogate
    seeded = () if can.deterministic else (seed,)
    more: dict[str, object] = {}
    if can.known_noise and train_Yvar is not None and not bool(train_Yvar.isnan().all()):
        more["train_Yvar"] = train_Yvar
    if can.lower_fidelity and lower is not None:
        more["lower"] = lower
    fitted: Model = function(train_X, train_Y, layout, *seeded, **more)
    return fitted


def condition(
    surrogate: Surrogate,
    model: SupportsConditioning,
    train_X: Tensor,
    train_Y: Tensor,
    train_Yvar: Tensor | None = None,
    lower: LowerFidelity | None = None,
) -> Model:
    """Condition a model that ``surrogate`` fitted on other data; the arguments are those of fit."""
    reads = capabilities_of(surrogate).lower_fidelity and lower is not None
    grown: Any = model.condition_on
    conditioned: Model = grown(train_X, train_Y, train_Yvar, *((lower,) if reads else ()))
    return conditioned
