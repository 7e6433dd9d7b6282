"""Sources of candidates: networks that something else than the study considers good.

A policy of a gradient search, a supernet, another search or a person names networks; the study
evaluates some of them and learns what they are worth. A candidate is never a value: it takes the
place of a random draw, and the surrogate judges it as it does any other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from bonas.errors import InvalidArgument
from bonas.spaces import Choices


@runtime_checkable
class CandidateSource(Protocol):
    """Something that names networks of a space."""

    @property
    def name(self) -> str:
        """What proposals of its candidates are said to be proposed by, such as ``"gdas"``."""
        ...

    def candidates(self, n: int, seed: int, /) -> Iterable[Choices]:
        """Return at most ``n`` networks, the best first; a function of the arguments."""
        ...

    def describe(self) -> dict[str, Any]:
        """Return JSON values that decide the candidates: a study takes those of a source once."""
        ...


class GivenChoices:
    """A list of networks as a source.

    Attributes:
        name: ``"given"``.
    """

    name = "given"

    def __init__(self, choices: Sequence[Choices]) -> None:
        self._choices = list(choices)

    def candidates(self, n: int, seed: int, /) -> Sequence[Choices]:
        """Return the first ``n`` of the list."""
        return self._choices[:n]

    def describe(self) -> dict[str, Any]:
        """Return a digest of the list."""
        rows = [sorted(each.items()) for each in self._choices]
        return {"given": digest(rows)}


Candidates = CandidateSource | Sequence[Choices]
"""What ``optimize`` takes: a source, or a list of choices."""


def checked_candidates(given: object) -> CandidateSource | None:
    """Return a source of candidates; None if there is none.

    Raises:
        InvalidArgument: if ``given`` is neither a source nor a list of choices.
    """
    if given is None:
        return None
    if isinstance(given, Sequence) and not isinstance(given, (str, bytes)):
        for each in given:
            if not isinstance(each, Mapping):
                raise InvalidArgument(
                    "expected candidates that are mappings from parameter to option, got "
                    f"{each!r:.200}"
                )
        return GivenChoices(given)
    if isinstance(given, type) or not isinstance(given, CandidateSource):
        raise InvalidArgument(
            "expected candidates: a list of choices, or a source with a name, candidates(n, seed) "
            f"and describe(), got {given!r:.200}"
        )
    if not isinstance(given.name, str) or not given.name:
        raise InvalidArgument(f"expected a source with a name, a string, got {given.name!r}")
    return given


def digest(described: object) -> str:
    """Return a digest of JSON values."""
    text = json.dumps(described, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
