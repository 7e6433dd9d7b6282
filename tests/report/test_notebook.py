"""Facts about what a notebook shows of a result."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from shown_results import RESULT
from written_studies import HOSTILE, STUDIES, stored, trial

from bonas.report.notebook import result_html
from bonas.report.searched import Searched

CODE = """
import sys
sys.path.insert(0, TESTS)
from shown_results import RESULT
RESULT
"""


@pytest.mark.parametrize("name", STUDIES)
def test_any_study_is_shown_without_scripts(name: str) -> None:
    shown = result_html(Searched.of(STUDIES[name]()), [HOSTILE])
    assert HOSTILE not in shown
    assert "<script" not in shown
    assert "<img" not in shown


def test_the_front_is_a_table_with_units_and_the_notes_are_below() -> None:
    shown = RESULT._repr_html_()
    rows = re.findall(r"<tr>(.*?)</tr>", shown)
    assert len(rows) == 1 + len(RESULT.front)
    assert "accuracy [%]" in rows[0]
    assert "1 failed (1 exception)" in shown


def test_a_long_front_is_cut_off_and_says_so() -> None:
    study = stored(*(trial(float(i), float(i)) for i in range(20)))
    shown = result_html(Searched.of(study))
    assert len(re.findall(r"<tr>", shown)) == 1 + 12
    assert "8 more on the front" in shown


def test_failures_are_a_table_with_their_tracebacks_folded() -> None:
    shown = RESULT.failures._repr_html_()
    assert shown.count("<details>") == 1
    assert "RuntimeError" in shown


def outputs(code: str) -> list[dict[str, Any]]:
    """Return the outputs of a cell that a notebook has executed."""
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel")
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    waits = {"timeout": 600, "startup_timeout": 600}  # s: a busy machine is no failure
    nbclient.NotebookClient(notebook, kernel_name="python3", **waits).execute()
    found: list[dict[str, Any]] = notebook.cells[0].outputs
    return found


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # of jupyter_client, on its own event loop
def test_a_notebook_shows_the_front_of_a_result() -> None:
    tests = str(Path(__file__).parents[1])
    found = outputs(CODE.replace("TESTS", repr(tests)))
    (shown,) = (each for each in found if each["output_type"] == "execute_result")
    assert "on the front" in shown["data"]["text/html"]
    assert "<svg" in shown["data"]["text/html"]
