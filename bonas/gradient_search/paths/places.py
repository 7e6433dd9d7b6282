"""Places: the modules of a network whose outputs are those of chosen options.

| space | module | decided by |
|---|---|---|
| ``CellSpace`` | ``body[i].operations["s_t"]``, of every cell | the operation of the edge |
| ``DARTSSpace`` | ``cells[i].operations["state_n"]`` | the states that it reads, the operation |
| ``MobileSpace`` | ``body[k].layers``, without the shortcut | kernel and expansion of the block |
| a family | what ``choose`` returned, if that is a module | the name that was asked for |

An option without a module, such as ``none``, has no output and no place, and its gate no gradient,
which is that of an output of zeros. Of a block the shortcut is left out: it is the same for all
options. Depths, widths and other numbers have no place: they decide on no single output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from bonas.errors import InvalidArgument
from bonas.gradient_search.absence import ABSENT
from bonas.spaces import CellSpace, Choices, DARTSSpace, MobileSpace, Space
from bonas.spaces.cells.network import Cell
from bonas.spaces.families.family import Family
from bonas.spaces.families.listener import noting_modules
from bonas.supernets.supernet import Supernet
from bonas.supernets.training.fair import FairSampler

_LOOKS = 8  # fair steps in which a family's modules are looked for


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A module whose output chosen options decide.

    Attributes:
        name: The same in networks of other choices.
        module: In the network at hand.
        parameters: The parameters that decide which module it is; some only, after ``of``.
    """

    name: str
    module: nn.Module
    parameters: tuple[str, ...]

    def of(self, parameters: set[str]) -> Place:
        """Return the place as one that only some parameters decide."""
        return replace(self, parameters=tuple(n for n in self.parameters if n in parameters))


Found = Callable[[Space, nn.Module, Choices], Iterator[Place]]


class Places:
    """The places of the networks of a supernet.

    Attributes:
        parameters: Those that decide on a place in some network.
        exchangeable: Of these, those of which two options read the same inputs, so that both can be
            computed in one network.

    Args:
        supernet: Builds networks.
        method: Named in errors.

    Raises:
        InvalidArgument: for a space whose networks have none.
    """

    def __init__(self, supernet: Supernet, method: str) -> None:
        self._supernet, space = supernet, supernet.space
        self._of = _built_in(space)
        self.parameters: set[str] = set()
        if self._of is not None or isinstance(space, Family):
            rng, sampler = np.random.default_rng(supernet.seed), FairSampler(space)
            for _ in range(_LOOKS):
                for choices in sampler.step(rng, 0.0).paths:
                    self.built(choices)
        if not self.parameters:
            raise InvalidArgument(
                f"expected a space whose options are modules that a gate can scale, got "
                f"{type(space).__name__}: method={method!r} works for CellSpace, DARTSSpace, "
                'MobileSpace and families that choose among modules, as in choose("block1", '
                '{"conv": lambda: conv(), "skip": nn.Identity}); search by method="enas", which '
                "works for every space that a supernet covers"
            )

    @property
    def exchangeable(self) -> set[str]:
        return {name for name in self.parameters if not name.endswith("_inputs")}

    def built(self, choices: Choices) -> tuple[nn.Module, list[Place]]:
        """Return a network that shares its weights, and its places."""
        if self._of is not None:
            network = self._supernet.network(choices)
            found = list(self._of(self._supernet.space, network, choices))
        else:
            with noting_modules() as noted:
                network = self._supernet.network(choices)
            found = _noted(noted, network, choices)
        self.parameters.update(name for place in found for name in place.parameters)
        return network, found


def _built_in(space: Space) -> Found | None:
    """Return what finds the places of a built-in space, or of a subclass that builds the same."""
    table: dict[type[CellSpace | DARTSSpace | MobileSpace], Found] = {
        CellSpace: _of_cells,
        DARTSSpace: _of_darts,
        MobileSpace: _of_blocks,
    }
    for of, found in table.items():
        own = type(space)
        if issubclass(own, of) and own.build is of.build and own.network is of.network:
            return found
    return None


def _of_cells(space: Space, network: nn.Module, choices: Choices) -> Iterator[Place]:
    assert isinstance(space, CellSpace)
    for name, cell in network.named_modules():
        if isinstance(cell, Cell):
            run = {f"{s}_{target}" for target, sources in cell.incoming.items() for s in sources}
            for edge, (source, target) in space.edges.items():
                key = f"{source}_{target}"
                if edge in choices and key in run:
                    yield Place(f"{name}.{key}", cell.operations[key], (edge,))


def _of_darts(space: Space, network: nn.Module, choices: Choices) -> Iterator[Place]:
    assert isinstance(space, DARTSSpace)
    modules, plan = dict(network.named_modules()), space.plan(choices)
    for kind, steps in space.genotype(choices).items():
        cells = [i for i in range(space.cells) if (i in plan.reductions) == (kind == "reduce")]
        for state, step, part in _kept(steps):
            names = tuple(f"{kind}_{state}_{end}" for end in ("inputs", part))
            parameters = tuple(name for name in names if name in choices)
            for i in cells:
                module = modules.get(f"cells.{i}.operations.{state}_{step}")
                if module is not None and parameters:
                    yield Place(f"cells.{i}.{state}.{part}", module, parameters)


def _kept(steps: Sequence[tuple[str, int]]) -> Iterator[tuple[int, int, str]]:
    """Yield the state, the number and the part of each step that contributes, as networks do."""
    live = {0, 1}
    for state in range(2, len(steps) // 2 + 2):
        both = zip(("first", "second"), steps[2 * state - 4 : 2 * state - 2], strict=True)
        kept = [part for part, (name, source) in both if name != ABSENT and source in live]
        live |= {state} if kept else set()
        yield from ((state, n, part) for n, part in enumerate(kept))


def _of_blocks(space: Space, network: nn.Module, choices: Choices) -> Iterator[Place]:
    assert isinstance(space, MobileSpace)
    modules, k = dict(network.named_modules()), 0
    for i, stage in enumerate(space.plan(choices).stages, start=1):
        for j in range(1, len(stage.blocks) + 1):
            names = (f"stage{i}_block{j}_{end}" for end in ("kernel", "expansion"))
            parameters = tuple(name for name in names if name in choices)
            if parameters:
                yield Place(f"body.{k}", modules[f"body.{k}.layers"], parameters)
            k += 1


def _noted(
    noted: Sequence[tuple[str, nn.Module]], network: nn.Module, choices: Choices
) -> list[Place]:
    """Return the modules of options that are part of a network, in the order of the questions."""
    held, times, found = set(map(id, network.modules())), dict[str, int](), []
    for name, module in noted:
        if name in choices and id(module) in held:
            times[name] = times.get(name, 0) + 1
            found.append(Place(f"{name} {times[name]}", module, (name,)))
    return found
