"""Resumption: a training that may have begun in an earlier process, which left a checkpoint."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bonas.errors import CheckpointMismatch
from bonas.supernets.training.checkpoint import (
    Checkpoint,
    Unfinished,
    adopt,
    belonging_of,
    checkpoint_of,
    difference,
)
from bonas.supernets.training.default import chosen_rule
from bonas.supernets.training.fit import Fit
from bonas.supernets.training.record import FitRecord, Length
from bonas.supernets.training.rule import Rule

if TYPE_CHECKING:
    from bonas.supernets.supernet import Supernet

_logger = logging.getLogger(__name__)


def fit(
    supernet: Supernet,
    length: Length,
    rule: str | Rule,
    checkpoint: Path | None,
    interval: float,
    *,
    progress: bool,
) -> FitRecord:
    """Train the shared weights of a supernet, from where its checkpoint stopped.

    Raises:
        CheckpointMismatch: if the file belongs to another space, training or supernet.
        NotFinite: if a loss diverges.
    """
    chosen, reason = chosen_rule(rule, supernet.space)
    settings = {**chosen.describe(), **length.describe(), "seed": supernet.seed}
    begun = None
    if checkpoint is not None and checkpoint.exists():
        kept = Checkpoint.read(checkpoint)
        kept.check(checkpoint, belonging_of(supernet), recipe=True)
        begun = _begun(kept, settings, checkpoint)
        adopt(supernet, kept)
        if begun is None:
            return supernet.state.fits[-1]
    _logger.info("A supernet is trained by the rule %r: %s", chosen.name, reason)
    supernet.state.changed()
    training = Fit(supernet, chosen, reason, length, checkpoint, interval)
    try:
        record = training.run(begun, progress=progress)
    finally:
        supernet.state.changed()
    supernet.state.fits = (*supernet.state.fits, record)
    supernet.store.mark()
    if checkpoint is not None:
        checkpoint_of(supernet).write(checkpoint)
    return record


def _begun(kept: Checkpoint, settings: Mapping[str, Any], path: Path) -> Unfinished | None:
    """Return the unfinished training of a checkpoint; None if it has ended.

    Raises:
        CheckpointMismatch: if it is another training than that of these settings.
    """
    if kept.unfinished is None and not kept.fits:
        raise CheckpointMismatch(
            f"expected a checkpoint of a training, got weights without one in {path}; give another "
            "path, or go on from them by Supernet.load"
        )
    last = kept.fits[-1] if kept.unfinished is None else kept.unfinished
    found = difference(dict(last.settings), json.loads(json.dumps(settings)))
    if found is not None:
        name, before, now = found
        raise CheckpointMismatch(
            f"expected a checkpoint of this training, got another one's in {path}: {name} is "
            f"{before} there and {now} here; give another path, the same settings, or go on from "
            "its weights by Supernet.load"
        )
    return kept.unfinished
