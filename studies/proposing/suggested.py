"""The candidates of a study: networks that sources have suggested, stored once.

A source is asked when the first proposal is made, by whichever worker makes it; what it answers is
stored in the study, in batches under keys of their own, and then named in ``CANDIDATES``. All that
follows is decided by what is stored, so that a call which resumes the study, with or without the
source, and every worker propose the same. Another source adds its candidates.

Candidates that the space does not have are left out, which is logged once per study.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from uuid import uuid4

import numpy as np
from optuna import Study

from bonas.errors import BonasError, InvalidArgument
from bonas.optuna_internals import set_study_system_attr, study_system_attrs
from bonas.spaces import Architecture, Choices, Space
from bonas.studies.attributes import ignored_in_study
from bonas.studies.proposing.candidate_source import CandidateSource, digest
from bonas.studies.proposing.candidates import CandidatePool, Keys
from bonas.studies.proposing.point import Point
from bonas.studies.records import CANDIDATES

_ASKED = 64  # candidates of a source
_LONGEST = 16_000  # characters of one batch: MySQL takes 64 KiB

_logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Suggested:
    """A network, and the name of the source that suggested it."""

    architecture: Architecture
    source: str


class Suggestions:
    """Gives searches the candidates of their study.

    Args:
        source: What is asked for candidates; None for those that the study has already.
    """

    def __init__(self, source: CandidateSource | None = None) -> None:
        self.source = source
        self._latest: tuple[object, tuple[Suggested, ...]] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_latest": None}  # what was read of a study belongs to a process

    def of(self, study: Study, space: Space | None, seed: int) -> tuple[Suggested, ...]:
        """Return the candidates of a study, each network once, in the order of their sources.

        Asks the source first, if the study has no candidates of it.
        """
        if space is None:
            return ()
        stored = CANDIDATES.read(study) or {}
        if self.source is not None and (mark := digest(self.source.describe())) not in stored:
            _store(study, space, self.source, seed, mark)
            stored = CANDIDATES.read(study) or {}
        if not stored:
            return ()
        key = study, stored
        if self._latest is None or self._latest[0] != key:
            found: dict[str, Suggested] = {}
            for each in _stored(study, space, stored):
                found.setdefault(each.architecture.key, each)
            self._latest = key, tuple(found.values())
        return self._latest[1]


def has_turn(index: int, m: int, has_prior: bool) -> bool:
    """Return whether the proposal ``index`` of the initial design is a candidate of a source.

    With ``m`` > 1 objectives the first two are the smallest and the largest network. After that
    every second proposal is a candidate, and the others are what they were: with candidates alone,
    it could not be seen that these mislead.
    """
    return (m == 1 or index > 1) and index % 2 == (1 if has_prior else 0)


def next_suggested(
    suggested: Sequence[Suggested], pool: CandidatePool, excluded: Keys, rng: np.random.Generator
) -> tuple[Point, str] | None:
    """Return the first candidate that is not excluded, and its source; None if none is left."""
    for each in suggested:
        point = pool.fitting(Point(each.architecture, pool.parameters.sample(rng)), rng)
        if point is not None and point.key not in excluded:
            return point, each.source
    return None


def source_of(point: Point, pool: CandidatePool, suggested: Sequence[Suggested]) -> str | None:
    """Return which source brought a point to a pool; None where every point was in it."""
    if pool.all is not None:
        return None
    return next((s.source for s in suggested if s.architecture == point.architecture), None)


def _store(study: Study, space: Space, source: CandidateSource, seed: int, mark: str) -> None:
    """Ask a source for candidates, and store those that the space has."""
    asked: object = source.candidates(_ASKED, seed)
    if not isinstance(asked, Iterable):
        raise InvalidArgument(
            f"expected {source.name}.candidates(n, seed) to return choices, got {asked!r:.200}"
        )
    found, refused = [], []
    for choices in islice(asked, _ASKED):
        why = _objection(space, choices)
        if why is None:
            found.append(_checked(space, choices))
        else:
            refused.append(why)
    if refused or not found:
        _logger.warning(
            "%d of %d candidates of %r are left out: %s",
            len(refused),
            len(refused) + len(found),
            source.name,
            refused[0] if refused else "there is none",
        )
    own = uuid4().hex[:12]  # of this writer: no other writes under the same keys
    batches = list(_packed(found))
    for i, text in enumerate(batches):
        set_study_system_attr(study, _key(own, i), text)
    entry = {"source": source.name, "key": own, "batches": len(batches)}
    CANDIDATES.write(study, {**(CANDIDATES.read(study) or {}), mark: entry})


def _key(own: str, i: int) -> str:
    return f"{CANDIDATES.key}:{own}:{i:04d}"


def _checked(space: Space, choices: Choices) -> Choices:
    return space.checked({n: x for n, x in choices.items() if n not in space.numeric})


def _objection(space: Space, choices: object) -> str | None:
    """Return why the space does not have a network; None if it has."""
    if not isinstance(choices, Mapping):
        return f"expected a mapping from parameter to option, got {choices!r:.200}"
    try:
        own = _checked(space, choices)
        return None if space.allows(own) else f"the space does not allow {dict(own)}"
    except BonasError as error:
        return str(error)


def _packed(found: Sequence[Choices]) -> Iterator[str]:
    """Yield JSON lists of choices that are not too long."""
    batch: list[str] = []
    for text in (json.dumps(dict(choices)) for choices in found):
        if batch and sum(map(len, batch)) + len(text) > _LONGEST:
            yield f"[{','.join(batch)}]"
            batch = []
        batch.append(text)
    if batch:
        yield f"[{','.join(batch)}]"


def _stored(study: Study, space: Space, stored: Mapping[str, Any]) -> Iterator[Suggested]:
    """Yield what is stored of all sources; what cannot be read is logged, once per study."""
    attributes = study_system_attrs(study)
    for entry in stored.values():
        try:
            keys = [_key(entry["key"], i) for i in range(entry["batches"])]
            name, rows = str(entry["source"]), [x for k in keys for x in json.loads(attributes[k])]
            architectures = [space.architecture(_checked(space, choices)) for choices in rows]
        except (BonasError, LookupError, TypeError, ValueError, AttributeError) as error:
            what = f"candidates of a source: {type(error).__name__}: {error}"
            ignored_in_study(study, CANDIDATES.key, what)
            continue
        yield from (Suggested(each, name) for each in architectures)
