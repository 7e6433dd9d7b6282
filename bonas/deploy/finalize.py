"""Finalize: from the best of a search to a trained network with one honest test score.

A search ranks networks by a short training, and the best of them is the best by luck as well. So:

1. The finalists are trained in full on the training rows, several seeds each, and scored on the
   validation rows. How far the ranking of the search held is Kendall's tau between the two.
2. The best mean on the validation rows is chosen. No test row has been read.
3. The chosen network is trained anew on training and validation rows.
4. The test rows are opened once. What the chosen networks score there is the result; what the
   others score is for information, since choosing by it would spoil it.

The opening is stored in the study before a row is read. Another comparison is refused from then on,
unless ``reopen_test=True``, which is counted and shown with every later result.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from bonas.deploy.final_plan import Plan, check_chosen, make_plan
from bonas.deploy.final_record import FinalRecord, Opening, StoredTraining, network_of
from bonas.deploy.final_result import Finalist, FinalResult
from bonas.deploy.held_out_score import HeldOutScore, bounds_of, rows_half_width
from bonas.deploy.rank_agreement import RankAgreement
from bonas.deploy.retraining import TrainedRows, Training, joined_splits, retrain
from bonas.errors import BonasError, EvaluationFailed, InvalidArgument, SealedRows
from bonas.evaluation import Candidate, Evaluator, Objective, ShortTraining, Stages, oriented
from bonas.evaluation.constraint import Constraints
from bonas.evaluation.data.sealed import SealedPart, opened
from bonas.evaluation.declared import declared_objectives
from bonas.evaluation.evaluator import measured
from bonas.evaluation.training.initial_weights import InitialWeights
from bonas.evaluation.training.row_scores import RowScores
from bonas.result import SearchResult
from bonas.supernets.inherited_loss import InheritedLoss

_logger = logging.getLogger(__name__)

Trainings = Mapping[tuple[int, TrainedRows], Sequence[StoredTraining]]
"""Place of a finalist and its rows -> its trainings, one per seed."""


def finalize(
    result: SearchResult,
    top_k: int = 3,
    *,
    epochs: int | None = None,
    seeds: int = 3,
    candidates: Sequence[Candidate] | None = None,
    constraints: Constraints | None = None,
    training: Training | None = None,
    initial: InitialWeights | None = None,
    rows: TrainedRows = "all",
    test: Any = None,
    folder: str | os.PathLike[str] = "finalists",
    reopen_test: bool = False,
    progress: bool = True,
) -> FinalResult:
    """Train the best networks of a search in full, choose one, and score it on the test rows, once.

    Each finished training is stored with its weights, so that the same call resumes after an
    interruption, and returns the same result once it is complete. ``bonas.deploy.finalize`` says
    what is done in which order. With the defaults it takes ``(top_k + 1) * seeds`` trainings.

    Args:
        result: A search whose evaluation has a ``ShortTraining``.
        top_k: How many networks to compare: the best with one objective; with several those of the
            front that are best in what the training measures. Fewer where there are no more.
        epochs: Length of the full training; None is ten times that of the short one.
        seeds: Trainings per network.
        candidates: The networks to compare instead, out of ``result.candidates``.
        constraints: What finalists have to keep besides the constraints of the search, such as
            ``{"latency": "<= 10"}``.
        training: The recipe, where the evaluation is a function of your own or is to differ: a
            ``ShortTraining`` on the same data, or a function of a candidate that returns one. For
            a search by ``InheritedLoss`` that of its supernet.
        initial: Weights that are fine-tuned, instead of a start from scratch: a
            ``bonas.supernets.Supernet`` that was trained on the training rows of the search.
        rows: ``"all"`` trains the chosen network on training and validation rows; ``"train"``
            keeps the networks that were compared, and saves ``seeds`` trainings.
        test: Test rows, where the training holds out none: a pair of inputs and targets, a data
            set or a ``DataLoader``, prepared as the data of the search, or the sealed rows of
            ``bonas.evaluation.load(...).test``.
        folder: For the weights: new, empty, or of this study.
        reopen_test: Whether to open test rows that another comparison of this study has opened.
            That is stored and shown with the result.
        progress: Whether to show a progress bar.

    Raises:
        SealedRows: if the test rows were opened by another comparison.
        StudyMismatch: if the training has other data than the search.
        EvaluationFailed: if the search has no evaluated network, or no finalist can be trained.
        BonasError: for an argument that cannot work, before anything is trained.
    """
    if not isinstance(result, SearchResult):
        raise InvalidArgument(
            f"expected the result of bonas.optimize, got {result!r}; as in bonas.finalize(result)"
        )
    plan = make_plan(
        result,
        top_k=top_k,
        candidates=candidates,
        constraints=constraints,
        training=training,
        initial=initial,
        epochs=epochs,
        seeds=seeds,
        rows=rows,
        test=test,
    )
    record = FinalRecord(result.study, Path(folder) if isinstance(folder, os.PathLike) else folder)
    opening = None if plan.test is None else _opening_of(plan, record, reopen_test)
    with tqdm(disable=not progress, unit="training") as bar:
        trainings = _Trainings(plan, record, bar)
        chosen = trainings.run()
    again = [_measured_again(result, plan, place, record) for place in range(len(plan.finalists))]
    if plan.test is not None and (opening is None or opening.scores is None):
        opening = _open(plan, record, opening, chosen, trainings.done)
    return _result(plan, record, chosen, trainings.done, again, opening)


class _Trainings:
    """The trainings of a plan, those that are stored and those still to be done."""

    def __init__(self, plan: Plan, record: FinalRecord, bar: Any) -> None:
        self.plan, self.record, self.bar = plan, record, bar
        self.done: dict[tuple[int, TrainedRows], list[StoredTraining]] = {}

    def run(self) -> int:
        """Do all that is missing; return the place of the finalist that is chosen."""
        plan, n = self.plan, len(self.plan.finalists)
        compared = n > 1 or plan.rows == "train"
        self.bar.total = plan.seeds * (n * compared + (plan.rows == "all"))
        if compared:
            for place in range(n):
                self._train(place, "train")
        chosen = self._chosen() if compared else 0
        if plan.rows == "all":
            self._train(chosen, "all")
            found = self.done[chosen, "all"]
            if not any(one.path for one in found):
                check_chosen({}, [one.error for one in found])
        return chosen

    def _chosen(self) -> int:
        """Return the finalist of the best mean; one with a failed training is not chosen."""
        name, sign = self.plan.goal.name, 1 if self.plan.goal.direction == "maximize" else -1
        whole = {
            place: [one.scores[name] for one in found]
            for (place, _), found in self.done.items()
            if all(one.path for one in found)
        }
        errors = [one.error for found in self.done.values() for one in found if one.error]
        check_chosen(whole, errors)
        # of equal ones the best of the search
        return max(whole, key=lambda place: sign * float(np.mean(whole[place])))

    def _train(self, place: int, rows: TrainedRows) -> None:
        for seed in range(self.plan.seeds):
            digest = self.plan.digest(place, rows, seed)
            found = self.record.training(digest)
            if found is None:
                found = self._trained(place, rows, seed, digest)
            self.done.setdefault((place, rows), []).append(found)
            self.bar.update()

    def _trained(self, place: int, rows: TrainedRows, seed: int, digest: str) -> StoredTraining:
        candidate, training = self.plan.finalists[place], self.plan.trainings[place]
        number = candidate.trial.number
        self.bar.set_postfix_str(f"trial {number}, seed {seed}, {rows} rows")
        try:
            made = retrain(
                candidate,
                training,
                epochs=training.epochs,
                seed=self.plan.seed(place, seed),
                rows=rows,
                initial=training.initial,
            )
            scores = made.scores(training.splits.validation) if rows == "train" else {}
        except EvaluationFailed as error:
            _logger.warning("trial %d, seed %d: the training failed: %s", number, seed, error)
            return self.record.add_failure(digest, error)
        name = f"trial-{number}-{rows}-{seed}"
        return self.record.add_training(digest, made.network, name, scores, made.seconds)


def _opening_of(plan: Plan, record: FinalRecord, reopen: bool) -> Opening | None:
    """Return this comparison's own opening of the test rows; None if it has none yet.

    Raises:
        SealedRows: if others have opened them, unless ``reopen``.
    """
    described, openings = plan.describe(), record.openings
    for opening in reversed(openings):
        if _same(opening.plan, described):
            return opening
    if openings and reopen is not True:
        last = openings[-1]
        raise SealedRows(
            f"expected test rows that no choice has seen, but they were opened at {last.at} for "
            f"trials {last.plan.get('trials')} (epochs {last.plan.get('epochs')}, "
            f"{last.plan.get('seeds')} seeds); repeat that call for its result, or give "
            "reopen_test=True, which is stored and shown: the score is then optimistic"
        )
    return None


def _same(stored: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Return whether two comparisons are the same; a copied study may number trials anew."""
    return all(stored.get(name) == wanted[name] for name in wanted if name != "trials")


