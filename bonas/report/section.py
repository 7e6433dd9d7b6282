"""A section of a report, and the convention by which a module makes one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bonas.report.searched import Searched


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page with a heading of its own.

    Each module of ``bonas.report.sections`` has a function ``section(searched) -> Section | None``:
    None where the study has nothing of the kind.

    Attributes:
        anchor: Its id in the page: lower-case letters and hyphens, unique. Ids inside it begin with
            it.
        title: Its heading, as plain text.
        html: Its body: HTML with everything escaped that comes from the study, without scripts,
            ``on...`` attributes, or addresses.
    """

    anchor: str
    title: str
    html: str


MakeSection = Callable[["Searched"], Section | None]
"""What a module of ``bonas.report.sections`` offers under the name ``section``."""
