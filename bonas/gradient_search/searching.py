"""``search``: find networks of a space by gradient descent, without training each of them.

| method | gradient | spaces | source |
|---|---|---|---|
| ``darts`` | of a full mixture, the weights as constants | cells, DARTS | Liu et al. (2019) |
| ``darts-2nd`` | of a full mixture, through one step of the weights | cells, DARTS | the same |
"""

from __future__ import annotations

from typing import Any, Literal

from bonas.errors import InvalidArgument, unknown
from bonas.evaluation import ShortTraining
from bonas.gradient_search.result import GradientResult
from bonas.spaces import Space

ORDERS = {"darts": 1, "darts-2nd": 2}
"""A method that descends a mixture -> the order of its gradient."""


def search(
    space: Space,
    training: ShortTraining | None = None,
    *,
    method: str = "darts",
    steps: int | None = None,
    seconds: float | None = None,
    learning_rate: float = 3e-4,
    stop: Any = None,
    select: Literal["mode", "perturbation"] = "mode",
    initial: Any = None,
    seed: int = 0,
) -> GradientResult:
    """Search a space by gradient descent on a policy, with shared weights.

    No network is trained by itself, and no value is measured: the result is a source of candidates
    for a study. A network that collapsed is refused, with a warning (``guards``).

    Args:
        space: A ``CellSpace`` or a ``DARTSSpace``.
        training: Gives rows, loss and the recipe of the weights; by default on digits. Weights
            learn from one half of its training rows, logits from the other.
        method: ``"darts"`` or ``"darts-2nd"``.
        steps: Of the logits, each with one of the weights; by default 50 passes over half the rows,
            unless ``seconds`` are given.
        seconds: Wall time of the descent, at most.
        learning_rate: Of the logits, by Adam.
        stop: A rule against the collapse: ``"eigenvalue"`` (RobustDARTS), ``"skips"`` (DARTS+), or
            a ``bonas.gradient_search.stopping.StoppingRule``; None runs to the end.
        select: ``"mode"``, or ``"perturbation"``: what the mixture loses without an option
            (DARTS-PT).
        initial: A ``Supernet`` of the space, whose weights the operations start with.
        seed: Of everything drawn.

    Raises:
        InvalidArgument: for another space, an unknown method or a setting out of its range.
        InvalidData: if networks do not fit the data.
        InvalidSpace: if no network near the mode may be returned.
        NotFinite: if the descent diverges.
    """
    # the package is imported for its policies alone, too
    from bonas.gradient_search.mixture.alternation import Descent
    from bonas.gradient_search.mixture.search import search_by_mixture

    if method not in ORDERS:
        raise unknown("method", method, ORDERS)
    if training is not None and not isinstance(training, ShortTraining):
        raise InvalidArgument(
            f"expected a ShortTraining, got {training!r}; as in ShortTraining('digits')"
        )
    found = search_by_mixture(
        space,
        ShortTraining() if training is None else training,
        steps=steps,
        seconds=seconds,
        descent=Descent(ORDERS[method], learning_rate),
        stop=stop,
        select=select,
        initial=initial,
        seed=seed,
    )
    return GradientResult.of(
        method,
        found.policy(),
        found.selected,
        steps=found.steps,
        seconds=found.seconds,
        stopped=found.stopped,
    )
