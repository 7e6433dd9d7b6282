"""Export of a stored study's network: a trial's, or a finalist's from its file of weights."""

from __future__ import annotations

import os
from pathlib import Path

from bonas.deploy.final_record import network_of
from bonas.deploy.retraining import joined_splits, training_in
from bonas.errors import InvalidArgument
from bonas.evaluation import Candidate
from bonas.evaluation.export import Export
from bonas.result import SearchResult

_ALL_ROWS = "-all-"  # in the name of a finalist's file: also trained on the validation rows


def export_stored(
    result: SearchResult,
    trial: int | None,
    folder: str | os.PathLike[str],
    *,
    weights: str | os.PathLike[str] | None = None,
    kept: str | os.PathLike[str] | None = None,
    onnx: bool | None = None,
    int8: bool | None = None,
    overwrite: bool = False,
) -> Export:
    """Export a network of a study.

    Args:
        result: The search.
        trial: The number of the trial; None is the best one, of a search for one objective.
        folder: Appears complete or not at all.
        weights: A file that ``bonas.finalize`` wrote for this trial. Its targets' scale is that of
            the rows it was trained on. None takes the weights that the search kept.
        kept: The folder that holds those now; None is where they were kept.
        onnx: As ``Candidate.export`` takes it.
        int8: As ``Candidate.export`` takes it.
        overwrite: Whether an earlier export may be replaced.

    Raises:
        InvalidArgument: if the study has no such finished trial, or none is named where there are
            several objectives.
    """
    candidate = _chosen(result, trial)
    training = training_in(result.evaluate)
    if weights is None:
        network = candidate.trained(kept)
    else:
        network = network_of(candidate, Path(weights))
        if training is not None and _ALL_ROWS in Path(weights).name:
            training = training.on(joined_splits(training))
    return candidate.export(
        folder, network=network, data=training, onnx=onnx, int8=int8, overwrite=overwrite
    )


def _chosen(result: SearchResult, trial: int | None) -> Candidate:
    front = [candidate.trial.number for candidate in result.front]
    if trial is None:
        if len(result.objectives) > 1:
            names = ", ".join(objective.name for objective in result.objectives)
            raise InvalidArgument(
                f"expected the number of a trial, since the search has several objectives "
                f"({names}), got none; the front has {front}"
            )
        return result.best()
    found = {candidate.trial.number: candidate for candidate in result.candidates}
    if trial not in found:
        states = {one.number: one.state.name.lower() for one in result.study.trials}
        state = f"which is {states[trial]}" if trial in states else "which the study does not have"
        raise InvalidArgument(
            f"expected the number of a finished trial, got {trial}, {state}; the front has {front}"
        )
    return found[trial]
