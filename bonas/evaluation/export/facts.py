"""Facts: what a model card says of a network, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from bonas.evaluation.data.splits import Splits, TargetScale


@dataclass(frozen=True, slots=True)
class Value:
    """One measurement: its name, value, unit, and standard deviation if that is known."""

    name: str
    value: float
    unit: str = ""
    spread: float | None = None

    def __str__(self) -> str:
        spread = "" if self.spread is None else f" ± {self.spread:.2g}"
        return f"{self.value:.6g}{spread} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a network besides its weights.

    Attributes:
        title: A name for people.
        choices: A parameter's name -> the chosen value.
        values: What was measured.
        details: Further lines of the card, such as the space, the seed and the device.
        data: The name of the data; "" if unknown.
        task: The task of the data; "" if unknown.
        classes: Labels are 0 to ``classes - 1``; 0 if there are none.
        vocabulary: Inputs are token ids 0 to ``vocabulary - 1``; 0 of other inputs.
        scale: Mean and deviation of the training targets of a regression.
    """

    title: str = "network"
    choices: Mapping[str, Any] = field(default_factory=dict)
    values: tuple[Value, ...] = ()
    details: Mapping[str, str] = field(default_factory=dict)
    data: str = ""
    task: str = ""
    classes: int = 0
    vocabulary: int = 0
    scale: TargetScale | None = None

    def on(self, splits: Splits) -> Facts:
        """Return the facts with those of the data."""
        rows = f"{len(splits.train)} for training, {len(splits.validation)} for validation"
        return replace(
            self,
            data=splits.name,
            task=splits.task or "",
            classes=splits.classes,
            vocabulary=splits.vocabulary,
            scale=splits.scale,
            details={**self.details, "rows": rows},
        )
