"""The size of a language model's key-value cache, which bounds batch and length when it writes."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar, Protocol, runtime_checkable

from bonas.arguments import check_count, check_positive
from bonas.errors import InvalidArgument
from bonas.evaluation.candidate import Candidate
from bonas.evaluation.objective import Objective
from bonas.spaces import Choices

KV_CACHE = Objective("kv_cache", "minimize", "bytes")


@runtime_checkable
class CachingSpace(Protocol):
    """A space that knows how many bytes of keys and values a network keeps of one sequence."""

    def kv_cache_bytes(
        self, choices: Choices, *, length: int | None = None, bytes_per_number: float = 2
    ) -> float:
        """Bytes at ``length`` tokens; None is the length of the space's sequences."""
        ...


@dataclass(frozen=True)
class KVCache:
    """Tells how many bytes of keys and values a network keeps of one sequence; it builds nothing.

    Called with a candidate it returns ``kv_cache`` (bytes, to be minimised), exactly, by formula.

    Args:
        length: Tokens in the sequence; None takes the space's.
        bytes_per_number: 2 for half precision; a half for four bits.

    Raises:
        InvalidArgument: if a setting is not positive, or the space has no such caches.

    >>> KVCache(32_768).describe()
    {'kv_cache': {'length': 32768, 'bytes_per_number': 2}}
    """

    length: int | None = None
    _: KW_ONLY
    bytes_per_number: float = 2

    objectives: ClassVar[tuple[Objective, ...]] = (KV_CACHE,)

    def __post_init__(self) -> None:
        if self.length is not None:
            check_count("length", self.length)
        check_positive("bytes_per_number", self.bytes_per_number, advice="half precision takes 2")

    def describe(self) -> dict[str, Any]:
        """What decides the size, as JSON values under the objective's name."""
        settings = {"length": self.length, "bytes_per_number": self.bytes_per_number}
        return {KV_CACHE.name: settings}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """``kv_cache`` in bytes."""
        space: object = candidate.space
        if not isinstance(space, CachingSpace):
            raise InvalidArgument(
                "expected a space with a method kv_cache_bytes, such as TransformerSpace, got a "
                f"{type(space).__name__}; search that one, or leave KVCache out"
            )
        size = space.kv_cache_bytes(
            candidate.choices, length=self.length, bytes_per_number=self.bytes_per_number
        )
        return {KV_CACHE.name: size}
