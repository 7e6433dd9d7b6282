"""Sealed rows: the test part of the data, which can be counted but not read.

Whoever looks at test rows during a search chooses by them, and their score then says too much. Only
``bonas.finalize`` opens them, once, and notes that in the study.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

from bonas.errors import SealedRows

if TYPE_CHECKING:
    from bonas.evaluation.data.splits import Part


class SealedPart:
    """Rows that have a number, and no content until they are opened.

    Raises:
        SealedRows: by each way of reading them.
    """

    def __init__(self, part: Part) -> None:
        self._part = part

    def __len__(self) -> int:
        return len(self._part)

    def __getitem__(self, index: object) -> Any:
        self._refuse()

    def __iter__(self) -> Iterator[Any]:
        self._refuse()

    @property
    def tensors(self) -> Any:
        """Refused: inputs and targets of rows in memory."""
        self._refuse()

    @property
    def dataset(self) -> Any:
        """Refused: the data set of rows that are read one by one."""
        self._refuse()

    @property
    def indices(self) -> Any:
        """Refused: which rows of the data set they are."""
        self._refuse()

    def __repr__(self) -> str:
        return f"<{len(self)} sealed rows>"

    def _refuse(self) -> NoReturn:
        raise SealedRows(
            f"expected the {len(self)} test rows to stay sealed until a network is chosen, got an "
            "attempt to read them; call bonas.finalize(result), which opens them once, or give "
            "test=0.0 and hold out rows of your own"
        )


def opened(sealed: SealedPart) -> Part:
    """Return the rows; for ``bonas.finalize``, which records it."""
    return sealed._part
