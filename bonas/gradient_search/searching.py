"""``search``: find networks of a space by gradient descent, without training each of them.

| method | gradient | spaces | source |
|---|---|---|---|
| ``darts`` | of a full mixture, the weights as constants | cells, DARTS | Liu et al. (2019) |
| ``darts-2nd`` | of a full mixture, through one step of the weights | cells, DARTS | the same |
| ``gdas`` | of a gate on one drawn path | with modules as options | Dong and Yang (2019) |
| ``proxyless`` | of binary gates on two drawn paths | with modules as options | Cai et al. (2019) |
| ``enas`` | of the score function | all that build networks | Pham et al. (2018) |

Modules are options in cells, DARTS, mobile blocks, and families that choose among modules
(``paths.places``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import ShortTraining
from bonas.gradient_search.result import GradientResult
from bonas.spaces import Space

if TYPE_CHECKING:
    from bonas.gradient_search.mixture.search import Descended
    from bonas.gradient_search.paths.search import Sampled

METHODS = ("darts", "darts-2nd", "gdas", "proxyless", "enas")
"""The methods by name."""
_ORDERS = {"darts": 1, "darts-2nd": 2}  # of the gradient of a mixture


def search(
    space: Space,
    training: ShortTraining | None = None,
    *,
    method: str = "darts",
    steps: int | None = None,
    seconds: float | None = None,
    learning_rate: float | None = None,
    stop: Any = None,
    select: Literal["mode", "perturbation"] = "mode",
    initial: Any = None,
    cost: Any = None,
    cost_weight: float | None = None,
    seed: int = 0,
    progress: bool = True,
) -> GradientResult:
    """Search a space by gradient descent on a policy, with shared weights.

    No network is trained by itself, and no value is measured: the result is a source of candidates
    for a study (``optimize(candidates=found)``). A network that collapsed is refused, with a
    warning (``guards``).

    Args:
        space: A ``CellSpace`` or a ``DARTSSpace``; for gates also a ``MobileSpace`` or a family
            that chooses among modules; for ``"enas"`` every space that builds networks.
        training: Gives rows, loss and the recipe of the weights; by default on digits. Weights
            learn from one half of its training rows, logits from the other.
        method: ``"darts"``, ``"darts-2nd"``, ``"gdas"``, ``"proxyless"`` or ``"enas"``.
        steps: Of the logits, each with one of the weights; by default 50 passes over half the rows,
            unless ``seconds`` are given.
        seconds: Wall time of the descent, at most.
        learning_rate: Of the logits, by Adam; by default 3e-4 for DARTS and GDAS, 1e-3 for
            ProxylessNAS, 1e-2 for ENAS.
        stop: A rule against the collapse: ``"eigenvalue"`` (RobustDARTS, for mixtures only),
            ``"skips"`` (DARTS+), or a ``bonas.gradient_search.stopping.StoppingRule``; None runs to
            the end.
        select: ``"mode"``, or for mixtures ``"perturbation"``: what the mixture loses without an
            option (DARTS-PT).
        initial: A ``Supernet`` of the space, with whose weights it begins.
        cost: What makes networks costly, such as a latency in ms: a table ``{(parameter, option):
            number}`` or ``{parameter: {option: number}}``, a function of choices, or an evaluator
            with one objective. A table is exact and free; a function is called once per network
            that is drawn for it, 16 per step.
        cost_weight: How much loss a unit of cost is worth: the loss is that of ProxylessNAS,
            ``E[loss] + cost_weight * E[cost]``.
        seed: Of everything drawn.
        progress: Whether a bar is shown.

    Raises:
        InvalidArgument: for a space that the method cannot search, an unknown method, or a setting
            out of its range.
        InvalidData: if networks do not fit the data.
        InvalidSpace: if no network near the mode may be returned.
        MissingBuilder: if the space builds no networks.
        NotFinite: if the descent diverges.
    """
    # the package is imported for its policies alone, too
    from bonas.gradient_search.penalty import Penalty

    if method not in METHODS:
        raise unknown("method", method, METHODS)
    if not isinstance(space, Space):
        raise InvalidArgument(f"expected a bonas.Space, got {space!r:.200}")
    if training is not None and not isinstance(training, ShortTraining):
        raise InvalidArgument(
            f"expected a ShortTraining, got {training!r}; as in ShortTraining('digits')"
        )
    settings: dict[str, Any] = {
        "steps": steps,
        "seconds": seconds,
        "stop": stop,
        "initial": initial,
        "penalty": Penalty.of(space, cost, cost_weight, check_count("seed", seed, least=0)),
        "seed": seed,
        "bar": method if progress else None,
    }
    training = ShortTraining() if training is None else training
    found: Descended | Sampled
    if method in _ORDERS:
        found = _by_mixture(space, training, method, learning_rate, select, settings)
        policy, selected = found.policy(), found.selected
    else:
        found = _by_paths(space, training, method, learning_rate, select, settings)
        policy, selected = found.policy, None
    return GradientResult.of(
        method,
        policy,
        selected,
        steps=found.steps,
        seconds=found.seconds,
        stopped=found.stopped,
    )


def _by_mixture(
    space: Space,
    training: ShortTraining,
    method: str,
    learning_rate: float | None,
    select: Literal["mode", "perturbation"],
    settings: Mapping[str, Any],
) -> Descended:
    from bonas.gradient_search.mixture.alternation import Descent
    from bonas.gradient_search.mixture.search import search_by_mixture

    order = _ORDERS[method]
    descent = Descent(order) if learning_rate is None else Descent(order, learning_rate)
    return search_by_mixture(space, training, descent=descent, select=select, **settings)


def _by_paths(
    space: Space,
    training: ShortTraining,
    method: str,
    learning_rate: float | None,
    select: str,
    settings: Mapping[str, Any],
) -> Sampled:
    from bonas.gradient_search.paths.search import search_by_paths

    if select != "mode":
        raise InvalidArgument(
            f'expected select="mode" for method={method!r}, got {select!r}: only from a mixture '
            '(method="darts") an option can be taken to see what it loses'
        )
    return search_by_paths(space, training, method, learning_rate=learning_rate, **settings)
