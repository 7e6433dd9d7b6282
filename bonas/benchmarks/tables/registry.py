"""Benchmark problems by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from os import PathLike

from bonas.benchmarks.tables.nas_bench_201 import DATASETS, SCORED, NASBench201Table
from bonas.benchmarks.tables.spikenas_bench import SpikeNASBench
from bonas.benchmarks.tables.table import Cost, Table
from bonas.benchmarks.tables.transnas_bench_101 import TASKS, TransNASBench101
from bonas.errors import InvalidArgument, unknown

_DEVICES = ("edgegpu", "raspi4", "pixel3", "fpga", "eyeriss")
_WRITINGS = ("plain", "declared")

PROBLEMS: dict[str, Callable[[], Table]] = {
    **{
        f"nb201-{dataset.short}": partial(NASBench201Table, name)
        for name, dataset in DATASETS.items()
    },
    **{
        f"nb201-{dataset.short}-{device}": partial(
            NASBench201Table, name, ("accuracy", f"{device}_latency")
        )
        for name, dataset in DATASETS.items()
        for device in _DEVICES
    },
    **{
        f"nb201-{writing}-{dataset.short}": partial(NASBench201Table, name, writing=writing)
        for name, dataset in DATASETS.items()
        for writing in _WRITINGS
    },
    **{
        f"nb201-{writing}-{dataset.short}-{device}": partial(
            NASBench201Table, name, ("accuracy", f"{device}_latency"), writing=writing
        )
        for name, dataset in DATASETS.items()
        for writing in _WRITINGS
        for device in _DEVICES
    },
}
"""The problems that need no folder: a function without arguments that makes the table, by name."""


def _scored(
    dataset: str, objectives: Sequence[str], signal: str
) -> Callable[[str | PathLike[str]], Table]:
    return lambda folder: NASBench201Table(dataset, objectives, scores=folder, score_signal=signal)


FOLDER_PROBLEMS: dict[str, Callable[[str | PathLike[str]], Table]] = {
    **{
        f"transnas-{space}-{task}": partial(TransNASBench101, space=space, task=task)
        for space in ("cell", "macro")
        for task in TASKS
    },
    "spikenas": SpikeNASBench,
    **{
        f"nb201-{dataset.short}{suffix}": _scored(name, ("accuracy",), signal)
        for name, dataset in DATASETS.items()
        for signal, suffix in SCORED.items()
    },
    **{
        f"nb201-{dataset.short}-{device}{suffix}": _scored(
            name, ("accuracy", f"{device}_latency"), signal
        )
        for name, dataset in DATASETS.items()
        for device in _DEVICES
        for signal, suffix in SCORED.items()
    },
}
"""The problems that are read from a folder: a function of the folder, by name.

Those of NAS-Bench-201 carry zero-cost scores: ``+scores`` those published, ``+noise`` noise and
``+reversed`` the negated ones.
"""


MEASURED_FIRST: dict[str, Cost] = {"+shortlist": "cheap", "+known": 0.0}
"""What a table's name may end in: all its objectives but the first have that ``cost``, and are
measured for a short list before a network is chosen, or known of all."""


def problem(name: str, folder: str | PathLike[str] | None = None) -> Table:
    """Return the table of a name out of ``PROBLEMS`` or ``FOLDER_PROBLEMS``, which need a folder.

    After the name may come one out of ``MEASURED_FIRST``.

    Raises:
        InvalidArgument: for an unknown name, or without a folder where one is needed.
        MissingData: if the data are not there.
    """
    for suffix, cost in MEASURED_FIRST.items():
        if name.endswith(suffix):
            table = problem(name.removesuffix(suffix), folder)
            others = [objective.name for objective in table.objectives[1:]]
            return table.with_cheap(dict.fromkeys(others, cost), table.name + suffix)
    if name in PROBLEMS:
        return PROBLEMS[name]()
    if name not in FOLDER_PROBLEMS:
        raise unknown("benchmark problem", name, (*PROBLEMS, *FOLDER_PROBLEMS))
    if folder is None:
        raise InvalidArgument(
            f"the problem {name!r} is read from a folder, and none was given; pass the one that "
            "contains its file as folder"
        )
    return FOLDER_PROBLEMS[name](folder)
