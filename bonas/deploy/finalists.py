"""Finalists: which candidates of a search are trained in full, by what the search measured of them.

With one objective they are the best candidates. With several they are the best of the front in the
objective that the training measures: one network is chosen by it in the end, so what else it has to
keep is for ``constraints`` to say.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence

from bonas.arguments import check_count
from bonas.errors import EvaluationFailed, InvalidArgument
from bonas.evaluation import Candidate, Objective
from bonas.evaluation.constraint import Constraint
from bonas.result import SearchResult
from bonas.studies.constraints import values_of

_logger = logging.getLogger(__name__)


def finalists_of(
    result: SearchResult, top_k: int, goal: Objective, constraints: Sequence[Constraint]
) -> list[Candidate]:
    """Return at most ``top_k`` different networks, the best of the search first.

    Fewer where the front has fewer that keep the constraints, with a warning.

    Raises:
        EvaluationFailed: if no evaluation succeeded.
        InvalidArgument: if no network keeps the constraints.
    """
    check_count("top_k", top_k)
    if not result:
        raise EvaluationFailed(
            "expected a search with at least one evaluated network, got none; see result.failures"
        )
    pool = result.front if len(result.objectives) > 1 else _feasible(result)
    kept = [candidate for candidate in pool if _keeps(result, candidate, constraints)]
    if not kept:
        every = [*result.constraints, *constraints]
        raise InvalidArgument(
            f"expected networks that keep the constraints ({'; '.join(map(str, every))}), got none "
            f"of {len(result.candidates)}; loosen them, or search on with a larger budget"
        )
    ranked = _different(sorted(kept, key=lambda c: _loss(c, goal)))
    if len(ranked) < top_k:
        _logger.warning(
            "expected %d networks to choose from, got %d: %s",
            top_k,
            len(ranked),
            "the front has no more" if len(result.objectives) > 1 else "no more were evaluated",
        )
    return ranked[:top_k]


def checked_candidates(
    result: SearchResult, candidates: Sequence[Candidate], goal: Objective
) -> list[Candidate]:
    """Return the candidates that a user chose, the best of the search first.

    Raises:
        InvalidArgument: if there is none, or one is no evaluated candidate of this search.
    """
    known = {candidate.trial.number: candidate for candidate in result.candidates}
    given = list(candidates)
    for one in given:
        own = known.get(one.trial.number) if isinstance(one, Candidate) else None
        if own is None or own.trial.params != one.trial.params:
            raise InvalidArgument(
                f"expected evaluated candidates of this search, got {one!r}; take them from "
                "result.candidates or result.front"
            )
    if not given:
        raise InvalidArgument(
            "expected at least one candidate, got none; leave candidates out for the best"
        )
    own_ones = {one.trial.number: known[one.trial.number] for one in given}
    return _different(sorted(own_ones.values(), key=lambda c: _loss(c, goal)))


def _feasible(result: SearchResult) -> list[Candidate]:
    violations = result.violations
    return [c for c in result.candidates if c.trial.number not in violations]


def _keeps(result: SearchResult, candidate: Candidate, constraints: Sequence[Constraint]) -> bool:
    names = [objective.name for objective in result.objectives]
    values = values_of(candidate.trial, constraints, names, result.space)  # type: ignore[arg-type]  # a result has frozen trials
    return all(each.violation(values[each.name]) <= 0 for each in constraints)


def _different(candidates: Sequence[Candidate]) -> list[Candidate]:
    """Return the first candidate of each network with the same further parameters."""
    found: dict[object, Candidate] = {}
    for candidate in candidates:
        others = candidate.trial.params.keys() - candidate.space.distributions.keys()
        key = (
            candidate.space.architecture(candidate.choices).key,
            *sorted((name, candidate.trial.params[name]) for name in others),
        )
        found.setdefault(key, candidate)
    return list(found.values())


def _loss(candidate: Candidate, goal: Objective) -> float:
    value = candidate.values.get(goal.name, math.nan)
    return -value if goal.direction == "maximize" else value
