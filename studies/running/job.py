"""The job of a worker: all that it is given, wherever it runs."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import dataclass

import optuna
import torch

from bonas.errors import StorageUnavailable
from bonas.processes.pickling import unpacked
from bonas.studies.lease import Worker
from bonas.studies.records import are_stopped
from bonas.studies.running.interrupts import Terminated, sigint_terminates
from bonas.studies.running.ledger import Entry, Ledger
from bonas.studies.running.proposal_server import ProposalServer
from bonas.studies.running.worker import work
from bonas.studies.search import Search
from bonas.studies.storages.opening import Storage, open_storage

DONE = "done"  # the message of a worker that found nothing left to do


@dataclass(frozen=True)
class Job:
    """What a worker needs; it can go to another process or host.

    Attributes:
        search: What is searched.
        storage: As a user gives it: a URL or a path, or a storage that can be sent.
        study: Its name.
        seed: The search's.
        lease: Seconds without a sign of life after which a worker counts as dead.
        asker: Who proposes for the workers.
        since: The number of the call's first trial.
        threads: CPU threads for torch; None leaves them as they are.
        child: Whether the worker is to end with the process that started it.
    """

    search: Search
    storage: Storage
    study: str
    seed: int
    lease: float
    asker: str
    since: int
    threads: int | None = None
    child: bool = False

    def run(self, heard: Callable[[Entry], object] = lambda entry: None) -> str:
        """Work until nothing is left and return ``DONE``; a worker that ends otherwise has died.

        ``heard`` is called with each entry of the ledger.

        Raises:
            BonasError: what ends the whole search.
            Exception: if an evaluation raised something else to end its process.
        """
        if self.threads is not None:
            torch.set_num_threads(self.threads)
        study = optuna.load_study(
            study_name=self.study,
            storage=open_storage(self.storage),
            sampler=self.search.sampler(self.seed),
        )
        worker = Worker.here(self.lease, self.asker)
        server = ProposalServer(
            study, self.search.proposer(), self.seed, worker, self.search.measured_first()
        )
        ledger = Ledger(heard)

        def stopped() -> bool:
            return self._is_orphaned() or are_stopped(study, self.asker)

        try:
            with sigint_terminates():
                work(self.search, server, (), ledger, stopped, self.since)
        except StorageUnavailable as error:
            names = [goal.name for goal in self.search.goals]
            error.rows = ledger.lost(self.storage, study, names)
            raise
        except Exception:
            raise
        except BaseException as error:  # an executor may take it for its own end
            if self.child and isinstance(error, Terminated):
                raise
            raise RuntimeError(f"the worker was ended by {error!r}") from error
        return DONE

    def _is_orphaned(self) -> bool:
        parent = multiprocessing.parent_process()
        return self.child and parent is not None and not parent.is_alive()


def run_packed(data: bytes) -> str:
    """Run a packed ``Job``: what an executor is given.

    Raises:
        InvalidArgument: if it cannot be unpacked.
        Exception: as ``Job.run`` does.
    """
    job: Job = unpacked(data)
    return job.run()
