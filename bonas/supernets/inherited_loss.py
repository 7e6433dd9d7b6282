"""The inherited loss: what a network is worth with the weights of a supernet, as an evaluator.

One training of the supernet serves every device: a search over inherited losses and measured
latencies trains no network at all.

Source: Cai, Gan, Wang, Zhang and Han (2020), "Once-for-all: train one network and specialize it for
efficient deployment", ICLR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.declared import CHEAP, declared_description
from bonas.evaluation.objective import Objective
from bonas.evaluation.training.description import without_recipe
from bonas.evaluation.training.initial_weights import check_space
from bonas.supernets.supernet import Supernet
from bonas.supernets.training.inherited import scored

INHERITED: Final = "inherited_"
"""How the names of what is measured with inherited weights begin."""


@dataclass(frozen=True, eq=False)
class InheritedLoss:
    """An evaluator: the validation loss of a network with inherited weights.

    Called with a candidate it returns ``inherited_loss``, to be minimised, and what the training of
    the supernet measures, such as ``inherited_accuracy``: of the network as a part of the supernet,
    its batch norms recalibrated, without any training of its own. It takes a fraction of a second.

    These values are not those of trained networks, and rank them hardly better than their size
    does (``supernet.report()``). Train what you choose: ``bonas.finalize(result,
    initial=supernet)`` fine-tunes the best ones.

    Args:
        supernet: Trained, with a training that says what the rows and the loss are.

    Raises:
        InvalidArgument: if it is no supernet, or has no training.
    """

    phase: ClassVar[str] = "inherited loss"

    supernet: Supernet

    def __post_init__(self) -> None:
        if self.supernet is None:
            raise InvalidArgument(
                "expected a Supernet, got None: the file of its weights is gone, and nothing else "
                "measures inherited losses; train it again (bonas front shows what a study has "
                "measured)"
            )
        if not isinstance(self.supernet, Supernet):
            raise InvalidArgument(
                f"expected a Supernet, got {self.supernet!r}; as in InheritedLoss(supernet)"
            )
        if self.supernet.training is None:
            raise InvalidArgument(
                "expected a supernet with a training, whose rows and loss score networks, got one "
                "without; create or load it with its ShortTraining"
            )

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The loss."""
        return (Objective(f"{INHERITED}loss", "minimize"),)

    @property
    def cost(self) -> Literal["cheap"]:
        """Much less than that of a training."""
        return CHEAP

    def describe(self) -> dict[str, Any]:
        """Return what decides the loss, as JSON values under its name: rows, loss and weights."""
        of_training = next(iter(declared_description(self.supernet.training).values()))
        return {
            f"{INHERITED}loss": {**without_recipe(of_training), "initial": self.supernet.describe()}
        }

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``inherited_loss``, and the metrics of the training under such names.

        Raises:
            InvalidArgument: for a candidate of another space.
        """
        check_space(self.supernet, candidate.space)
        score = scored(self.supernet, candidate.choices)
        metrics = {f"{INHERITED}{name}": value for name, value in score.metrics.items()}
        return {**metrics, f"{INHERITED}loss": -score.value}