def _open(
    plan: Plan, record: FinalRecord, opening: Opening | None, chosen: int, done: Trainings
) -> Opening:
    """Store that the test rows are opened, read them, and store the scores."""
    assert plan.test is not None
    if opening is None:
        opening = record.open(plan.describe(), plan.finalists[chosen].trial.number)
    return record.close(opening, dict(_scored(plan, plan.test, done)))


def _scored(
    plan: Plan, sealed: SealedPart, done: Trainings
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    part = opened(sealed)
    n = len(part.dataset) if isinstance(part, DataLoader) else len(part)  # type: ignore[arg-type]  # it has a length
    for (place, rows), found in done.items():
        candidate, training = plan.finalists[place], plan.trainings[place]
        values: list[float] = []
        kept: list[RowScores | None] = []
        for path in (one.path for one in found if one.path is not None):
            network = network_of(candidate, path)
            scores, of_rows = _for_rows(training, rows).score_rows(network, candidate, part)
            values.append(scores[plan.goal.name])
            kept.append(of_rows)
        known = [one for one in kept if one is not None]
        half = rows_half_width(known, n) if len(known) == len(kept) else None
        if values:
            yield (
                f"{place}:{rows}",
                {
                    "values": values,
                    "rows": n,
                    "rows_half_width": half,
                },
            )


def _for_rows(training: ShortTraining, rows: TrainedRows) -> ShortTraining:
    """Return a training with the scale of the targets that networks of these rows predict in."""
    return training.on(joined_splits(training)) if rows == "all" else training


def _measured_again(
    result: SearchResult, plan: Plan, place: int, record: FinalRecord
) -> dict[str, float]:
    """Return the objectives of the evaluators beside the training, such as a latency."""
    candidate, digest = plan.finalists[place], plan.digest(place, "train", 0)
    found = record.measured(digest)
    if found is not None:
        return found
    values: dict[str, float] = {}
    for part in _others(result.evaluate):
        goals = declared_objectives(part)
        try:
            values |= measured(part, candidate, goals)
        except BonasError as error:
            names = [goal.name for goal in goals]
            _logger.warning("trial %d: %s not measured: %s", candidate.trial.number, names, error)
    goals_of_search = {objective.name for objective in result.objectives}
    values = {name: value for name, value in values.items() if name in goals_of_search}
    if values:
        record.add_measured(digest, values)
    return values


def _others(evaluate: Evaluator | None) -> list[Evaluator]:
    """Return the evaluators that declare objectives, and read no network's training."""
    parts = evaluate.evaluators if isinstance(evaluate, Stages) else [evaluate]
    return [
        part
        for part in parts
        if part is not None
        and not isinstance(part, (ShortTraining, InheritedLoss))
        and declared_objectives(part)
    ]


def _result(
    plan: Plan,
    record: FinalRecord,
    chosen: int,
    done: Trainings,
    again: Sequence[Mapping[str, float]],
    opening: Opening | None,
) -> FinalResult:
    finalists = []
    for place, candidate in enumerate(plan.finalists):
        rows: TrainedRows = "all" if (place, "all") in done else "train"
        found = [one for key, many in done.items() if key[0] == place for one in many]
        finalists.append(
            Finalist(
                candidate=candidate,
                training=plan.trainings[place],
                short=candidate.values[plan.ranked_by.name],
                validation=tuple(
                    one.scores[plan.goal.name] for one in done.get((place, "train"), ()) if one.path
                ),
                test=_score(opening, place, rows, plan.goal),
                train_test=_score(opening, place, "train", plan.goal),
                measured=again[place],
                files=tuple(one.path for one in done.get((place, rows), ()) if one.path),
                on_all_rows=rows == "all",
                failures=tuple(one.error for one in found if one.error),
            )
        )
    compared = [each for each in finalists if each.validation]
    pairs = [(each.short, float(np.mean(each.validation))) for each in compared]
    short, full = oriented(pairs, [plan.ranked_by.direction, plan.goal.direction]).T
    return FinalResult(
        objective=plan.goal,
        finalists=tuple(finalists),
        chosen=plan.finalists[chosen].trial.number,
        agreement=RankAgreement.of(short.tolist(), full.tolist()),
        openings=tuple(each.at for each in record.openings),
        seconds=sum(one.seconds for many in done.values() for one in many),
        ranked_by=None if plan.ranked_by.name == plan.goal.name else plan.ranked_by,
    )


def _score(
    opening: Opening | None, place: int, rows: TrainedRows, goal: Objective
) -> HeldOutScore | None:
    stored = None if opening is None else (opening.scores or {}).get(f"{place}:{rows}")
    if stored is None:
        return None
    values, half = tuple(stored["values"]), stored["rows_half_width"]
    return HeldOutScore(values, stored["rows"], half, bounds_of(goal))
