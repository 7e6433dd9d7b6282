"""A comparison read from its storage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.storages import BaseStorage

from bonas.arguments import check_count
from bonas.benchmarks.comparison.comparison import CHECKPOINTS, Comparison, check_tolerances
from bonas.benchmarks.comparison.run import ENDED, ROUNDING, SETTINGS, Run, RunKey
from bonas.benchmarks.tables.reference import Reference
from bonas.benchmarks.tables.scale import Scale, as_losses
from bonas.errors import StudyMismatch
from bonas.evaluation import Objective
from bonas.optuna_internals import id_of
from bonas.studies.outcomes import share_of
from bonas.studies.records import DESCRIPTION
from bonas.studies.storages.opening import Storage, open_storage


@dataclass(frozen=True)
class _Record:
    """A stored study that is a run.

    Attributes:
        key: The identity of the run.
        study: The number of the study in its storage.
        description: The stored description.
        settings: The stored budget, versions and answer.
        ended: Whether the run ended early.
    """

    key: RunKey
    study: int
    description: dict[str, Any]
    settings: dict[str, Any]
    ended: bool

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives of the study."""
        goals, units = self.description["objectives"], self.description["units"]
        return tuple(
            Objective(name, goals[name], unit) for name, unit in zip(goals, units, strict=True)
        )


def load_comparison(
    storage: Storage,
    *,
    budget: int | None = None,
    checkpoints: Sequence[int] = CHECKPOINTS,
    within: Sequence[float] = (),
) -> Comparison:
    """Load all runs of a storage, finished or not; nothing is executed.

    Args:
        storage: The storage that ``compare`` or ``ablate`` was given.
        budget: Evaluations per run to read; None for the largest budget that a run was begun with.
        checkpoints: The numbers of evaluations to report at.
        within: Tolerances, as in ``bonas.benchmarks.compare``.

    Raises:
        StorageUnavailable: if the storage cannot be opened.
        StudyMismatch: if it holds no run, or two of one problem that cannot be compared.
        InvalidArgument: if the budget is not a whole number of at least 1, or a tolerance is no
            number of at least 0.
    """
    tolerances = check_tolerances(within)
    if budget is not None:
        check_count("budget", budget)
    opened = open_storage(storage, create=False)
    records = _records(opened)
    if not records:
        names = [study.study_name for study in opened.get_all_studies()]
        raise StudyMismatch(
            "this storage holds no run of `bonas bench run`, bonas.benchmarks.compare or "
            f"bonas.ablate; its studies are {names}"
        )
    if budget is None:
        budget = max(record.settings.get("budget", 1) for record in records)
    problems, methods, seeds = (tuple(dict.fromkeys(part)) for part in _parts(records))
    found = _comparison(opened, records, problems, methods, sorted(seeds), budget, checkpoints)
    return replace(found, within=tolerances)


def select_runs(
    storage: BaseStorage,
    problems: Iterable[str],
    methods: Sequence[str],
    seeds: Sequence[int],
    budget: int,
    checkpoints: Sequence[int],
) -> Comparison:
    """Load the runs of these methods on these problems with these seeds.

    Raises:
        StudyMismatch: if two runs of one problem cannot be compared.
    """
    records = [
        record
        for record in _records(storage)
        if record.key.method in methods and record.key.seed in seeds
    ]
    return _comparison(storage, records, problems, methods, seeds, budget, checkpoints)


def _comparison(
    storage: BaseStorage,
    records: Sequence[_Record],
    problems: Iterable[str],
    methods: Sequence[str],
    seeds: Sequence[int],
    budget: int,
    checkpoints: Sequence[int],
) -> Comparison:
    runs: dict[RunKey, Run] = {}
    references: dict[str, Reference] = {}
    versions: set[str] = set()
    for problem in problems:
        own = [record for record in records if record.key.problem == problem]
        if own:
            _check_alike(own)
            found = {record.key: _run(storage, record, budget) for record in own}
            references[problem] = _reference(own[0], found.values())
            runs |= found
    for record in records:
        versions |= {f"{name} {v}" for name, v in record.settings.get("versions", {}).items()}
    return Comparison(
        references, methods, seeds, budget, runs, checkpoints, tuple(sorted(versions))
    )


def _records(storage: BaseStorage) -> list[_Record]:
    """Return the studies that are runs, in the order in which they were begun."""
    found = []
    for study in storage.get_all_studies():
        description = DESCRIPTION.parsed(study.user_attrs, study.system_attrs) or {}
        if {*RunKey._fields, "signal"} <= description.keys():
            key = RunKey(*(description[field] for field in RunKey._fields))
            settings = study.user_attrs.get(SETTINGS, {})
            ended = bool(study.user_attrs.get(ENDED, False))
            found.append(_Record(key, id_of(study), description, settings, ended))
    return sorted(found, key=lambda record: record.study)


def _parts(records: Iterable[_Record]) -> Iterable[tuple[Any, ...]]:
    """Return all problems, all methods and all seeds."""
    return zip(*(record.key for record in records), strict=True)


def _check_alike(records: Sequence[_Record]) -> None:
    """Refuse runs of one problem that differ in what their evaluations returned."""
    first = records[0]
    for record in records[1:]:
        for part in ("signal", "objectives", "units"):
            one, other = first.description[part], record.description[part]
            if one != other:
                raise StudyMismatch(
                    f"the runs {first.key} and {record.key} cannot be compared: their {part} are "
                    f"{one!r} and {other!r}; give the problems different names"
                )


def _run(storage: BaseStorage, record: _Record, budget: int) -> Run:
    trials = storage.get_all_trials(record.study, deepcopy=False)
    finished = [trial for trial in trials if trial.state.is_finished()]
    spent = np.cumsum([share_of(trial) for trial in finished])
    finished = finished[: int((spent <= budget + ROUNDING).sum())]
    signal, m = record.description["signal"], len(record.objectives)
    return Run.of(record.key, signal, m, finished, ended=record.ended)


def _reference(record: _Record, runs: Iterable[Run]) -> Reference:
    """Return the stored exact answer, or the union of all runs where there is none."""
    objectives, known = record.objectives, record.settings
    if "hypervolume" not in known:
        values = np.concatenate([run.values for run in runs])
        return Reference.of(objectives, values, exact=False)
    ends = [as_losses(objectives, [known[end]])[0] for end in ("best", "worst")]
    return Reference(objectives, Scale(objectives, *ends), known["hypervolume"], exact=True)
