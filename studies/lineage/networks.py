"""The networks that trials were evaluated as, for spaces whose graphs follow from user code.

A builder can change between two calls, and the same choices then stand for another network, of
which earlier values say nothing. So each trial of such a space stores the canonical hash of its
graph. A graph also depends on the code that traces it and on the machine: hashes are compared only
if both are the same.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

import torch
from optuna import Study
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, Trial

import bonas.spaces
from bonas.errors import InvalidGraph, InvalidSpace
from bonas.spaces import ArchitectureGraph, Choices, Space
from bonas.spaces.families import Family
from bonas.spaces.graph import INPUT, OUTPUT
from bonas.studies.proposing.observations import choices_of
from bonas.studies.records import NETWORK, choices_in

_AT_MOST = 24  # networks that are traced again
_SECONDS = 5.0  # after which no further network is traced


def record_network(study: Study, trial: Trial, space: Space) -> None:
    """Store which network the trial is evaluated as, if that follows from user code."""
    choices = choices_in(trial.params, space)
    traced = None if choices is None or not _depends_on_user_code(space) else _hash(space, choices)
    if traced:
        with suppress(UpdateFinishedTrialError):
            NETWORK.write(study, trial, {"hash": traced, "by": _tracer_version()})


def changed_trials(known: Iterable[FrozenTrial], space: Space | None) -> list[FrozenTrial]:
    """Return the latest trials whose choices stand for another network now."""
    if space is None or not _depends_on_user_code(space):
        return []
    end = time.monotonic() + _SECONDS
    latest = [trial for trial in known if _recorded_hash(trial)][-_AT_MOST:]
    changed = [
        trial
        for trial in reversed(latest)
        if time.monotonic() < end and not has_same_network(trial, space)
    ]
    return changed[::-1]


def network_changes(study: Study, space: Space | None) -> str | None:
    """Describe which choices of a study stand for other networks now; None if none do."""
    found = changed_trials(study.get_trials(deepcopy=False), space)
    if not found:
        return None
    first, n = found[0], len(found)
    return (
        f"what builds the networks has changed: of trial {first.number}"
        + (f" and {n - 1} other(s)" if n > 1 else "")
        + f" the choices {first.params} stand for another network now"
    )


def has_same_network(trial: FrozenTrial, space: Space) -> bool:
    """Return whether the choices of a trial still stand for the network it was evaluated as.

    False for a trial without a hash. True if the space has the choices no longer, since they stand
    for no other network.
    """
    recorded, choices = _recorded_hash(trial), choices_of(trial, space)
    if choices is None:
        return recorded is not None
    return recorded is not None and _hash(space, choices) in (recorded, None)


def _depends_on_user_code(space: Space) -> bool:
    """Return whether graphs follow from more than the settings of one of bonas's own spaces."""
    return isinstance(space, Family) or not type(space).__module__.startswith("bonas.")


def _recorded_hash(trial: FrozenTrial) -> str | None:
    """Return the hash of a trial's network; None if it has none, or another version traced it."""
    found = NETWORK.read(trial) or {}
    traced: object = found.get("hash")
    return traced if isinstance(traced, str) and found.get("by") == _tracer_version() else None


def _hash(space: Space, choices: Choices) -> str | None:
    """Return the hash of a network; empty if invalid, None if its graph only lists choices."""
    try:
        graph = space.architecture(choices).graph
    except (InvalidGraph, InvalidSpace):
        return ""
    return None if _only_lists_choices(graph, choices) else graph.canonical_hash


def _only_lists_choices(graph: ArchitectureGraph, choices: Choices) -> bool:
    """Return whether a graph stands in for a network that cannot be traced here."""
    return graph.labels == (INPUT, *(f"{n}={x}" for n, x in choices.items()), OUTPUT)


@cache
def _tracer_version() -> str:
    """Return the version of what traces a graph: the code of the spaces, torch and the device."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in bonas.spaces.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return f"{digest.hexdigest()} {torch.__version__} {device}"
