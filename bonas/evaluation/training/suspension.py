"""Suspension: a generator function that leaves its settings of torch while it is suspended.

A stream of measurements stands still while its consumer stores one, or fits a model to decide
whether to go on. That must see torch as the program left it, and must draw from other generators
than the training.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TypeVar

import numpy as np
import torch

from bonas.evaluation.runtime import seeded
from bonas.settings import own_settings
from bonas.threads import limited_threads

T = TypeVar("T")


class Generators:
    """Torch's global random generators as one computation sees them, from a seed on.

    Args:
        seed: Of the CPU's generator and the device's.
        device: Where the computation runs.
    """

    def __init__(self, seed: np.random.SeedSequence, device: torch.device) -> None:
        self._seed, self._device = seed, device
        self._states: list[torch.Tensor] = []  # where the computation was suspended

    @contextmanager
    def active(self) -> Iterator[None]:
        """Run the block with the states that the last one left; then restore the outer ones."""
        with seeded(self._seed, self._device):
            if self._states:
                self._restore()
            try:
                yield
            finally:
                self._states = [torch.get_rng_state(), *self._of_device()]

    def _of_device(self) -> list[torch.Tensor]:
        if self._device.type == "cuda":
            return [torch.cuda.get_rng_state(self._device)]
        return [torch.mps.get_rng_state()] if self._device.type == "mps" else []

    def _restore(self) -> None:
        cpu, *others = self._states
        torch.set_rng_state(cpu)
        for state in others:
            if self._device.type == "cuda":
                torch.cuda.set_rng_state(state, self._device)
            else:
                torch.mps.set_rng_state(state)


@contextmanager
def active(generators: Generators, threads: int | None) -> Iterator[None]:
    """Run the block under torch's defaults, with so many threads and these generators."""
    with own_settings(), limited_threads(threads), generators.active():
        yield


def suspended(
    stream: Generator[T, None, None], settings: Callable[[], AbstractContextManager[object]]
) -> Generator[T, None, None]:
    """Yield from ``stream``, which runs inside ``settings()`` from each item to the next."""
    try:
        while True:
            with settings():
                try:
                    item = next(stream)
                except StopIteration:
                    return
            yield item
    finally:
        with settings():
            stream.close()
