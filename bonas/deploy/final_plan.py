"""Plan: which networks are trained in full, how, and what makes two such comparisons the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from bonas.arguments import check_count
from bonas.deploy.final_record import digest_of
from bonas.deploy.finalists import checked_candidates, finalists_of
from bonas.deploy.retraining import (
    TrainedRows,
    Training,
    full_epochs,
    joined_splits,
    training_for,
    training_in,
)
from bonas.errors import EvaluationFailed, InvalidArgument, StudyMismatch, unknown
from bonas.evaluation import Candidate, Objective, ShortTraining, Splits, Stages
from bonas.evaluation.constraint import Constraints, as_constraints
from bonas.evaluation.data.held_out import held_out
from bonas.evaluation.data.sealed import SealedPart
from bonas.evaluation.training.description import differing_rows
from bonas.evaluation.training.initial_weights import InitialWeights, check_initial
from bonas.result import SearchResult
from bonas.studies.records import DESCRIPTION
from bonas.supernets.inherited_loss import InheritedLoss


@dataclass(frozen=True, eq=False)
class Plan:
    """A comparison of finalists.

    Attributes:
        finalists: The best of the search first.
        trainings: The full training of each.
        goal: What they measure, by which one is chosen.
        ranked_by: What the search ranked networks by: the goal, or what stands for it there.
        seeds: Number of trainings per finalist.
        rows: On which rows the chosen one is trained in the end.
        test: The test rows, sealed; None if there are none.
        test_name: What identifies them.
    """

    finalists: Sequence[Candidate]
    trainings: Sequence[ShortTraining]
    goal: Objective
    ranked_by: Objective
    seeds: int
    rows: TrainedRows
    test: SealedPart | None
    test_name: str

    def digest(self, place: int, rows: TrainedRows, seed: int) -> str:
        """Return what identifies one training of a finalist."""
        return digest_of({**self._about(place), "rows": rows, "seed": self.seed(place, seed)})

    def seed(self, place: int, seed: int) -> int:
        """Return the seed of a training; that of the search is none of them."""
        return self.trainings[place].seed + 1 + seed

    def describe(self) -> dict[str, Any]:
        """Return JSON values that are the same for the same comparison."""
        return {
            "finalists": [digest_of(self._about(place)) for place in range(len(self.finalists))],
            "trials": [candidate.trial.number for candidate in self.finalists],
            "epochs": [training.epochs for training in self.trainings],
            "seeds": self.seeds,
            "rows": self.rows,
            "objective": self.goal.name,
            "test": self.test_name,
        }

    def _about(self, place: int) -> Mapping[str, Any]:
        candidate = self.finalists[place]
        return {
            "params": dict(candidate.trial.params),
            "number": candidate.number,
            "training": self.trainings[place].describe(),
        }


def make_plan(
    result: SearchResult,
    *,
    top_k: int,
    candidates: Sequence[Candidate] | None,
    constraints: Constraints | None,
    training: Training | None,
    initial: InitialWeights | None,
    epochs: int | None,
    seeds: int,
    rows: TrainedRows,
    test: Any,
) -> Plan:
    """Return the comparison that a call of ``finalize`` asks for.

    Raises:
        BonasError: as ``finalize`` does, before anything is trained.
    """
    check_count("seeds", seeds)
    check_initial(initial, inherit=False)
    limits = as_constraints(constraints)
    if not result:
        finalists_of(result, top_k, result.objectives[0], limits)  # raises
    given = _given_training(result, training)
    goal = training_for(given, result.candidates[0]).objectives[0]
    ranked_by = _ranked_by(result, goal)
    if candidates is None:
        chosen = finalists_of(result, top_k, ranked_by, limits)
    else:
        if limits:
            raise InvalidArgument(
                f"expected candidates or constraints, got both; leave out {limits[0]}"
            )
        chosen = checked_candidates(result, candidates, ranked_by)
    short = [training_for(given, candidate) for candidate in chosen]
    _check_data(result, short, ranked_by)
    longer = {
        id(one): one.on(one.splits, epochs=full_epochs(one, epochs), initial=initial)
        for one in short
    }
    full = [longer[id(one)] for one in short]
    if rows not in get_args(TrainedRows):
        raise unknown("rows", rows, get_args(TrainedRows))
    if rows == "all":
        joined_splits(full[0])  # raises where that is impossible
    sealed, name = _test_rows(short[0].splits, test)
    return Plan(chosen, full, goal, ranked_by, seeds, rows, sealed, name)


def _given_training(result: SearchResult, training: Training | None) -> Training:
    found = training_in(result.evaluate) if training is None else training
    if found is None and (inherited := inherited_in(result.evaluate)) is not None:
        found = inherited.supernet.training
    if found is None:
        raise InvalidArgument(
            "expected a search that was evaluated by a ShortTraining, got "
            f"{result.evaluate!r}; give the training: bonas.finalize(result, "
            "training=ShortTraining(...)), or a function of a candidate that returns it"
        )
    return found


def _ranked_by(result: SearchResult, goal: Objective) -> Objective:
    """Return the objective of the search that is the goal, or the inherited loss in its place."""
    known = {objective.name: objective for objective in result.objectives}
    inherited = inherited_in(result.evaluate)
    if goal.name not in known and inherited is not None:
        goal = inherited.objectives[0]
    if goal.name not in known:
        raise InvalidArgument(
            f"expected a training that measures an objective of the search, {list(known)}, got "
            f"one of {goal.name!r}; give its metric or score that name"
        )
    if known[goal.name].direction != goal.direction:
        raise InvalidArgument(
            f"expected a training that would {known[goal.name].direction} {goal.name!r}, as the "
            f"search, got {goal.direction}; give it that direction"
        )
    return goal


def inherited_in(evaluate: object) -> InheritedLoss | None:
    """Return what scored the networks of a search with inherited weights; None if nothing did."""
    parts = evaluate.evaluators if isinstance(evaluate, Stages) else [evaluate]
    return next((part for part in parts if isinstance(part, InheritedLoss)), None)


def _check_data(
    result: SearchResult, trainings: Sequence[ShortTraining], ranked_by: Objective
) -> None:
    """Refuse other data than the search had: its training rows could be the test rows here.

    Raises:
        StudyMismatch: naming the differences.
    """
    wanted = (DESCRIPTION.read(result.study) or {}).get("evaluation", {}).get(ranked_by.name)
    found = [next(iter(one.describe().values())) for one in trainings]
    first = wanted if isinstance(wanted, dict) and "data" in wanted else found[0]
    for one in found:
        if differing := differing_rows(one, first):
            raise StudyMismatch(
                "expected a training on the data and the split of the search, got "
                f"{'; '.join(differing)}. Rows that the search trained on could be test rows; "
                "give the same data, validation, test and seed"
            )


def _test_rows(splits: Splits, test: Any) -> tuple[SealedPart | None, str]:
    if test is None:
        return splits.test, "" if splits.test is None else f"held out of {splits.name}"
    if splits.test is not None:
        raise InvalidArgument(
            f"expected no test rows besides the {len(splits.test)} that the training holds out, "
            "got others; leave test out, or search with ShortTraining(..., test=0.0)"
        )
    if isinstance(test, SealedPart):
        return test, f"{len(test)} rows, sealed"
    part, name = held_out(test, splits)
    return SealedPart(part), name


def check_chosen(scores: Mapping[int, Sequence[float]], errors: Sequence[str]) -> None:
    """Refuse to choose where no finalist was trained in all its seeds.

    Raises:
        EvaluationFailed: with the first error.
    """
    if not scores:
        raise EvaluationFailed(
            f"expected a finalist whose trainings all succeed, got none: {errors[0]}; lower the "
            "learning rate or the epochs, or choose other candidates"
        )
