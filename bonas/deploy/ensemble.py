"""Ensemble: several trained networks of a search as one, chosen on its validation rows."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bonas.arguments import check_count
from bonas.deploy.ensemble_network import EnsembleNetwork, Kind
from bonas.deploy.greedy_selection import Array, Loss, Selection, greedy_selection
from bonas.deploy.retraining import Retrained, training_in
from bonas.errors import InvalidArgument, MissingData
from bonas.evaluation import Candidate, ShortTraining
from bonas.evaluation.constraint import Constraint, as_constraints
from bonas.evaluation.data.targets import IGNORE_INDEX
from bonas.evaluation.export import Export, Facts, Value, export_network
from bonas.evaluation.export.of_candidate import calibration_of, facts_of
from bonas.evaluation.training.feed import Feed
from bonas.evaluation.weights import WEIGHTS
from bonas.result import SearchResult
from bonas.settings import own_settings
from bonas.studies.constraints import values_of

_KINDS: Mapping[str, Kind] = {
    "classification": "classes",
    "next_token": "classes",
    "multi_label": "labels",
    "regression": "numbers",
}


class Ensemble(EnsembleNetwork):
    """A weighted mean of trained networks, in evaluation mode; a module like any other.

    Attributes:
        members: The candidates, the largest share first.
        weights: The share of each; their sum is 1.
        validation: How it was chosen: the loss on the validation rows (log loss, or mean squared
            error of standardised targets) of the ensemble and of the best network alone. These
            rows chose it, so it does a little worse on others.
        costs: A limited measurement's name -> its sum over the members.
    """

    def __init__(
        self,
        members: Sequence[Candidate],
        networks: Sequence[nn.Module],
        selection: Selection,
        training: ShortTraining,
        costs: Mapping[str, float],
    ) -> None:
        task = training.splits.task
        assert task is not None  # it was checked
        super().__init__(
            networks, selection.shares, _KINDS[task], classes_last=task == "next_token"
        )
        self.members, self.weights = tuple(members), selection.shares
        self.validation, self.costs = selection, dict(costs)
        self.training_of_members = training

    def export(
        self,
        folder: str | os.PathLike[str],
        *,
        onnx: bool | None = None,
        int8: bool | None = None,
        overwrite: bool = False,
    ) -> Export:
        """Write it as a folder that loads without bonas, as ``Candidate.export`` does.

        Raises:
            InvalidArgument: if the folder exists, or a member has no source.
            ExportFailed: if ONNX or INT8 was asked for and is impossible.
            BrokenExport: if the folder does not load elsewhere, or computes something else.
        """
        space, splits = self.members[0].space, self.training_of_members.splits
        rows = calibration_of(splits, Feed.of(space, self.networks[0]))
        network = EnsembleNetwork(
            list(self.networks), self.shares, self.kind, classes_last=self.classes_last
        )
        return export_network(
            folder,
            network,
            rows[0],
            facts=self._facts().on(splits),
            calibration=rows,
            onnx=onnx,
            int8=int8,
            overwrite=overwrite,
        )

    def _facts(self) -> Facts:
        facts = facts_of(self.members[0], self.training_of_members)
        chosen = {
            f"member {i}": {"share": share, "trial": one.trial.number, "choices": {**one.choices}}
            for i, (one, share) in enumerate(zip(self.members, self.weights, strict=True), 1)
        }
        name = "mean squared error" if self.kind == "numbers" else "log loss"
        unit_of = self.members[0].unit_of
        values = [
            Value(f"{name} on the validation rows, which chose it", self.validation.loss),
            Value(f"{name} there of its best member alone", self.validation.single),
            *(Value(f"{n}, in all", cost, unit_of(n)) for n, cost in self.costs.items()),
        ]
        details = {name: text for name, text in facts.details.items() if name != "trial"}
        return replace(
            facts,
            title=f"Ensemble of {len(self.members)} networks",
            choices=chosen,
            values=tuple(values),
            details=details,
        )


def ensemble(
    result: SearchResult,
    training: ShortTraining | None = None,
    *,
    size: int = 20,
    candidates: Sequence[Candidate] | None = None,
    retrained: Sequence[Retrained] | None = None,
    folder: str | os.PathLike[str] | None = None,
    **limits: str,
) -> Ensemble:
    """Choose and weigh trained networks by what they predict together on the validation rows.

    Networks are drawn greedily, with replacement, by log loss or squared error
    (``bonas.deploy.greedy_selection``). The same arguments give the same ensemble. Test rows are
    never read. Networks that were trained on the validation rows, too, cannot be judged by them.

    Args:
        result: A search.
        training: What trained the networks, with its data; None is that of the search.
        size: Number of draws; more of them give finer shares and at most as many members.
        candidates: Those to choose from, which kept their weights; None is all that did
            (``ShortTraining(keep_weights=folder)``).
        retrained: Networks to choose from instead, as ``bonas.deploy.retraining.retrain`` gives
            them with ``rows="train"``.
        folder: Where the weights are now; None is where they were kept.
        limits: Upper bounds of what a network measures, for the sum over the members:
            ``latency="<= 10"``, ``parameters="<= 1e6"``.

    Raises:
        InvalidArgument: if no network keeps the limits, a limit is no upper bound, or the training
            has no predictions to average (a score of your own).
        MissingData: if no weights were kept.

    >>> import bonas, tempfile
    >>> space = bonas.spaces.MLPSpace(inputs=4, classes=3, depths=(1,), widths=(8, 16))
    >>> training = ShortTraining("iris", epochs=3, keep_weights=tempfile.mkdtemp())
    >>> found = bonas.optimize(space, 4, evaluate=training, progress=False)
    >>> made = ensemble(found, training, parameters="<= 400")
    >>> made.costs["parameters"] <= 400, sum(made.weights)
    (True, 1.0)
    """
    own = _checked_training(result, training)
    bounds = _upper_bounds(limits)
    check_count("size", size)
    pool = _library(result, candidates, retrained, own, folder)
    costs = _costs(result, [candidate for candidate, _ in pool], bounds)
    with own_settings():
        predictions, targets = _predictions(pool, own)
        loss = _loss(own, targets)
        upper = np.array([bound.upper for bound in bounds], np.float64)
        selection = greedy_selection(predictions, loss, costs, upper, size)
    if selection is None:
        raise _unaffordable(bounds, costs)
    places = list(selection.members)
    total = costs[places].sum(axis=0)
    return Ensemble(
        [pool[i][0] for i in places],
        [pool[i][1] for i in places],
        selection,
        own,
        {bound.name: float(cost) for bound, cost in zip(bounds, total, strict=True)},
    ).eval()


def _checked_training(result: SearchResult, given: object) -> ShortTraining:
    found = training_in(result.evaluate) if given is None else given
    if not isinstance(found, ShortTraining):
        raise InvalidArgument(
            f"expected training to be the ShortTraining of the search, got {found!r}; give the one "
            "that trained the networks"
        )
    if found.score is not None or found.splits.task not in _KINDS:
        raise InvalidArgument(
            "expected a training with labels, tokens or numbers to predict, got one with a score "
            "of your own; average the networks of result.front yourself"
        )
    return found


def _upper_bounds(limits: Mapping[str, str]) -> tuple[Constraint, ...]:
    bounds = as_constraints(limits) if limits else ()
    for bound in bounds:
        if bound.lower is not None or bound.upper is None:
            raise InvalidArgument(
                f'expected limits such as latency="<= 10", got {bound}; costs of members add up'
            )
    return bounds


def _library(
    result: SearchResult,
    candidates: Sequence[Candidate] | None,
    retrained: Sequence[Retrained] | None,
    training: ShortTraining,
    folder: str | os.PathLike[str] | None,
) -> list[tuple[Candidate, nn.Module]]:
    """Return the networks to choose from.

    Raises:
        MissingData: if there are none.
        InvalidArgument: if one was trained on the validation rows.
    """
    if retrained is not None:
        rows = len(training.splits.train)
        for one in retrained:
            if len(one.training.splits.train) != rows:
                raise InvalidArgument(
                    f"expected networks that were trained on the {rows} training rows alone, got "
                    f"one trained on {len(one.training.splits.train)}; validation rows that "
                    'trained it cannot judge it: retrain(..., rows="train")'
                )
        found = [(one.candidate, one.network.cpu().eval()) for one in retrained]
    else:
        pool = result.candidates if candidates is None else candidates
        if candidates is None:
            pool = [one for one in pool if WEIGHTS in one.trial.user_attrs]
        found = [(one, one.trained(folder)) for one in pool]
    if not found:
        raise MissingData(
            f"expected trained networks, got none with weights among {len(result.candidates)}; "
            "search with ShortTraining(keep_weights=folder), or give retrained="
        )
    return found


def _costs(
    result: SearchResult, candidates: Sequence[Candidate], bounds: Sequence[Constraint]
) -> Array:
    """Return ``n x c`` costs; NaN where one was not measured."""
    names = [objective.name for objective in result.objectives]
    rows = []
    for one in candidates:
        values = values_of(one.trial, bounds, names, result.space)  # type: ignore[arg-type]  # frozen
        rows.append([values[bound.name] for bound in bounds])
    return np.array(rows, np.float64).reshape(len(candidates), len(bounds))


def _unaffordable(bounds: Sequence[Constraint], costs: Array) -> InvalidArgument:
    known = [
        f"{bound.name} {np.nanmin(column):.6g}"
        if np.isfinite(column).any()
        else f"{bound.name} never measured"
        for bound, column in zip(bounds, costs.T, strict=True)
    ]
    return InvalidArgument(
        f"expected limits that one network keeps, got {'; '.join(map(str, bounds))}; the least of "
        f"any network: {', '.join(known)}"
    )


def _predictions(
    pool: Sequence[tuple[Candidate, nn.Module]], training: ShortTraining
) -> tuple[list[Array], Array]:
    """Return what each network predicts for the known validation rows, and their targets."""
    judge = replace(training, metric=_no_number, direction="minimize")
    judge = judge.on(training.splits)
    task, found, targets = training.splits.task, [], torch.zeros(0)
    for candidate, network in pool:
        rows = judge.score_rows(network, candidate, training.splits.validation)[1]
        assert rows is not None  # the training has no score
        outputs, targets = rows.kept.double(), rows.targets
        if _KINDS[task or ""] == "classes":
            known = targets != IGNORE_INDEX
            outputs = outputs[known].softmax(dim=-1)[:, : training.splits.classes]
            targets = targets[known]
        elif _KINDS[task or ""] == "labels":
            outputs = outputs.sigmoid()
        found.append(outputs.numpy())
        network.cpu()
    return found, targets.numpy()


def _no_number(outputs: Tensor, targets: Tensor) -> float:
    """Score nothing: the rows are wanted."""
    return 0.0


def _loss(training: ShortTraining, targets: Any) -> Loss:
    """Return the loss of mean predictions."""
    kind, least = _KINDS[training.splits.task or ""], 1e-12
    if kind == "classes":
        places = np.arange(len(targets))
        return lambda p: float(-np.log(np.maximum(p[places, targets], least)).mean())
    if kind == "labels":
        truth = targets.astype(np.float64)
        return lambda p: float(
            -(truth * np.log(np.maximum(p, least))).mean()
            - ((1 - truth) * np.log(np.maximum(1 - p, least))).mean()
        )
    scale = training.splits.scale
    truth = targets.astype(np.float64)
    deviation = 1.0 if scale is None else np.array(scale.deviation)
    return lambda p: float((((p.reshape(truth.shape) - truth) / deviation) ** 2).mean())
