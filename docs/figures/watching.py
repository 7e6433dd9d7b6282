"""The pictures of docs/watching.md: both live views of a small search, in Debian's chromium.

`python docs/figures/watching.py` runs the search, which trains nothing, and writes them.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

import bonas

HERE = Path(__file__).parent
START = "import sys; from bonas.cli import main; sys.exit(main(sys.argv[1:]))"
WIDTH, HEIGHT = 1100, 720


def evaluate(candidate: bonas.Candidate) -> dict[str, float]:
    """Return values that look like those of a training; nothing is trained."""
    draw = random.Random(str(sorted(candidate.choices.items())))
    convolutions = sum("conv" in str(choice) for choice in candidate.choices.values())
    accuracy = 82 + 2.4 * convolutions - 0.15 * convolutions**2 + draw.gauss(0, 1)
    latency = 1.0 + 0.6 * convolutions + draw.random()
    return {"accuracy": accuracy, "accuracy_sd": 0.3, "latency": latency}


def search(storage: str, name: str, budget: int, seed: int) -> None:
    """Run a search of cells."""
    bonas.optimize(
        bonas.spaces.NASBench201(channels=8, cells=1),
        budget,
        evaluate=evaluate,
        objectives={"accuracy": "maximize", "latency": "minimize"},
        surrogate="random",
        storage=storage,
        study_name=name,
        seed=seed,
        progress=False,
    )


@contextmanager
def served(command: str, storage: str) -> Iterator[str]:
    """Yield the address of a live view."""
    call = [sys.executable, "-W", "ignore", "-c", START, command, "--storage", storage]
    with subprocess.Popen([*call, "--port", "0"], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            found = re.search(r"http://\S+", process.stderr.readline())
            assert found is not None
            yield found[0]
        finally:
            process.kill()


def main() -> None:
    """Write the pictures."""
    warnings.simplefilter("ignore")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        storage = f"sqlite:///{folder}/search.db"
        search(storage, "cells", 60, 0)
        search(storage, "cells, another seed", 40, 1)
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox"]
        )
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        with served("watch", storage) as address:
            page.goto(address)
            page.evaluate("document.querySelector('.subtitle').textContent = 'sqlite:///search.db'")
            page.screenshot(path=HERE / "watching.png")
        with served("dashboard", storage) as address:
            page.goto(f"{address}dashboard/studies/1/trials?numbers=7")
            page.wait_for_selector("img", timeout=60_000)
            page.screenshot(path=HERE / "dashboard.png")
        browser.close()


if __name__ == "__main__":
    main()
