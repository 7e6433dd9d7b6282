"""Size of a language model's key-value cache, which limits batch and length in generation."""

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
    """A space that knows the size of a network's key-value cache for one sequence."""

    def kv_cache_bytes(
        self, choices: Choices, *, length: int | None = None, bytes_per_number: float = 2
    ) -> float:
        """Return the bytes at ``length`` tokens; None is the length of the space's sequences."""
        ...


@dataclass(frozen=True)
class KVCache:
    """An evaluator: the size of a network's key-value cache for one sequence.

    Called with a candidate it returns ``kv_cache`` (bytes, to be minimised), computed by formula:
    no network is built.

    Args:
        length: Number of tokens in the sequence; None takes that of the space.
        bytes_per_number: 2 for half precision, 0.5 for four bits.

    Raises:
        InvalidArgument: if a setting is not positive, or the space has no such caches.

    >>> KVCache(32_768).describe()
    {'kv_cache': {'length': 32768, 'bytes_per_number': 2}}
    """

    length: int | None = None
    _: KW_ONLY
    bytes_per_number: float = 2

    objectives: ClassVar[tuple[Objective, ...]] = (KV_CACHE,)
    cost: ClassVar[float] = 0.0  # seconds per candidate

    def __post_init__(self) -> None:
        if self.length is not None:
            check_count("length", self.length)
        check_positive("bytes_per_number", self.bytes_per_number, advice="half precision takes 2")

    def describe(self) -> dict[str, Any]:
        """Return what decides the size, as JSON values under the objective's name."""
        settings = {"length": self.length, "bytes_per_number": self.bytes_per_number}
        return {KV_CACHE.name: settings}

    def __call__(self, candidate: Candidate) -> dict[str, float]:
        """Return ``kv_cache`` in bytes."""
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
