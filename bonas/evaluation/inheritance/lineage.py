"""Lineage: which trained network a network started from, as its trial holds it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from optuna.trial import FrozenTrial, Trial

from bonas.arguments import is_count, is_number
from bonas.evaluation.inheritance.inherit import How

LINEAGE = "bonas:lineage"
"""The trial's user attribute that holds its lineage, and the description of its training, as JSON.
It is written before the training begins."""


@dataclass(frozen=True, slots=True)
class Lineage:
    """Where the weights of a network came from before its training.

    Attributes:
        parent: The number of the trial whose weights it inherited, in the study in which it was
            trained; None if it started fresh.
        how: ``net2net`` if it computed what its parent did, ``same`` if only tensors of equal name
            and shape were copied, ``aligned`` if others were, ``fresh`` if none.
        share: The share of its parameters that it inherited, from 0 to 1.
        difference: How much its outputs differed from its parent's at the start, as a share of
            their range; NaN where that is not known.
    """

    parent: int | None
    how: How
    share: float
    difference: float = math.nan

    @classmethod
    def of(cls, trial: FrozenTrial | Trial) -> Lineage | None:
        """Return the lineage that a trial holds; None if it has none, or none that can be read."""
        found = _stored(trial)
        parent, how, share = (found.get(name) for name in ("parent", "how", "share"))
        difference = found.get("difference")
        is_known = parent is None or is_count(parent)
        known_how: How | None = next((name for name in get_args(How) if name == how), None)
        if not is_known or known_how is None or not is_number(share):
            return None
        return cls(
            parent, known_how, float(share), difference if is_number(difference) else math.nan
        )

    def store(self, trial: FrozenTrial | Trial, training: Mapping[str, Any]) -> None:
        """Write it into a trial, with the description of the training that follows."""
        difference = self.difference if math.isfinite(self.difference) else None
        stored = {
            "parent": self.parent,
            "how": self.how,
            "share": round(self.share, 6),
            "difference": difference,
            "training": training,
        }
        trial.set_user_attr(LINEAGE, json.dumps(stored))


def training_of(trial: FrozenTrial | Trial) -> Mapping[str, Any] | None:
    """Return the description of the training that a trial holds with its lineage."""
    training = _stored(trial).get("training")
    return training if isinstance(training, dict) else None


def _stored(trial: FrozenTrial | Trial) -> Mapping[str, Any]:
    text: object = trial.user_attrs.get(LINEAGE)
    try:
        found: object = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
