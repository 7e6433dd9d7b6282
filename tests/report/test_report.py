"""Facts about the report as a whole: its file, its policy, and what one broken section does."""

from __future__ import annotations

import base64
import hashlib
import logging
import re
from html.parser import HTMLParser
from pathlib import Path

import optuna
import pytest
from shown_results import RESULT
from written_studies import HOSTILE, STUDIES

from bonas.errors import InvalidArgument
from bonas.report import report as module
from bonas.report.report import Report
from bonas.report.searched import Searched
from bonas.report.section import Section

_VOID = {"meta", "link", "input", "br", "img"}


class Elements(HTMLParser):
    """The elements of a page, those not closed, and its scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in _VOID:
            self.open.append(tag)
        if tag == "script":
            self.scripts.append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts[-1] += data


def html_of(study: optuna.Study) -> str:
    return Report.of(study).html()


def test_a_section_that_cannot_be_made_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(searched: Searched) -> Section:
        raise RuntimeError("<script>")

    def good(searched: Searched) -> Section:
        return Section("good", "Good", "<p>here</p>")

    monkeypatch.setattr(module, "_SECTIONS", {"broken": broken, "good": good})
    with caplog.at_level(logging.WARNING):
        text = html_of(RESULT.study)
    assert "RuntimeError: &lt;script&gt;" in text
    assert "<p>here</p>" in text
    assert "'broken' of the report cannot be made" in caplog.text


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_has_a_report_whose_elements_are_closed(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = html_of(STUDIES[name]())
    found = Elements(text)
    assert found.open == []
    assert "cannot be made" not in caplog.text
    assert "could not be made" not in text
    ids = [attributes["id"] for _, attributes in found.found if "id" in attributes]
    assert len(ids) == len({*ids})


@pytest.mark.parametrize("name", ["hostile", "hostile_units", "failed_throughout"])
def test_no_text_of_a_study_becomes_an_element_or_an_attribute(name: str) -> None:
    study = STUDIES[name]()
    text = html_of(study)
    found = Elements(text)
    assert "document.title" in text  # it is shown
    assert not [tag for tag, _ in found.found if tag == "img"]
    assert not [a for _, attributes in found.found for a in attributes if a.startswith("on")]
    assert len(found.scripts) == 2
    assert HOSTILE not in text


def test_the_policy_allows_the_scripts_of_the_page_and_no_request() -> None:
    text = Report.of(RESULT.study).html(scripts=["let x = 1;"])
    found = Elements(text)
    (policy,) = (
        attributes["content"]
        for tag, attributes in found.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    run = [script for script in found.scripts if not script.startswith("{")]
    assert len(run) == 2
    for script in run:
        digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    served = Report.of(RESULT.study).html(is_served=True)
    assert "connect-src 'self'" in served


def test_nothing_outside_the_file_is_named() -> None:
    text = html_of(RESULT.study)
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+", text)) - {"http://www.w3.org"}
    assert addresses == set()
    links = [a.get("href") or a.get("src") for _, a in Elements(text).found]
    assert all(link.startswith(("#", "data:,")) for link in links if link)


def test_every_link_leads_to_an_element_of_the_page() -> None:
    found = Elements(Report.of(RESULT.study, RESULT.space).html()).found
    ids = {attributes.get("id") for _, attributes in found}
    links = {a["href"] for tag, a in found if tag == "a" and a.get("href")}
    assert links
    assert {link[1:] for link in links if link} <= ids


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
