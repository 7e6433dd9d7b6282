"""When an evaluation runs in a process of its own: if asked, under a limit, or after two deaths.

A process of its own costs a few hundredths of a second, but what the evaluation changes in the
search's memory is lost with it. So by default there is none until one proposal has ended two
processes, whose deaths the study holds. One death says little: a search is killed, a machine
restarted, a storage goes away. The same network twice is hardly chance.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping

from optuna import Study

from bonas.errors import InvalidArgument
from bonas.evaluation import Evaluator, Stages
from bonas.evaluation.isolation.isolated import Isolated
from bonas.studies.outcomes import deaths_of_one
from bonas.studies.search import Search

_DEATHS = 2  # over one proposal, after which evaluations are isolated

_logger = logging.getLogger(__name__)


class Isolation:
    """Gives the evaluator of a search for each candidate, isolated where it has to be.

    Args:
        search: Whose evaluator.
        study: Of the search.
    """

    def __init__(self, search: Search, study: Study) -> None:
        self._search, self._study = search, study
        self._isolated: Isolated | None = None
        self._is_impossible = False

    def prepare(self) -> None:
        """Start what isolates evaluations, where that is asked for.

        Raises:
            InvalidArgument: if the search cannot be sent to a process.
        """
        if self._search.is_isolated:
            self._started(self._search.evaluator)

    def evaluator(self, known: Mapping[str, float]) -> Evaluator:
        """Return the evaluator; one of ``Stages`` does not measure again what is ``known``."""
        evaluate = self._search.evaluator
        isolated = self._started(evaluate)
        if isolated is not None:
            return isolated.given(known) if known else isolated
        return evaluate.given(known) if known and isinstance(evaluate, Stages) else evaluate

    def close(self) -> None:
        """End the processes."""
        if self._isolated is not None:
            self._isolated.close()

    def _started(self, evaluate: Evaluator) -> Isolated | None:
        if self._isolated is not None:
            return self._isolated
        is_asked_for = self._search.is_isolated
        if not is_asked_for and not self._is_due():
            return None
        isolated = self._search.isolated(evaluate)
        try:
            isolated.start(self._search.space)
        except InvalidArgument as error:
            if is_asked_for:
                raise
            self._is_impossible = True
            _logger.warning("evaluations go on in this process: %s", error)
            return None
        if not is_asked_for:
            _logger.warning(
                "the evaluation of one network has ended two processes; from now on each runs in a "
                "process of its own (isolation=None switches that off)"
            )
        self._isolated = isolated
        return isolated

    def _is_due(self) -> bool:
        """Return whether the evaluation of one network has ended several processes."""
        if self._search.isolation is None or self._is_impossible:
            return False
        return deaths_of_one(self._study.get_trials(deepcopy=False)) >= _DEATHS
