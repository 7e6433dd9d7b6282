"""Facts about whole drawings."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from typing import Any

import numpy as np
import pytest
from drawings.networks import SPACES, chain, outlines, random_graph

from bonas import ArchitectureGraph, errors
from bonas.drawings import Drawing, draw
from bonas.drawings import graphviz as graphviz_module
from bonas.drawings.diagram import rows_of
from bonas.drawings.network import as_outline, diagram_of

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror="a">',
    "]]>",
    "&amp;",
    "\x00\x1b\ud800",
]


def words(drawing: Drawing) -> list[str]:
    """Return all captions of a drawing."""
    return [
        element.text or "" for element in ElementTree.fromstring(drawing.svg).iter(f"{SVG}text")
    ]


@pytest.mark.parametrize("name", SPACES)
def test_every_operation_is_drawn_or_counted_in_a_fold(name: str) -> None:
    for outline in outlines(name):
        drawn = list(rows_of(diagram_of(outline, fold=False)))
        assert sorted(row.node for row, _ in drawn) == list(range(len(outline)))
        assert sum(row.stands_for * n for row, n in rows_of(diagram_of(outline))) == len(outline)


@pytest.mark.parametrize("name", SPACES)
def test_a_drawing_is_xml_without_ids_scripts_and_references(name: str) -> None:
    for outline in outlines(name, 2):
        root = ElementTree.fromstring(draw(outline, layout="layers").svg)
        assert root.get("role") == "img"
        assert root.find(f"{SVG}title").text == "network"
        for element in root.iter():
            assert "id" not in element.attrib
            assert not any("href" in name or name.startswith("on") for name in element.attrib)
            assert element.tag.removeprefix(SVG) in {
                *("svg", "g", "rect", "text", "title", "path", "circle", "style")
            }
        assert "url(" not in root.find(f"{SVG}style").text


def test_labels_and_titles_are_text_whatever_they_say() -> None:
    graph = chain("input", *HOSTILE, "output")
    svg = draw(graph, title=HOSTILE[1]).svg
    ElementTree.fromstring(svg)
    assert "\ufffd" in svg
    assert "ufffd" not in svg
    assert "<script" not in svg
    assert "<img" not in svg
    assert any("<script>" in text for text in words(draw(graph)))


def test_the_same_network_is_drawn_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(graphviz_module, "_SECONDS", 600.0)  # dot answers on a busy machine, too
    for name in ("cells", "darts", "family"):
        first, second = outlines(name, 1)[0], outlines(name, 1)[0]
        assert draw(first).svg == draw(second).svg


@pytest.mark.parametrize(
    "graph",
    [
        ArchitectureGraph(["input"], []),
        ArchitectureGraph(["input", "output"], []),
        ArchitectureGraph(["input", "conv", "pool", "output"], [(0, 3)]),
        ArchitectureGraph(["a", "b", "c", "d"], [(0, 2), (1, 2), (1, 3)]),
        chain("input", "层归一化", "свёртка", "🧠", "output"),
    ],
    ids=["one node", "no edge", "disconnected", "two sources", "unicode"],
)
def test_unusual_graphs_are_drawn_whole(graph: ArchitectureGraph) -> None:
    assert len(words(draw(graph))) == len(graph)


def test_a_long_label_is_cut_and_stands_in_full_in_its_tooltip() -> None:
    label = "a_very_long_operation " * 20
    drawing = draw(chain("input", label, "output"))
    assert drawing.width < 400
    root = ElementTree.fromstring(drawing.svg)
    assert any(element.text == label for element in root.iter(f"{SVG}title"))
    assert any(text.endswith("…") for text in words(drawing))


def test_features_that_are_sizes_stand_in_the_captions() -> None:
    space = SPACES["mlp"]
    graph = space.graph(space.sample(np.random.default_rng(0)))
    assert any(text.startswith("linear ") for text in words(draw(graph)))
    others = ArchitectureGraph(graph.labels, graph.edges, [[0.5] * 9] * len(graph))
    assert "linear" in words(draw(others, fold=False))


def test_marked_operations_stand_out_and_are_not_folded_with_others() -> None:
    graph = chain("input", *["linear"] * 6, "output")
    assert "linear × 6" in words(draw(graph))
    svg = draw(graph, marked=[3]).svg
    assert svg.count('font-weight="700"') == 1
    assert "linear × 6" not in svg


def test_sizes_of_drawings() -> None:
    cell = SPACES["cells"]
    choices = dict.fromkeys(cell.parameters, "nor_conv_3x3")
    assert len(draw(cell.graph(choices)).svg) < 5_000
    deep = random_graph(np.random.default_rng(3), 300, more=0.0)
    assert len(draw(deep, fold=False, layout="layers").svg) < 100_000
    assert all(len(draw(o).svg) < 30_000 for name in SPACES for o in outlines(name, 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"graph": "chain"}, "expected a bonas.ArchitectureGraph or an outline, got str"),
        ({"marked": [7]}, "expected indices of the 3 nodes in marked, got 7"),
        ({"marked": ["conv"]}, r"expected indices of nodes in marked, got \['conv'\]"),
        ({"marked": 1}, "expected indices of nodes in marked, got 1"),
        ({"title": 3}, "expected a text as title, got 3"),
        ({"layout": "neato"}, "unknown layout 'neato'; expected one of 'auto', 'dot', 'layers'"),
        ({"compared_with": 3}, "got int"),
    ],
)
def test_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    arguments = {"graph": chain("input", "conv", "output"), **arguments}
    with pytest.raises(errors.InvalidArgument, match=message):
        draw(arguments.pop("graph"), **arguments)


def test_graphviz_that_is_asked_for_and_missing_is_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(graphviz_module.shutil, "which", lambda name: None)
    graph = chain("input", "conv", "output")
    assert draw(graph).svg == draw(graph, layout="layers").svg
    with pytest.raises(errors.MissingPackage, match="needs Graphviz"):
        draw(graph, layout="dot")


def test_what_differs_from_another_network_is_marked_and_what_is_missing_is_listed() -> None:
    one = chain("input", "conv_3x3", "max_pool", "output")
    two = chain("input", "conv_5x5", "max_pool", "output")
    drawing = draw(one, compared_with=two)
    assert drawing.svg.count('font-weight="700"') == 1
    assert "not in the other: conv 3×3" in words(drawing)
    assert "only in the other: conv 5×5" in words(drawing)
    assert "no difference" in words(draw(one, compared_with=one))


def test_an_outline_stays_as_it_is() -> None:
    outline = outlines("mlp", 1)[0]
    assert as_outline(outline) is outline
