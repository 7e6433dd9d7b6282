"""How fresh processes begin: as copies of one that has imported everything, where possible."""

from __future__ import annotations

import multiprocessing
import threading
from multiprocessing.context import ForkServerContext, SpawnContext

from tqdm import tqdm

_PRELOADED = "bonas.studies.running.worker_pool"  # imports all that any process of bonas needs


def fresh_context() -> SpawnContext | ForkServerContext:
    """Return the context of a fork server with all imports; ``spawn`` where there is none."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([_PRELOADED])
    return context


def share_no_locks() -> None:
    """Let progress bars in this process, such as torch's, lock its threads alone.

    Their lock among processes is a semaphore with a name, which a process that ends by
    ``os._exit`` leaves behind: the resource tracker would report it at the end of the program.
    """
    tqdm.set_lock(threading.RLock())
