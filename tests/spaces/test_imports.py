"""The ground floor is light: what it loads, each worker process loads."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ["botorch", "gpytorch", "matplotlib", "pandas", "sklearn", "sqlalchemy", "torch_geometric"]

PROGRAM = "import sys, bonas.spaces; print(*{name.partition('.')[0] for name in sys.modules})"


@pytest.fixture(scope="module")
def loaded() -> set[str]:
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=120
    )
    return set(run.stdout.split())


@pytest.mark.parametrize("package", HEAVY)
def test_spaces_load_no_package_that_they_do_not_use(loaded: set[str], package: str) -> None:
    assert "torch" in loaded
    assert package not in loaded
