"""Guards of a gradient search: which choices it must not return.

The logits of a search by gradient descent often collapse: the mode, the most probable choices, is
one operation everywhere, mostly the skip connection (on NAS-Bench-201, CIFAR-10, first-order DARTS
ends there, at a test accuracy of 54.30 %, where the best cell has 94.37 %). Pools or ``none`` in
its place are no better. ``check_mode`` says so before a study spends a training on them.

A collapse is also seen while it happens (``bonas.gradient_search.stopping``), and avoided
by another selection than the mode (``bonas.gradient_search.mixture.perturbation``).

Sources: Zela, Elsken, Saikia, Marrakchi, Brox and Hutter (2020), "Understanding and robustifying
differentiable architecture search", ICLR; Dong and Yang (2020), "NAS-Bench-201", ICLR.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache

from bonas.spaces import CellSpace, Choice, Choices, DARTSSpace, Space
from bonas.spaces.cells.network import OPERATIONS
from bonas.spaces.darts.network import operation

_EVERYWHERE = 3  # parameters with the same options, from which on equal choices are a collapse


def check_mode(space: Space, choices: Choices) -> list[str]:
    """Return why a gradient search must not return these choices; nothing if it may.

    Two things are refused. Of a ``CellSpace`` or ``DARTSSpace``: networks without parameters beyond
    their frame (stem, reductions, head, inputs of a cell), since no operation with weights is run;
    of a ``DARTSSpace`` the normal cells decide, for good reduction cells may have none. Of every
    space: one name at each of the parameters, at least three, that choose from the same names.
    Equal numbers, such as widths, are no collapse.

    Raises:
        InvalidSpace: if the choices are not the space's.

    >>> from bonas.spaces import NASBench201
    >>> space = NASBench201()
    >>> check_mode(space, dict.fromkeys(space.parameters, "nor_conv_3x3"))
    ["each of 6 parameters is 'nor_conv_3x3'"]
    """
    checked = space.checked(choices)
    found = []
    run = _operations_run(space, checked)
    if run is not None and not any(map(has_weights, run)):
        names = ", ".join(sorted(set(run))) or "nothing"
        found.append(f"its cell has no parameters, it runs {names}")
    for parameters in _with_equal_names(space, checked):
        chosen = {checked[name] for name in parameters}
        if len(parameters) >= _EVERYWHERE and len(chosen) == 1:
            found.append(f"each of {len(parameters)} parameters is {chosen.pop()!r}")
    return found


@cache
def has_weights(name: str) -> bool:
    """Return whether an operation of a cell has parameters where it keeps the image's size."""
    module = OPERATIONS[name](1) if name in OPERATIONS else operation(name, 1, 1)
    return module is not None and any(True for _ in module.parameters())


def _operations_run(space: Space, choices: Choices) -> Sequence[str] | None:
    """Return the operations that a cell runs, but for identities; None for other spaces."""
    if isinstance(space, CellSpace):
        plan = space.plan(choices)
        ends = {(source, target) for target, sources in plan.live.items() for source in sources}
        return [name for edge, name in plan.operations.items() if edge in ends]
    if isinstance(space, DARTSSpace):
        return [name for steps in space.plan(choices).normal for name, _ in steps]
    return None


def _with_equal_names(space: Space, choices: Choices) -> Iterable[list[str]]:
    """Return the parameters that choose from the same names, those that apply, in groups."""
    found: dict[tuple[Choice, ...], list[str]] = {}
    for name in choices:
        options = tuple(space.distributions[name].choices)
        if len(options) > 1 and all(isinstance(option, str) for option in options):
            found.setdefault(options, []).append(name)
    return found.values()
