"""A decision: a choice among options, each with a probability.

p = softmax(logits)     over the options that are kept
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from bonas.errors import unknown
from bonas.spaces import Choice

_SPREAD = 1e-3  # standard deviation of the first logits, as in DARTS


class Decision(nn.Module):
    """A choice among options; called, it returns their probabilities.

    Attributes:
        options: In the order of the probabilities.
        logits: One per option.
        possible: Whether each option is kept; one that is not has the probability 0.

    Args:
        options: At least one.
        generator: Draws the first logits, which are almost equal.
    """

    _kept: Tensor

    def __init__(self, options: Sequence[Choice], generator: torch.Generator) -> None:
        super().__init__()
        self.options = tuple(options)
        self.logits = nn.Parameter(_SPREAD * torch.randn(len(self.options), generator=generator))
        self.possible: Sequence[bool] = (True,) * len(self.options)
        self.register_buffer("_kept", torch.tensor(self.possible), persistent=False)

    def forward(self) -> Tensor:
        return self.logits.masked_fill(~self._kept, -torch.inf).softmax(0)

    @property
    def left(self) -> list[Choice]:
        """The options that are kept."""
        return [o for o, kept in zip(self.options, self.possible, strict=True) if kept]

    @contextmanager
    def without(self, option: Choice) -> Iterator[None]:
        """Drop an option while the block runs; the others share its probability."""
        with self.only([other for other in self.left if other != option]):
            yield

    @contextmanager
    def only(self, options: Collection[Choice]) -> Iterator[None]:
        """Keep no other options while the block runs."""
        before = self.left
        self.keep(options)
        try:
            yield
        finally:
            self.keep(before)

    def keep(self, options: Collection[Choice]) -> None:
        """Keep these options, and drop all others.

        Raises:
            InvalidArgument: for none, or one that there is not.
        """
        for option in options or [None]:
            if option not in self.options:
                raise unknown("option", option, map(str, self.options))
        self.possible = tuple(option in options for option in self.options)
        self._kept.copy_(torch.tensor(self.possible))
