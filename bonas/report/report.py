"""The report of a search: its sections on one page."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from os import PathLike
from pathlib import Path
from typing import Final

from optuna import Study

from bonas.errors import InvalidArgument
from bonas.evaluation.objective import Objective
from bonas.report.markup import escaped
from bonas.report.page import page
from bonas.report.searched import Searched
from bonas.report.section import MakeSection, Section
from bonas.report.sections import (
    continuation,
    curves,
    failures,
    front,
    importance,
    networks,
    progress,
    summary,
    surrogate,
    time,
    trials,
)
from bonas.spaces import Space

_SECTIONS: Final[dict[str, MakeSection]] = {
    "summary": summary.section,
    "front": front.section,
    "networks": networks.section,
    "progress": progress.section,
    "curves": curves.section,
    "importance": importance.section,
    "surrogate": surrogate.section,
    "time": time.section,
    "trials": trials.section,
    "failures": failures.section,
    "continuation": continuation.section,
}
"""An anchor -> what makes the section, in the order of the page."""

_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Report:
    """What a search did, as one page.

    Attributes:
        searched: The search that it is about.
        sections: In their order.
    """

    searched: Searched
    sections: tuple[Section, ...]

    @classmethod
    def of(
        cls, study: Study, space: Space | None = None, objectives: Sequence[Objective] | None = None
    ) -> Report:
        """Make the report of a study, of whatever program, empty or running.

        Args:
            study: What is read, once.
            space: What was searched, for drawings of networks; None if unknown.
            objectives: Those of the study with their units; None takes the stored ones.
        """
        searched = Searched.of(study, space, objectives)
        made = (_made(anchor, make, searched) for anchor, make in _SECTIONS.items())
        return cls(searched, tuple(section for section in made if section is not None))

    def html(self, *, scripts: Sequence[str] = (), is_served: bool = False) -> str:
        """Return the page: one document that needs no other file and makes no request.

        Args:
            scripts: JavaScript that is added to the page; must not contain ``</script``.
            is_served: Whether scripts may make requests to the server that the page comes from.
        """
        when = f"{datetime.now():%Y-%m-%d %H:%M}"
        footer = f"<p>Written by bonas {escaped(sys.modules['bonas'].__version__)} on {when}.</p>"
        return page(
            self.searched.name,
            "Report of a neural architecture search",
            self.sections,
            footer,
            scripts=scripts,
            is_served=is_served,
        )

    def save(self, path: str | PathLike[str]) -> Path:
        """Write the page to a file; return its path.

        Raises:
            InvalidArgument: if the path is that of a folder, is in a folder that does not exist, or
                cannot be written.
        """
        file = Path(path)
        if file.is_dir():
            raise InvalidArgument(
                f"expected the path of a file for the report, got the folder {file}; give a file "
                f"in it, such as {file / 'report.html'}"
            )
        if not file.parent.is_dir():
            raise InvalidArgument(
                f"expected a path in a folder that exists, got {file}; make the folder "
                f"{file.parent} first"
            )
        try:
            file.write_text(self.html(), encoding="utf-8")
        except OSError as error:
            raise InvalidArgument(
                f"cannot write the report to {file}: {error}; choose a path that can be written"
            ) from error
        return file


def _made(anchor: str, make: MakeSection, searched: Searched) -> Section | None:
    """Return a section; in place of one that cannot be made, a note that says so."""
    try:
        return make(searched)
    except Exception as error:
        _logger.warning("the section %r of the report cannot be made", anchor, exc_info=True)
        what = escaped(f"{type(error).__name__}: {error}")
        note = f'<p class="note">This section could not be made: {what}</p>'
        return Section(anchor, anchor.capitalize(), note)
