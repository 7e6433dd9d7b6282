"""Price: what a supernet cost, in trainings of a single network from scratch."""

from __future__ import annotations

from dataclasses import dataclass

WORTH = 20
"""Trainings that a supernet may cost: where one training is less than a twentieth of it, training
more networks teaches a search more than the supernet does."""


@dataclass(frozen=True, slots=True)
class Price:
    """What a supernet cost.

    Attributes:
        seconds: Of its training; None where that is not known.
        training_seconds: Of one training of a network from scratch, a median; None where that is
            not known.
    """

    seconds: float | None
    training_seconds: float | None

    @property
    def trainings(self) -> float | None:
        """For how many trainings from scratch its training stands; None where that is not known."""
        if not self.seconds or not self.training_seconds:
            return None
        return self.seconds / self.training_seconds

    @property
    def pays(self) -> bool | None:
        """Whether that is cheap enough to save a search time; None where it is not known."""
        return None if self.trainings is None else self.trainings <= WORTH

    def __str__(self) -> str:
        if not self.seconds:
            return "price: not known, since the supernet was not trained here"
        spent = f"price: {self.seconds:.3g} s"
        if self.trainings is None:
            return f"{spent}; in trainings from scratch with a study, or with retrain=5"
        verdict = "it pays" if self.pays else "it does not pay"
        return (
            f"{spent}, as much as {self.trainings:.3g} trainings from scratch of "
            f"{self.training_seconds:.2g} s; {verdict} (up to about {WORTH} it does)"
        )
