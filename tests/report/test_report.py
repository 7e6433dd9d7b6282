"""Facts about the report as a whole: its file, and what one broken section does to it."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from shown_results import RESULT

from bonas.errors import InvalidArgument
from bonas.report import report as module
from bonas.report.report import Report
from bonas.report.searched import Searched
from bonas.report.section import Section


def test_a_section_that_cannot_be_made_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(searched: Searched) -> Section:
        raise RuntimeError("<script>")

    def good(searched: Searched) -> Section:
        return Section("good", "Good", "<p>here</p>")

    monkeypatch.setattr(module, "_SECTIONS", {"broken": broken, "good": good})
    with caplog.at_level(logging.WARNING):
        text = Report.of(RESULT.study).html()
    assert "RuntimeError: &lt;script&gt;" in text
    assert "<p>here</p>" in text
    assert "'broken' of the report cannot be made" in caplog.text


@pytest.mark.parametrize(
    ("path", "message"),
    [("", "got the folder"), ("missing/report.html", "in a folder that exists")],
)
def test_a_path_that_cannot_be_written_is_refused(path: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=message):
        Report.of(RESULT.study).save(tmp_path / path)


def test_it_is_saved(tmp_path: Path) -> None:
    path = Report.of(RESULT.study).save(tmp_path / "report.html")
    assert path.read_text(encoding="utf-8").startswith("<!doctype html>")
