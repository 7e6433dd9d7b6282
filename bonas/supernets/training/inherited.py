"""Inherited scores of networks: of one, or of many that are drawn at random."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from bonas.arguments import check_count
from bonas.evaluation.training.suspension import Generators, active
from bonas.spaces import Architecture, Choices, Space
from bonas.supernets.training.checkpoint import checkpoint_of
from bonas.supernets.training.preparation import prepared, training_of
from bonas.supernets.training.scoring import InheritedScore, Scoring
from bonas.supernets.training.state import Key, key_of

if TYPE_CHECKING:
    from bonas.supernets.supernet import Supernet

_DRAWS = 20  # per network that is wanted, to find distinct ones
_INTERVAL = 30.0  # seconds between two writes of a checkpoint


def recalibrated(supernet: Supernet, network: nn.Module) -> nn.Module:
    """Give a network's batch norms the statistics that its weights have on training rows."""
    with _settings(supernet):
        _scoring(supernet).recalibrate(network)
    return network


def scored(supernet: Supernet, choices: Choices) -> InheritedScore:
    """Return the score of a network; one that is known is not computed again."""
    return _scored(supernet, choices, _known(supernet))


def _known(supernet: Supernet) -> dict[Key, InheritedScore]:
    """Return the scores that are known of the weights as they are."""
    if not supernet.store.marked:
        with _settings(supernet):
            _scoring(supernet)  # makes room for all networks, before the weights are looked at
    return supernet.state.scores_of(supernet.store.digest())


def _scored(
    supernet: Supernet, choices: Choices, scores: dict[Key, InheritedScore]
) -> InheritedScore:
    own = supernet.space.checked(choices)
    if key_of(own) not in scores:
        with _settings(supernet), torch.no_grad():
            network = supernet._inherited(own)
            scores[key_of(own)] = _scoring(supernet).score(network, own)
    return scores[key_of(own)]


def all_scored(
    supernet: Supernet,
    of: int | Iterable[Choices],
    checkpoint: Path | None,
    *,
    progress: bool,
) -> tuple[InheritedScore, ...]:
    """Return the scores of random networks, or of given ones."""
    training_of(supernet)
    networks = of if isinstance(of, Iterable) else drawn_networks(supernet.space, of, supernet.seed)
    scores = _known(supernet)
    found, known, written = [], len(scores), time.perf_counter()
    try:
        for choices in tqdm(list(networks), disable=not progress, unit="network", desc="scores"):
            found.append(_scored(supernet, choices, scores))
            if checkpoint is not None and time.perf_counter() - written > _INTERVAL:
                checkpoint_of(supernet).write(checkpoint)
                known, written = len(scores), time.perf_counter()
    finally:
        if checkpoint is not None and len(scores) > known:
            checkpoint_of(supernet).write(checkpoint)
    return tuple(found)


def drawn_networks(space: Space, n: object, seed: int) -> list[Choices]:
    """Return ``n`` random networks of a space, no two equal; fewer if it seems to have no more.

    Raises:
        InvalidArgument: if ``n`` is no whole number of at least 1.
    """
    wanted = check_count("of", n)
    found: dict[Architecture, Choices] = {}
    for choices in _draws(space, wanted, seed):
        found.setdefault(space.architecture(choices), choices)
        if len(found) == wanted:
            break
    return list(found.values())


def _draws(space: Space, wanted: int, seed: int) -> Iterator[Choices]:
    if space.size <= wanted:
        return filter(space.allows, space)
    rng = np.random.default_rng((seed, 1))  # the first of many are those of few
    return (space.sample(rng) for _ in range(_DRAWS * wanted))


def _settings(supernet: Supernet) -> AbstractContextManager[None]:
    generators = Generators(np.random.SeedSequence(supernet.seed), supernet.store.device)
    return active(generators, training_of(supernet).threads)


def _scoring(supernet: Supernet) -> Scoring:
    state = supernet.state
    if state.scoring is None:
        state.scoring = Scoring.of(prepared(supernet), supernet.seed)
    return state.scoring
