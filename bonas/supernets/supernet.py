"""The supernet of a space: one set of weights, of which every network is a part."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from bonas.arguments import check_count, check_range
from bonas.errors import InvalidArgument, MissingData
from bonas.evaluation import ShortTraining
from bonas.evaluation.runtime import resolved_device
from bonas.evaluation.weights import Folder
from bonas.settings import own_settings
from bonas.spaces import Choices, Space
from bonas.supernets.binding import bind
from bonas.supernets.report import Measured, SupernetReport, report
from bonas.supernets.report.measured import Source
from bonas.supernets.sharing import sharing_of
from bonas.supernets.slot import Slot
from bonas.supernets.store import Store
from bonas.supernets.training.checkpoint import (
    Checkpoint,
    adopt,
    belonging_of,
    checked_path,
    checkpoint_of,
)
from bonas.supernets.training.inherited import all_scored, recalibrated, scored
from bonas.supernets.training.preparation import training_of
from bonas.supernets.training.record import FitRecord, Length
from bonas.supernets.training.resumption import fit
from bonas.supernets.training.rule import Rule
from bonas.supernets.training.scoring import InheritedScore
from bonas.supernets.training.state import State

_logger = logging.getLogger(__name__)


class Supernet:
    """Shared weights for all networks of a space.

    What shared weights say of a network is cheap, and hardly more than its number of parameters
    says: use it as knowledge of a search, as the start of trainings, or to find candidates. It is
    never the value of a trial.

    Args:
        space: The architectures; it builds networks.
        training: How the weights are trained: the rows, the loss and the recipe. None for weights
            that are trained elsewhere.
        seed: Of the initial weights, and of everything that is drawn in a training.
        device: Where the weights are; None is that of the training, or the CPU without one.

    Raises:
        InvalidArgument: for a space or a training that cannot work.
        MissingBuilder: if the space builds no networks.

    >>> import bonas
    >>> space = bonas.spaces.NASBench201(channels=4, cells=1)
    >>> supernet = Supernet(space)
    >>> choices = dict.fromkeys(space.parameters, "nor_conv_3x3")
    >>> one, other = supernet.network(choices), supernet.network(choices)
    >>> one.stem[0].weight.data_ptr() == other.stem[0].weight.data_ptr()
    True
    """

    def __init__(
        self,
        space: Space,
        training: ShortTraining | None = None,
        *,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        self.sharing = sharing_of(space)
        self.space, self.training = space, training
        self.seed = check_count("seed", seed, least=0)
        where = device or ("cpu" if training is None else training.device)
        self.store = Store(self.seed, resolved_device(where))
        self.state = State()

    def network(self, choices: Choices) -> nn.Module:
        """Return a network that shares its weights with all others: a part of the supernet.

        Its parameters are slices of shared tensors, which gradients reach; what a training changes
        in these it changes here, except in parameters of several blocks, which are copies: take a
        network for one step. Its buffers, such as running statistics, are its own and fresh.

        Raises:
            InvalidSpace: if the choices are not of the space, or weights cannot be shared.
        """
        checked = self._checked(choices)
        network, slots = self.sharing.build(checked)
        self._cover(checked, slots)
        return self._bound(network, slots)

    def extract(self, choices: Choices) -> nn.Module:
        """Return a network with a copy of its shared weights; its buffers are fresh.

        After ``fit``, what no trained network has held has its own initial values, which follow
        from the choices and the seed: the result depends on no network that was asked for before.

        Raises:
            InvalidSpace: if the choices are not of the space, or weights cannot be shared.
        """
        checked = self._checked(choices)
        slots = self.sharing.build(checked)[1]
        if not self.store.marked:  # all that it holds counts
            self._cover(checked, slots)
        return self._copied(self._initial(checked), slots).train()

    def _inherited(self, choices: Choices) -> nn.Module:
        """Return a network with the values of ``extract``, shared where that says the same."""
        checked = self._checked(choices)
        network, slots = self.sharing.build(checked)
        if self.store.holds(slots):
            return self._bound(network, slots)
        return self._copied(self._initial(checked), slots).train()

    def copy_into(self, network: nn.Module, choices: Choices) -> None:
        """Give a network that the space built of these choices its shared weights, as trained.

        What no trained network has held keeps the values that it has, so that the result depends on
        no network that was asked for before.

        Raises:
            InvalidSpace: if the choices are not of the space, or weights cannot be shared.
            InvalidArgument: if the network is another one, or the supernet holds no weights.
        """
        self._check_held()
        slots = self.sharing.build(self._checked(choices))[1]
        own = dict(network.named_parameters())
        if strange := [slot.name for slot in slots if slot.name not in own]:
            raise InvalidArgument(
                f"expected a network that the space builds of {dict(choices)}, got one without the "
                f"parameters {strange[:3]}; build it with space.build"
            )
        self._copied(network, slots)

    def describe(self) -> dict[str, Any]:
        """Return JSON values that differ for other weights, whatever trained them.

        Raises:
            InvalidArgument: if it holds no weights.
        """
        self._check_held()
        return {"supernet": self.store.digest()}

    def _check_held(self) -> None:
        if not len(self.store):
            raise InvalidArgument(
                "expected a supernet whose weights were trained, got one without weights; call "
                "fit(), or Supernet.load(path, space, training)"
            )

    def cover(self, choices: Choices) -> list[str]:
        """Make room for a network; return the keys of shared tensors that are new or larger.

        Raises:
            InvalidSpace: if the choices are not of the space, or weights cannot be shared.
        """
        checked = self._checked(choices)
        return self._cover(checked, self.sharing.build(checked)[1])

    @property
    def fits(self) -> tuple[FitRecord, ...]:
        """The trainings of these weights that have ended."""
        return self.state.fits

    def fit(
        self,
        paths: int | None = None,
        *,
        seconds: float | None = None,
        rule: str | Rule = "auto",
        checkpoint: Folder | None = None,
        checkpoint_every: float = 30.0,
        progress: bool = True,
    ) -> FitRecord:
        """Train the shared weights.

        Rows, loss, optimizer, rates and precision are those of the training; its schedule is
        stretched over the whole. With a checkpoint a training goes on where an earlier process
        stopped, and gives the weights that it would have given without the stop (if it is limited
        by paths); one that has ended is loaded.

        Args:
            paths: How many networks contribute to the updates; by default 2,400.
            seconds: Wall time, instead.
            rule: Which networks learn in a step: ``"uniform"``, ``"fair"``, ``"sandwich"``,
                ``"shrinking"``, or a rule with settings from ``bonas.supernets.training``.
                ``"auto"`` is fair where all parameters have equally many options, sandwich where
                most have numbers as options, else uniform; the record says which, and why.
            checkpoint: A file that always holds the latest state, complete or not at all.
            checkpoint_every: Seconds between two writes of it; more, if they take over 5 % of the
                time.
            progress: Whether a bar is shown.

        Raises:
            InvalidArgument: if an argument cannot be used, or the supernet has no training.
            InvalidData: if networks of the space do not fit the data.
            CheckpointMismatch: if the file belongs to another space or training.
            NotFinite: if the loss diverges: the weights, and the file, are those of the last good
                state.
        """
        return fit(
            self,
            Length.of(paths, seconds),
            rule,
            None if checkpoint is None else checked_path(checkpoint),
            check_range("checkpoint_every", checkpoint_every, 0.0, math.inf),
            progress=progress,
        )

    def score(self, choices: Choices) -> float:
        """Return what a network is worth with the shared weights: minus its validation loss.

        Its batch norms are recalibrated before, on the same training rows for all networks. It is
        that of ``extract``: a function of the trained weights and the choices, whatever was scored
        before. The score is kept until the weights change. NaN if the loss is not finite.

        Raises:
            InvalidArgument: if the supernet has no training.
            InvalidSpace: if the choices are not of the space.
        """
        return scored(self, choices).value

    def scores(
        self,
        of: int | Iterable[Choices] = 500,
        *,
        checkpoint: Folder | None = None,
        progress: bool = True,
    ) -> tuple[InheritedScore, ...]:
        """Return the scores of many networks.

        Args:
            of: How many distinct networks are drawn, always the same ones for a seed, or which.
            checkpoint: The file of ``fit`` or ``save``, which keeps the scores: after an
                interruption they are not computed again.
            progress: Whether a bar is shown.

        Raises:
            InvalidArgument: if the supernet has no training.
        """
        path = None if checkpoint is None else checked_path(checkpoint)
        return all_scored(self, of, path, progress=progress)

    def recalibrated(self, network: nn.Module) -> nn.Module:
        """Give a network, such as an extracted one, statistics that fit its weights.

        Args:
            network: On the supernet's device. The running statistics of its batch norms are set; it
                is left in evaluation mode.

        Raises:
            InvalidArgument: if the supernet has no training.
        """
        return recalibrated(self, network)

    def report(
        self, of: Source, *, objective: str | None = None, retrain: int = 0, seed: int = 0
    ) -> SupernetReport:
        """Compare the scores of networks with what was measured of them.

        Beside the rank correlation of the scores stands that of the parameters, that of the
        multiply-adds, and that of one more training; the price is in trainings from scratch.

        Args:
            of: A result, an Optuna study, or pairs of choices and values.
            objective: A name; by default what the training measures, or else all objectives.
            retrain: How many networks are trained again with another seed, for the ceiling.
            seed: Of the draw of these, of their training and of the bootstrap.

        Raises:
            InvalidArgument: if the supernet has no training, or fewer than five networks were
                measured.
        """
        training = training_of(self)
        measured = Measured.of(of, self.space, training.objectives)
        return report(
            self.score,
            self.space,
            measured,
            measured.chosen(objective, training.objectives),
            seconds=sum(fit.seconds for fit in self.fits) or None,
            training=training,
            retrain=check_count("retrain", retrain, least=0),
            seed=check_count("seed", seed, least=0),
        )

    def save(self, path: Folder) -> None:
        """Write the weights, and the scores that are known, to a file."""
        checkpoint_of(self).write(checked_path(path))

    @classmethod
    def load_if_exists(
        cls,
        path: Folder,
        space: Space,
        training: ShortTraining | None = None,
        *,
        device: str | None = None,
    ) -> Supernet | None:
        """Return the supernet that a file holds; None, with a warning, if the file is gone.

        A search goes on without it: ``warm_start=None`` brings no knowledge, and a training with
        ``initial=None`` begins from scratch, which is another search than one from given weights
        (``on_mismatch="fork"`` goes on in a fork of its study).

        Raises:
            InvalidData: as ``load`` does.
            CheckpointMismatch: as ``load`` does.
        """
        try:
            return cls.load(path, space, training, device=device)
        except MissingData:
            _logger.warning(
                "the weights of a supernet are gone: there is no file %s. What reads them goes on "
                "without them",
                checked_path(path),
            )
            return None

    @classmethod
    def load(
        cls,
        path: Folder,
        space: Space,
        training: ShortTraining | None = None,
        *,
        device: str | None = None,
    ) -> Supernet:
        """Return the supernet that a file of ``save`` or ``fit`` holds.

        Args:
            path: The file.
            space: The space with which it was trained.
            training: The training, whose rows and loss must be the same; the recipe (rates, epochs,
                batch size) may be another. None if it is neither trained nor scored.
            device: Where the weights are; None is that of the training, or the CPU without one.

        Raises:
            MissingData: if the file does not exist.
            InvalidData: if it is damaged, or something else.
            CheckpointMismatch: if it belongs to another space or training, naming the difference.
        """
        file = checked_path(path)
        kept = Checkpoint.read(file)
        supernet = cls(space, training, seed=kept.belonging.seed, device=device)
        kept.check(file, belonging_of(supernet), recipe=False)
        adopt(supernet, kept)
        return supernet

    def _bound(self, network: nn.Module, slots: Sequence[Slot]) -> nn.Module:
        """Return a network, which was built on the CPU, with slices of the shared tensors."""
        if self.store.device.type != "cpu":  # where that takes a visit to each tensor, for nothing
            network.to(self.store.device)
        shared = {slot.name: slot for slot in slots}

        def tensor(name: str, parameter: nn.Parameter) -> Tensor:
            slot = shared.get(name)
            return parameter if slot is None else self.store.take(slot, parameter.shape)

        bind(network, tensor)
        return network if all(part.training for part in network.modules()) else network.train()

    def _copied(self, network: nn.Module, slots: Sequence[Slot]) -> nn.Module:
        """Return a network with a copy of what was trained, on the device where it is."""
        own = dict(network.named_parameters())
        with torch.no_grad():
            for slot in slots:
                own[slot.name].copy_(self.store.copied(slot, own[slot.name]))
        return network

    def _checked(self, choices: Choices) -> Choices:
        numbers = {name: choices[name] for name in self.space.numeric if name in choices}
        own = {name: value for name, value in choices.items() if name not in numbers}
        return {**self.space.checked(own), **numbers}

    def _cover(self, choices: Choices, slots: Sequence[Slot]) -> list[str]:
        if not self.store.lacks(slots):
            return []
        return self.store.grow(slots, dict(self._initial(choices, "cpu").named_parameters()))

    def _initial(self, choices: Choices, device: torch.device | str | None = None) -> nn.Module:
        """Return a network with its own initial values, which the seed decides."""
        with own_settings(), torch.device("cpu"), torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(self.seed)
            return self.space.build(choices).to(device or self.store.device)
