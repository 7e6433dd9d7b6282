"""The description of a training: what decides its values, as JSON values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bonas.evaluation.data.splits import Splits
from bonas.evaluation.training.recipe import Recipe

_SETTINGS = ("epochs", "batch_size", "optimizer", "schedule", "validation", "test", "seed")
_LATER = ("class_weights", "precision", "inherit")  # described where they are not the default
_OWN = ("metric", "augment", "loss", "step", "score")  # may be functions, described by their names

_RECIPE = (
    "augment",
    "batch_size",
    "epochs",
    "inherit",
    "initial",
    "learning_rate",
    "optimizer",
    "schedule",
    "step",
    "weight_decay",
)
"""What of a description decides how a network is trained, and not what is measured of it."""
_ROWS = ("data", "task", "validation", "test", "seed")
"""What of a description decides which rows are trained on, judge and are held out."""


def described(
    settings: Mapping[str, Any], splits: Splits, recipe: Recipe, smoothing: float | None
) -> dict[str, Any]:
    """Return the description of a training.

    Args:
        settings: Of a ``ShortTraining``: a name -> its value.
        splits: Its data.
        recipe: Has the defaults of its settings.
        smoothing: Of the labels; None with a loss or a step of the user's own.
    """
    found = {"data": splits.name, **{name: settings[name] for name in _SETTINGS}}
    found |= {"learning_rate": recipe.learning_rate, "weight_decay": recipe.weight_decay}
    if smoothing is not None:
        found["label_smoothing"] = smoothing
    if splits.task not in ("classification", None):
        found["task"] = splits.task
    found |= {name: settings[name] for name in _LATER if settings[name] not in (None, False)}
    return found | {name: _text(settings[name]) for name in _OWN if callable(settings[name])}


def without_recipe(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a description decides what is measured, and not how weights are trained."""
    return {name: value for name, value in found.items() if name not in _RECIPE}


def differing_rows(found: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """Return one line per difference between the rows of two descriptions."""
    return [
        f"{name}: {found.get(name)!r} instead of {wanted.get(name)!r}"
        for name in _ROWS
        if found.get(name) != wanted.get(name)
    ]


def _text(function: object) -> str:
    """Return the text of a function, or of a callable object, without its address."""
    return re.sub(r" at 0x[0-9a-f]+", "", repr(function))
