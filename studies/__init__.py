"""What to try next, and how it is remembered.

The parts are imported when first used: a worker that renews its lease needs no surrogate.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bonas.studies.proposing.acquisition import ACQUISITIONS, Acquisition
    from bonas.studies.proposing.candidate_source import CandidateSource
    from bonas.studies.proposing.presets import SURROGATES
    from bonas.studies.salvage.rescue import Rescued, rescue
    from bonas.studies.sampler import ArchitectureSampler
    from bonas.studies.stopping.combined import Combined
    from bonas.studies.stopping.halving import SuccessiveHalving
    from bonas.studies.stopping.median import MedianRule
    from bonas.studies.stopping.named import STOPPING_RULES
    from bonas.studies.stopping.rule import Decision, StoppingRule
    from bonas.studies.storages.opening import open_storage as open
    from bonas.studies.study import open_study
    from bonas.studies.transfer.source_task import SourceTask

__all__ = [
    "ACQUISITIONS",
    "STOPPING_RULES",
    "SURROGATES",
    "Acquisition",
    "ArchitectureSampler",
    "CandidateSource",
    "Combined",
    "Decision",
    "MedianRule",
    "Rescued",
    "SourceTask",
    "StoppingRule",
    "SuccessiveHalving",
    "open",
    "open_study",
    "rescue",
]

_HOME = {
    "ACQUISITIONS": "proposing.acquisition",
    "Acquisition": "proposing.acquisition",
    "ArchitectureSampler": "sampler",
    "CandidateSource": "proposing.candidate_source",
    "Combined": "stopping.combined",
    "Decision": "stopping.rule",
    "MedianRule": "stopping.median",
    "Rescued": "salvage.rescue",
    "STOPPING_RULES": "stopping.named",
    "StoppingRule": "stopping.rule",
    "SuccessiveHalving": "stopping.halving",
    "SURROGATES": "proposing.presets",
    "SourceTask": "transfer.source_task",
    "open_study": "study",
    "rescue": "salvage.rescue",
}


def __getattr__(name: str) -> Any:
    if name == "open":
        return import_module("bonas.studies.storages.opening").open_storage
    if name in _HOME:
        return getattr(import_module(f"bonas.studies.{_HOME[name]}"), name)
    raise AttributeError(f"module 'bonas.studies' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
