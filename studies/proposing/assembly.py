"""A proposer out of the arguments that users give, which are checked here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from bonas.arguments import check_count
from bonas.encoders import Encoder, ZeroCostScores, check_encoder
from bonas.errors import InvalidArgument, unknown
from bonas.evaluation.score_source import (
    ScoreSource,
    checked_source,
    computes_none,
    declared_scores,
)
from bonas.evaluation.zero_cost import ZeroCost
from bonas.spaces import Space
from bonas.studies.proposing.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.proposing.candidate_source import Candidates, checked_candidates
from bonas.studies.proposing.presets import WITH_SCORES, preset
from bonas.studies.proposing.proposer import Proposer
from bonas.studies.proposing.scoring import Scoring
from bonas.studies.proposing.suggested import Suggestions
from bonas.studies.transfer.prior_mean import check_source_tasks
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate


def make_proposer(
    space: Space | None,
    *,
    surrogate: str | Surrogate = "mixture",
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    acquisition: str | Acquisition = "noisy_improvement",
    n_initial: int | None = None,
    source_tasks: Sequence[SourceTask] = (),
    zero_cost: bool | ScoreSource = True,
    candidates: Candidates | None = None,
) -> Proposer:
    """Return a proposer; the arguments are those of ``ArchitectureSampler``.

    Raises:
        InvalidArgument: for an unknown name, or a combination that cannot work.
    """
    if not (space is None or isinstance(space, Space)):
        raise InvalidArgument(f"space must be a bonas.Space or None, got {space!r}")
    surrogates = preset(surrogate, space)
    named = surrogate if isinstance(surrogate, str) else ""
    needed = surrogates.encoders if named else ()
    encoders = _chosen_encoders(encoder, surrogates.encoders, needed)
    scored = WITH_SCORES.get(named)
    if scored is not None and encoder is not None:
        scored = replace(scored, only_of_one=())  # the caller's encoders are all that is read
    return Proposer(
        space,
        surrogates,
        encoders,
        _chosen_acquisition(acquisition),
        None if n_initial is None else check_count("n_initial", n_initial),
        check_source_tasks(source_tasks, space, surrogate, surrogates.reads_prior_mean),
        _chosen_scoring(zero_cost, space, encoders, encoder is None and scored is not None),
        scored,
        _chosen_suggestions(candidates, space),
    )


def score_source(
    given: bool | ScoreSource, space: Space | None, evaluate: object = None
) -> ScoreSource | None:
    """Return where zero-cost scores come from; None if there are none.

    Args:
        given: True for those that ``evaluate`` declares or, where the space builds networks, those
            that are computed by default; False for none; or a source.
        space: The space of the architectures.
        evaluate: The evaluator of the search.

    Raises:
        InvalidArgument: for something else, or a source without a space.
    """
    if given is False:
        return None
    if given is not True:
        if space is None:
            raise InvalidArgument(
                f"zero-cost scores are those of networks; give a space, got zero_cost={given!r}"
            )
        return checked_source(given)
    declared = declared_scores(evaluate)
    if declared is not None or computes_none(evaluate):
        return declared
    builds = space is not None and type(space).build is not Space.build
    return ZeroCost() if builds else None


def _chosen_scoring(
    given: bool | ScoreSource,
    space: Space | None,
    encoders: Sequence[str | Encoder],
    is_default: bool,
) -> Scoring:
    """Return what scores networks: within a share of the time, or all if the encoder is asked for.

    Nothing is scored where the surrogate does not read scores.
    """
    source = score_source(given, space)
    if ZeroCostScores.name not in encoders:
        return Scoring(source if is_default else None)
    if source is None:
        raise InvalidArgument(
            "the encoder 'zero_cost' reads scores, and there are none: the space builds no "
            "networks, or zero_cost=False; give zero_cost=..., or leave out the encoder"
        )
    return Scoring(source, share=None)


def _chosen_suggestions(given: Candidates | None, space: Space | None) -> Suggestions:
    source = checked_candidates(given)
    if source is not None and space is None:
        raise InvalidArgument(
            f"candidates are networks; give a space, got candidates={source.name!r} without one"
        )
    return Suggestions(source)


def _chosen_encoders(
    given: str | Encoder | Sequence[str | Encoder] | None,
    default: tuple[str, ...],
    needed: tuple[str, ...],
) -> Sequence[str | Encoder]:
    """Return the encoders to use, their names checked; they are built when first needed."""
    if given is None:
        return default
    chosen = [given] if isinstance(given, (str, Encoder)) else list(given)
    for item in chosen:
        check_encoder(item)
    names = {item if isinstance(item, str) else item.name for item in chosen}
    if "gnn" in needed and "gnn" not in names:
        raise InvalidArgument(
            f"this surrogate reads the block 'gnn', the encoders give {sorted(names)}; "
            "add the encoder 'gnn', or choose surrogate='gp'"
        )
    return chosen


def _chosen_acquisition(given: str | Acquisition) -> Acquisition:
    if not isinstance(given, str):
        return given
    if given not in ACQUISITIONS:
        raise unknown("acquisition", given, ACQUISITIONS)
    return ACQUISITIONS[given]


def check_reference_point(given: Sequence[float] | None) -> Sequence[float] | None:
    """Return the reference point if it is None or finite.

    Raises:
        InvalidArgument: otherwise.
    """
    if given is not None and not np.isfinite(np.asarray(given, dtype=np.float64)).all():
        raise InvalidArgument(f"reference_point must hold finite numbers, got {given!r}")
    return given
