"""Which columns of an encoding belong together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from bonas.errors import InvalidArgument

PRIOR = "prior"
"""The block of one objective that holds its transfer prior: the posterior means of source tasks."""


@dataclass(frozen=True)
class Layout:
    """The blocks of an ``n x d`` encoding: a name -> its columns, in their order.

    ``architecture`` blocks come from encoders; ``parameters`` are the parameters outside the space
    (a learning rate, say), one block each. ``prior`` has, with source tasks,
    for each objective the columns with what it expects; they are out of sight but in ``of``.
    """

    architecture: Mapping[str, slice]
    parameters: Mapping[str, slice]
    prior: Sequence[slice | None] = ()

    def __iter__(self) -> Iterator[slice]:
        yield from self.architecture.values()
        yield from self.parameters.values()

    def columns(self, X: Tensor, name: str) -> Tensor:
        """The columns of one architecture block, ``... x width``.

        Raises:
            InvalidArgument: if there is no such block.
        """
        if name not in self.architecture:
            raise InvalidArgument(
                f"the encoding has no block {name!r}, only {sorted(self.architecture)}; "
                f"add the encoder {name!r}, or choose a surrogate that does not need it"
            )
        return X[..., self.architecture[name]]

    def without(self, name: str) -> Layout:
        """The same columns, with one architecture block left out of sight."""
        kept = {key: columns for key, columns in self.architecture.items() if key != name}
        return Layout(kept, self.parameters)

    def of(self, objective: int) -> Layout:
        """What a surrogate of one objective sees: its own prior, if there is one, is a block."""
        own = self.prior[objective] if self.prior else None
        known = {} if own is None else {PRIOR: own}
        return Layout({**self.architecture, **known}, self.parameters)
