"""Facts about the lineage that a trial holds."""

from __future__ import annotations

import json
import math
from typing import Any

import optuna
import pytest

from bonas.evaluation import Lineage
from bonas.evaluation.inheritance.lineage import LINEAGE, training_of


@pytest.mark.parametrize(
    "lineage", [Lineage(3, "net2net", 0.5, 1e-7), Lineage(None, "fresh", 0.0, math.nan)]
)
def test_what_is_stored_is_read(lineage: Lineage) -> None:
    trial = optuna.create_study().ask()
    lineage.store(trial, {"epochs": 4})
    found = Lineage.of(trial.study.trials[0])
    assert found is not None
    assert (found.parent, found.how, found.share) == (lineage.parent, lineage.how, lineage.share)
    assert found.difference == pytest.approx(lineage.difference, nan_ok=True)
    assert training_of(trial) == {"epochs": 4}


@pytest.mark.parametrize(
    "stored",
    [
        None,
        3,
        "{",
        "[]",
        json.dumps({"parent": -1, "how": "same", "share": 0.5}),
        json.dumps({"parent": None, "how": "other", "share": 0.5}),
        json.dumps({"parent": None, "how": ["same"], "share": 0.5}),
        json.dumps({"parent": None, "how": "same", "share": "half"}),
    ],
)
def test_what_another_program_wrote_counts_as_none(stored: Any) -> None:
    trial = optuna.create_study().ask()
    if stored is not None:
        trial.set_user_attr(LINEAGE, stored)
    assert Lineage.of(trial) is None
    assert training_of(trial) is None
