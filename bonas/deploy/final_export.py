"""Export of a network that was trained in full: its card has the score on the test rows."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import TYPE_CHECKING

from bonas.deploy.retraining import joined_splits
from bonas.evaluation.export import Builder, Export, Value, export_network
from bonas.evaluation.export.of_candidate import calibration_of, facts_of
from bonas.evaluation.training.feed import Feed

if TYPE_CHECKING:
    from bonas.deploy.final_result import Finalist


def export_finalist(
    finalist: Finalist,
    folder: str | os.PathLike[str],
    *,
    seed: int,
    onnx: bool | None,
    int8: bool | None,
    overwrite: bool,
) -> Export:
    """Export a finalist's network, see ``Finalist.export``."""
    network, training = finalist.network(seed), finalist.training
    splits = joined_splits(training) if finalist.on_all_rows else training.splits
    candidate, goal = finalist.candidate, training.objectives[0]
    others = replace(candidate, values={**candidate.values, **finalist.measured})
    facts = facts_of(others)
    rows = "training and validation rows" if finalist.on_all_rows else "the training rows"
    start = "" if training.initial is None else ", from the weights of a supernet"
    details = {
        "full training": f"{training.epochs} epochs on {rows}, {len(finalist.files)} seeds{start}"
    }
    if goal.name in candidate.values:
        details[f"{goal.name} above"] = "of the short training in the search, on validation rows"
    values = list(facts.values)
    if finalist.test is not None:
        test = finalist.test
        low, high = test.interval
        spread = None if math.isnan(test.sd) else test.sd
        values.insert(0, Value(f"test {goal.name}", test.mean, goal.unit, spread))
        details[f"test {goal.name}"] = (
            f"mean of {len(test.values)} seeds on {test.rows} rows, "
            f"95 % interval {low:.4g} to {high:.4g}"
        )
    facts = replace(facts, values=tuple(values), details={**facts.details, **details})
    facts = facts.on(splits)
    shown = {**facts.details, "rows": f"{len(splits.train)} for training"}
    feed = Feed.of(candidate.space, network)
    calibration = calibration_of(splits, feed) if splits.task is not None else []
    return export_network(
        folder,
        network,
        calibration[0] if calibration else candidate.space.example,
        facts=replace(facts, details=shown),
        calibration=calibration,
        builder=Builder.of(candidate.space),
        onnx=onnx,
        int8=int8,
        overwrite=overwrite,
    )
