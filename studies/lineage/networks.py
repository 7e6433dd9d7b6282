"""Which network a trial was evaluated as, where that follows from somebody's function.

A builder can change between two calls, and the same choices then stand for another network: values
measured before say nothing of it. So a trial of such a space holds the canonical hash of its graph.

A graph also follows from the code that traces, and from the machine: hashes are compared only where
both are the same.
"""

from __future__ import annotations

import hashlib
import json
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
from bonas.studies.attributes import json_object
from bonas.studies.proposing.observations import belongs, choices_of

NETWORK = "bonas:network"
"""The trial's system attribute that says which network it was evaluated as, as JSON: ``hash``, and
``by``, what drew it."""

_AT_MOST = 24  # networks that are drawn again
_SECONDS = 5.0  # after which no other is


def record_network(study: Study, trial: Trial, space: Space) -> None:
    """Write down which network the trial is evaluated as, where that is in question."""
    choices = belongs(trial.params, space)
    drawn = None if choices is None or not _depends_on_user_code(space) else _hash(space, choices)
    if drawn:
        text = json.dumps({"hash": drawn, "by": _tracer_version()})
        with suppress(UpdateFinishedTrialError):
            study._storage.set_trial_system_attr(trial._trial_id, NETWORK, text)


def changed_trials(known: Iterable[FrozenTrial], space: Space | None) -> list[FrozenTrial]:
    """Return those of the latest trials whose network the space does not draw any more."""
    if space is None or not _depends_on_user_code(space):
        return []
    end = time.monotonic() + _SECONDS
    noted = [trial for trial in known if _noted(trial)][-_AT_MOST:]
    return [
        t for t in reversed(noted) if time.monotonic() < end and not has_same_network(t, space)
    ][::-1]


def has_same_network(trial: FrozenTrial, space: Space) -> bool:
    """Return whether a trial was evaluated as the network that the space draws now.

    That is not known of a trial that does not say it. Choices that are gone stand for no other.
    """
    noted, choices = _noted(trial), choices_of(trial, space)
    if choices is None:
        return noted is not None
    return noted is not None and _hash(space, choices) in (noted, None)


def _depends_on_user_code(space: Space) -> bool:
    """Whether the graphs follow from more than the settings of one of bonas's own spaces."""
    return isinstance(space, Family) or not type(space).__module__.startswith("bonas.")


def _noted(trial: FrozenTrial) -> str | None:
    """The hash of a trial's network, where it was drawn by the same code; else None."""
    found = json_object(trial.system_attrs.get(NETWORK)) or {}
    drawn: object = found.get("hash")
    return drawn if isinstance(drawn, str) and found.get("by") == _tracer_version() else None


def _hash(space: Space, choices: Choices) -> str | None:
    """The hash of a network; empty where there is none, None where choices stand for it."""
    try:
        graph = space.architecture(choices).graph
    except (InvalidGraph, InvalidSpace):
        return ""
    return None if _is_stand_in(graph, choices) else graph.canonical_hash


def _is_stand_in(graph: ArchitectureGraph, choices: Choices) -> bool:
    """Whether a graph shows nothing but the choices, since no network can be run here."""
    return graph.labels == (INPUT, *(f"{n}={x}" for n, x in choices.items()), OUTPUT)


@cache
def _tracer_version() -> str:
    """What draws a graph out of a network: the code of the spaces, torch, and the kind of host."""
    digest = hashlib.blake2b(digest_size=8)
    for folder in bonas.spaces.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            digest.update(path.read_bytes())
    device = "cuda" if torch.cuda.is_available() else "cpu"
    return f"{digest.hexdigest()} {torch.__version__} {device}"
