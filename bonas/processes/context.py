"""How fresh processes begin: as copies of one that has imported everything, where possible."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import ForkServerContext, SpawnContext

_PRELOADED = "bonas.studies.running.worker_pool"  # imports all that any process of bonas needs


def fresh_context() -> SpawnContext | ForkServerContext:
    """Return the context of a fork server with all imports; ``spawn`` where there is none."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    return context
