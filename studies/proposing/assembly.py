"""A proposer out of the arguments that users give, which are checked here."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bonas.arguments import check_count
from bonas.encoders import Encoder, check_encoder
from bonas.errors import InvalidArgument, unknown
from bonas.spaces import Space
from bonas.studies.proposing.acquisition import ACQUISITIONS, Acquisition
from bonas.studies.proposing.presets import preset
from bonas.studies.proposing.proposer import Proposer
from bonas.studies.transfer.prior_mean import check_source_tasks
from bonas.studies.transfer.source_task import SourceTask
from bonas.surrogates import Surrogate

_COLD, _WARM = 10, 4  # initial proposals, without and with source tasks


def make_proposer(
    space: Space | None,
    *,
    surrogate: str | Surrogate = "mixture",
    encoder: str | Encoder | Sequence[str | Encoder] | None = None,
    acquisition: str | Acquisition = "noisy_improvement",
    n_initial: int | None = None,
    source_tasks: Sequence[SourceTask] = (),
) -> Proposer:
    """Return a proposer; the arguments are those of ``ArchitectureSampler``.

    Raises:
        InvalidArgument: for an unknown name, or a combination that cannot work.
    """
    if not (space is None or isinstance(space, Space)):
        raise InvalidArgument(f"space must be a bonas.Space or None, got {space!r}")
    if n_initial is None:
        n_initial = _WARM if source_tasks else _COLD
    surrogates = preset(surrogate, space)
    needed = surrogates.encoders if isinstance(surrogate, str) else ()
    return Proposer(
        space,
        surrogates,
        _chosen_encoders(encoder, surrogates.encoders, needed),
        _chosen_acquisition(acquisition),
        check_count("n_initial", n_initial),
        check_source_tasks(source_tasks, space, surrogate, surrogates.reads_prior_mean),
    )


def _chosen_encoders(
    given: str | Encoder | Sequence[str | Encoder] | None,
    default: tuple[str, ...],
    needed: tuple[str, ...],
) -> Sequence[str | Encoder]:
    """Return the encoders to use, their names checked; they are built when first needed."""
    if given is None:
        return default
    chosen = [given] if isinstance(given, (str, Encoder)) else list(given)
    for item in chosen:
        check_encoder(item)
    names = {item if isinstance(item, str) else item.name for item in chosen}
    if "gnn" in needed and "gnn" not in names:
        raise InvalidArgument(
            f"this surrogate reads the block 'gnn', the encoders give {sorted(names)}; "
            "add the encoder 'gnn', or choose surrogate='gp'"
        )
    return chosen


def _chosen_acquisition(given: str | Acquisition) -> Acquisition:
    if not isinstance(given, str):
        return given
    if given not in ACQUISITIONS:
        raise unknown("acquisition", given, ACQUISITIONS)
    return ACQUISITIONS[given]


def check_reference_point(given: Sequence[float] | None) -> Sequence[float] | None:
    """Return the reference point if it is None or finite.

    Raises:
        InvalidArgument: otherwise.
    """
    if given is not None and not np.isfinite(np.asarray(given, dtype=np.float64)).all():
        raise InvalidArgument(f"reference_point must hold finite numbers, got {given!r}")
    return given
