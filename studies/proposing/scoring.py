"""Scoring: which zero-cost scores a search reads, and of how many networks they are computed.

Scores that cost no time are looked up for every architecture. Others are computed of ``n`` networks
of the space's reference set, and predicted of all others:

    n = share * (seconds that the search is expected to take) / (seconds per network)

``n`` is at most 300, and below 60 nothing is scored. The search is expected to take its budget, and
an evaluation the lower median of the times of the first two to five. They are those of an initial
design, whose proposals take no time; the very first may include what is done but once.

What is computed is stored in the study network by network, and ``n`` once all of these are: from
then on every process reads the same scores, and no other computes them again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from statistics import median_low
from typing import Any

import numpy as np
from optuna import Study

from bonas.encoders.scored_networks import ScoredNetworks
from bonas.encoders.zero_cost import SCORED, networks_to_score
from bonas.evaluation.declared import declared_cost
from bonas.evaluation.score_source import ScoreSource, is_free
from bonas.spaces import Architecture, Space
from bonas.studies.architecture_measurements import ArchitectureMeasurements
from bonas.studies.budget import budget_of, seconds_of
from bonas.studies.outcomes import counts
from bonas.studies.proposing.measuring import Measuring
from bonas.studies.records import SCORED_NETWORKS

SHARE = 0.05
"""Of the wall time that scoring may take."""
_LEAST = 60  # networks: of fewer nothing is learnt
_PROBED = 3  # networks by which the seconds per network are known
_AT_ONCE = 20  # networks that are stored together
_FINISHED, _TIMED = 2, 5  # evaluations whose time is known before scoring begins, and counts
_GUESS = 0.1  # seconds per network, of a source that does not say: a lower bound
_STORED = "zero_cost:"  # before the names of stored scores
_USUAL = 30  # evaluations of a study without a budget

_logger = logging.getLogger(__name__)


class Scoring:
    """Gives searches the scores of one source.

    Args:
        source: Where scores come from; None for no scores.
        share: Of the wall time that computing them may take; None sets no bound.
    """

    def __init__(self, source: ScoreSource | None, share: float | None = SHARE) -> None:
        self.source, self.share = source, share
        self._latest: tuple[object, ScoredNetworks | None] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_latest": None}  # what was read of a study belongs to a process

    def networks(self, study: Study, space: Space | None) -> ScoredNetworks | None:
        """Return the scores that proposals of a study read; None where there are none (yet).

        Scores networks first where the study says, or its trials, that there is time for it. None
        for spaces whose networks have numbers of their own: choices alone decide no score.
        """
        if self.source is None or space is None or space.numeric:
            return None
        if is_free(self.source):
            is_small = len(space.reference) < _LEAST
            return None if is_small else self._kept(space, lambda: self._looked_up(space))
        n = SCORED_NETWORKS.read(study)
        if n is None:
            n = self._score(study, space)
        return self._kept((study, n), lambda: self._stored(study, space, n)) if n else None

    def _kept(self, key: object, make: Any) -> ScoredNetworks | None:
        """Return what was made for the latest key, or make it; None if no score is of use."""
        if self._latest is None or self._latest[0] != key:
            made: ScoredNetworks = make()
            for name, count in made.missing.items():
                _logger.warning(
                    "%d of %d networks have no score %r; it is %s",
                    count,
                    len(made.architectures),
                    name,
                    "predicted there" if name in made.names else "left out",
                )
            self._latest = key, made if made.names else None
        return self._latest[1]

    def _looked_up(self, space: Space) -> ScoredNetworks:
        assert self.source is not None
        look_up = _LookUp(self.source, space)
        return _table(space.reference, self.source.names, look_up)

    def _stored(self, study: Study, space: Space, n: int) -> ScoredNetworks:
        """Return the first ``n`` networks with their scores; what is missing is computed."""
        measuring = self._measuring(study, space)
        architectures = networks_to_score(space)[:n]
        measuring.measure(architectures)
        assert self.source is not None
        return ScoredNetworks(
            architectures, tuple(self.source.names), measuring.values(architectures)
        )

    def _score(self, study: Study, space: Space) -> int | None:
        """Score as many networks as there is time for, and store how many; None if too few."""
        measuring = self._measuring(study, space)
        seconds = math.inf if self.share is None else self.share * _expected_seconds(study)
        if seconds < _LEAST * self._seconds_each(measuring):
            return None  # before the reference set is drawn, which takes time, too
        architectures = networks_to_score(space)
        n = self._affordable(seconds, measuring, architectures)
        if n is None:
            return None
        for start in range(0, n, _AT_ONCE):
            measuring.measure(architectures[start : min(n, start + _AT_ONCE)])
            if not np.isfinite(measuring.values(architectures[:_AT_ONCE])).any():
                _logger.warning("the first networks have no zero-cost scores; none are computed")
                n = 0
                break
        stored = SCORED_NETWORKS.read(study)  # another process may have been faster
        if stored is None:
            SCORED_NETWORKS.write(study, n)
            return n
        return stored

    def _affordable(
        self, seconds: float, measuring: Measuring, architectures: Sequence[Architecture]
    ) -> int | None:
        """Return how many networks can be scored in so many seconds; None if too few.

        The first ones show how long one takes; even these stop as soon as it takes too long.
        """
        n = min(SCORED, len(architectures))
        if math.isinf(seconds):
            return n
        if n >= _LEAST:
            for probed in range(1, _PROBED + 1):
                measuring.measure(architectures[:probed])
                n = min(n, int(seconds / max(1e-9, self._seconds_each(measuring))))
                if n < _LEAST:
                    break
        return n if n >= _LEAST else None

    def _seconds_each(self, measuring: Measuring) -> float:
        """Return how long a network takes: as measured, or as the source declares."""
        names = measuring.names
        measured = len(measuring.known.having(names[0]))
        if measured:
            return measuring.known.seconds(names[0]) / measured
        declared = declared_cost(self.source)
        return declared if math.isfinite(declared) else _GUESS

    def _measuring(self, study: Study, space: Space) -> Measuring:
        """Return what scores networks of a study; ``_affordable`` says how many it may."""
        source = self.source
        assert source is not None
        names = stored_names(source)

        def measure(architecture: Architecture) -> dict[str, float]:
            """Return the scores of one architecture under the names by which they are stored."""
            found = source(space, architecture.choices)
            return {
                stored: float(found.get(name, math.nan))
                for name, stored in zip(source.names, names, strict=True)
            }

        return Measuring(ArchitectureMeasurements(study, space), names, measure, share=None)


@dataclass(frozen=True, slots=True)
class Scored:
    """What zero-cost scores cost a study.

    Attributes:
        networks: How many networks were scored.
        seconds: How long that took.
    """

    networks: int
    seconds: float


def scored(study: Study, space: Space) -> Scored:
    """Return how many networks a study has computed scores of, and how long that took."""
    known = ArchitectureMeasurements(study, space)
    known.refresh()
    names = [name for name in known.names if name.startswith(_STORED)]
    sources = {name.rsplit(":", 1)[0]: name for name in names}.values()  # one name of each
    return Scored(
        sum(len(known.having(name)) for name in sources), sum(map(known.seconds, sources))
    )


def stored_names(source: ScoreSource) -> list[str]:
    """Return the names under which a study stores scores: those of other settings never mix."""
    text = json.dumps(source.describe(), sort_keys=True, default=str)
    digest = hashlib.blake2b(text.encode(), digest_size=4).hexdigest()
    return [f"{_STORED}{digest}:{name}" for name in source.names]


class _LookUp:
    """Looks the scores of an architecture up; there are none where the source fails."""

    def __init__(self, source: ScoreSource, space: Space) -> None:
        self._source, self._space = source, space
        self._has_warned = False

    def __call__(self, architecture: Architecture) -> Mapping[str, float]:
        """Return a score for each name that the source has one of."""
        try:
            return self._source(self._space, architecture.choices)
        except Exception as error:
            if not self._has_warned:
                self._has_warned = True
                what = f"{type(error).__name__}: {error}"
                _logger.warning("a network has no zero-cost scores, and perhaps others: %s", what)
            return {}


def _table(
    architectures: Sequence[Architecture], names: Sequence[str], look_up: _LookUp
) -> ScoredNetworks:
    rows = [look_up(architecture) for architecture in architectures]
    values = np.array([[row.get(name, math.nan) for name in names] for row in rows], np.float64)
    return ScoredNetworks(architectures, tuple(names), values, look_up)


def _expected_seconds(study: Study) -> float:
    """Return how long the evaluations of a study are expected to take in all; 0 if unknown."""
    known = filter(counts, study.get_trials(deepcopy=False))
    times = [seconds_of(trial) for trial in islice(known, _TIMED)]
    budget = budget_of(study)
    if len(times) < _FINISHED:
        return 0.0
    if budget.unit == "seconds":
        return budget.amount
    return median_low(times) * (budget.amount or _USUAL)
