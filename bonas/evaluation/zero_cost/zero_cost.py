"""Zero-cost scores of an architecture: its network is built and run on one batch, untrained."""

from __future__ import annotations

import logging
import math
import warnings
from collections.abc import Iterable
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np

from bonas.arguments import check_count
from bonas.errors import InvalidArgument, NoScore, unknown
from bonas.evaluation.data.load import DataSource, load
from bonas.evaluation.data.splits import Splits
from bonas.evaluation.runtime import resolved_device, seeded
from bonas.evaluation.zero_cost.batch import Batch
from bonas.evaluation.zero_cost.inputs import batch_of, default_batch
from bonas.evaluation.zero_cost.probe import Probe
from bonas.evaluation.zero_cost.scores import DEFAULT, SCORES
from bonas.settings import own_settings
from bonas.spaces import Choices, Space
from bonas.threads import one_thread

_logger = logging.getLogger(__name__)
_VERSION = 1  # of the formulas and the default batch: raised when values change


class ZeroCost:
    """Computes several scores of an architecture from one untrained network and one batch.

    All networks are built with the same seed, keep the initialisation of their ``build``, and see
    the same batch. Scores share their passes, on one thread.

    Args:
        names: Names out of ``SCORES``; None takes ``DEFAULT``, of which a space may lack some
            without a warning.
        batch_size: Number of inputs.
        data: Where the inputs come from: what ``bonas.evaluation.load`` takes. None takes crops of
            photographs for spaces of images, and for others the data of the default evaluation.
        seed: Of the initialisation and of the choice of inputs.
        device: As of ``ShortTraining``; None is the CPU.

    Raises:
        InvalidArgument: if a setting is out of its range, or a name unknown.
    """

    def __init__(
        self,
        names: Iterable[str] | None = None,
        *,
        batch_size: int = 16,
        data: DataSource | None = None,
        seed: int = 0,
        device: str | None = None,
    ) -> None:
        self.names = _checked(DEFAULT if names is None else names)
        self._asked_for = names is not None
        check_count("batch_size", batch_size, least=2)
        check_count("seed", seed, least=0)
        self.batch_size, self.data, self.seed = batch_size, data, seed
        self.device = resolved_device("cpu" if device is None else device)
        if self.device.type == "mps":
            raise InvalidArgument("expected a device with float64, got 'mps'; leave it out")
        self._warned: set[tuple[str, int]] = set()
        self._latest: tuple[Space, Batch] | None = None  # the batch of a space is made once

    def __call__(self, space: Space, choices: Choices) -> dict[str, float]:
        """Return each score by its name; NaN where the network has no such value.

        What is infinite is NaN, too. A score that was asked for and refuses a network is reported
        by one warning per space and score.

        Raises:
            InvalidData: if the network cannot take the batch, or the data are smaller than it.
            MissingBuilder: if the space builds no networks.
        """
        with own_settings(), one_thread(), seeded(np.random.SeedSequence(self.seed), self.device):
            batch = self._batch(space)
        with own_settings(), one_thread(), seeded(np.random.SeedSequence(self.seed), self.device):
            network = space.build(choices).to(self.device)
            probe = Probe(network, batch)
            return {name: self._value(name, probe, space) for name in self.names}

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy in another process needs: it makes batches itself."""
        return {**self.__dict__, "_latest": None}

    def describe(self) -> dict[str, Any]:
        """Return what decides the scores, as JSON values."""
        return {
            "names": list(self.names),
            "batch_size": self.batch_size,
            "data": None if self._splits is None else self._splits.name,
            "initialisation": "as built",
            "seed": self.seed,
            "version": _VERSION,
        }

    def alone(self, *names: str) -> ZeroCost:
        """Return one that computes some of the scores, on the same batch."""
        chosen = copy(self)
        chosen.names, chosen._latest = _checked(names), self._latest
        return chosen

    def _value(self, name: str, probe: Probe, space: Space) -> float:
        try:
            value = SCORES[name](probe)
        except NoScore as error:
            probe.check()
            if (name, id(space)) not in self._warned:
                self._warned.add((name, id(space)))
                message = f"no {name} for {type(space).__name__}: {error}"
                if self._asked_for:
                    warnings.warn(message, stacklevel=4)
                else:
                    _logger.info(message)
            return math.nan
        return value if math.isfinite(value) else math.nan

    def _batch(self, space: Space) -> Batch:
        if self._latest is None or self._latest[0] is not space:
            if self._splits is None:
                found = default_batch(space, self.batch_size, self.seed)
            else:
                found = batch_of(self._splits, space, self.batch_size, self.seed)
            self._latest = space, found.to(self.device)
        return self._latest[1]

    @cached_property
    def _splits(self) -> Splits | None:
        return None if self.data is None else load(self.data)


def _checked(names: Iterable[str]) -> tuple[str, ...]:
    names = tuple(names)
    for name in names:
        if name not in SCORES:
            raise unknown("score", name, SCORES)
    if not names or len(set(names)) < len(names):
        raise InvalidArgument(f"expected names of scores, each once, got {names}; name one")
    return names
