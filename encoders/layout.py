"""Layouts: which columns of an encoding belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bonas.errors import InvalidArgument

PRIOR = "prior"
"""The block of one objective that holds its transfer prior: the posterior means of source tasks."""


@dataclass(frozen=True)
class Layout:
    """The blocks of an ``n x d`` encoding: a name -> its columns, in their order.

    ``architecture`` blocks come from encoders; ``parameters`` are the parameters outside the space
    (a learning rate, say), one block each. ``prior`` has, with source tasks, for each objective the
    columns of its transfer prior, and ``slopes`` what each of these columns is expected to change a
    standardised value by, per unit; both are visible only through ``for_objective``.
    """

    architecture: Mapping[str, slice]
    parameters: Mapping[str, slice]
    prior: Sequence[slice | None] = ()
    slopes: Sequence[Sequence[float]] = ()

    def visible(self, X: Tensor) -> Tensor:
        """Return the columns of all blocks in their order; hidden priors are left out."""
        blocks = [*self.architecture.values(), *self.parameters.values()]
        return torch.cat([X[..., b] for b in sorted(blocks, key=lambda b: b.start)], dim=-1)

    def columns(self, X: Tensor, name: str) -> Tensor:
        """Return the columns of one architecture block, ``... x width``.

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
        """Return the same layout with one architecture block hidden."""
        kept = {key: columns for key, columns in self.architecture.items() if key != name}
        return Layout(kept, self.parameters, slopes=self.slopes)

    def for_objective(self, objective: int) -> Layout:
        """Return the layout for a surrogate of one objective: its own prior, if any, is a block."""
        own = self.prior[objective] if self.prior else None
        known = {} if own is None else {PRIOR: own}
        slopes = self.slopes[objective : objective + 1] if known else ()
        return Layout({**self.architecture, **known}, self.parameters, slopes=slopes)

    @property
    def is_expected(self) -> bool:
        """Whether each column of the block ``prior`` is expected to change values."""
        return PRIOR in self.architecture and bool(self.slopes) and all(map(all, self.slopes))

    def prior_mean(self, X: Tensor) -> Tensor | None:
        """Return the expected standardised values of rows, ``...``; None where they are all 0.

        Of a layout for one objective: the block ``prior`` of its rows ``X`` (``... x d``) times the
        slopes of its columns.
        """
        if PRIOR not in self.architecture or not any(map(any, self.slopes)):
            return None
        (slopes,) = self.slopes
        return X[..., self.architecture[PRIOR]] @ X.new_tensor(slopes)
