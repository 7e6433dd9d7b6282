import math
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bonas.report.charts import (
    Axis,
    Band,
    Bars,
    Chart,
    Diagonal,
    Layer,
    Level,
    Line,
    Points,
    Rows,
    Rug,
    Spans,
)

numbers = st.floats(allow_nan=True, allow_infinity=True, allow_subnormal=True)
pairs = st.lists(st.tuples(numbers, numbers), max_size=6)


def chart(*layers: Layer, x: Axis | None = None, y: Axis | Rows | None = None) -> Chart:
    return Chart("Title", x or Axis("x", "ms"), y or Axis("y", "%"), layers)


def tree(markup: str) -> ElementTree.Element:
    return ElementTree.fromstring(markup)


def having(root: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    found = [each for each in root.iter() if name in each.get("class", "").split()]
    return [part for each in found for part in (each if each.tag == "g" else [each])]


def start(path: ElementTree.Element) -> tuple[float, float]:
    if path.tag == "circle":
        return float(path.get("cx", "")), float(path.get("cy", ""))
    x, y = re.findall(r"-?[\d.]+", path.get("d", ""))[:2]
    return float(x), float(y)


def read(root: ElementTree.Element, places: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return places in the units of the axes, by the positions and labels of the ticks."""
    ticks = [t for t in having(root, "tick") if t.text]
    on_x = [
        (float(t.get("x", "")), float(t.text or ""))
        for t in ticks
        if t.get("text-anchor") == "middle"
    ]
    on_y = [
        (float(t.get("y", "")) - 4, float(t.text or ""))
        for t in ticks
        if t.get("text-anchor") == "end"
    ]
    lines = [np.polyfit(*zip(*axis, strict=True), 1) for axis in (on_x, on_y)]
    return [(float(np.polyval(lines[0], x)), float(np.polyval(lines[1], y))) for x, y in places]


def test_points_stand_where_the_ticks_say() -> None:
    xs, ys = [1.0, 2.5, 7.0], [70.25, 74.5, 71.0]
    root = tree(chart(Points(xs, ys, trials=[4, 5, 9])).figure())
    marks = having(root, "mark")
    assert [mark.get("data-trial") for mark in marks] == ["4", "5", "9"]
    for found, expected in zip(
        read(root, [start(m) for m in marks]), zip(xs, ys, strict=True), strict=True
    ):
        assert found == pytest.approx(expected, abs=0.05)


def test_a_log_axis_is_straight_in_decades() -> None:
    root = tree(
        chart(
            Points([1.0, 10.0, 100.0], [1.0, 2.0, 3.0], trials=range(3)), x=Axis("x", scale="log")
        ).figure()
    )
    first, second, third = (start(mark)[0] for mark in having(root, "mark"))
    assert second - first == pytest.approx(third - second, abs=0.3)


def test_a_log_axis_over_zero_is_linear() -> None:
    root = tree(
        chart(
            Points([0.0, 1.0, 2.0], [1.0, 2.0, 3.0], trials=range(3)), x=Axis("x", scale="log")
        ).figure()
    )
    first, second, third = (start(mark)[0] for mark in having(root, "mark"))
    assert second - first == pytest.approx(third - second, abs=0.3)


def test_steps_hold_a_value_until_the_next() -> None:
    path = having(tree(chart(Line([0, 1, 2], [5, 7, 9], steps=True)).figure()), "line")[0].get(
        "d", ""
    )
    assert re.fullmatch(r"M[\d.]+ [\d.]+(H[\d.]+V[\d.]+){2}", path)


def test_error_bars_have_the_length_of_the_errors() -> None:
    root = tree(chart(Points([1.0, 2.0], [10.0, 20.0], y_errors=[3.0, math.nan])).figure())
    (bar,) = having(root, "error")
    x, low, high = map(float, re.findall(r"[\d.]+", bar.get("d", "")))
    ends = read(root, [(x, low), (x, high)])
    assert [end[1] for end in ends] == pytest.approx([7.0, 13.0], abs=0.1)


def test_what_is_no_number_is_left_out_and_the_rest_is_drawn() -> None:
    xs = [1.0, math.nan, 3.0, math.inf, 1e300, 6.0]
    root = tree(chart(Points(xs, [1.0, 2.0, math.nan, 4.0, 5.0, 6.0], trials=range(6))).figure())
    assert [mark.get("data-trial") for mark in having(root, "mark")] == ["0", "5"]


@given(pairs, st.sampled_from(["linear", "log"]))
def test_any_numbers_give_well_formed_pictures_without_nan(
    data: list[tuple[float, float]], scale: str
) -> None:
    xs, ys = [x for x, _ in data], [y for _, y in data]
    axis = Axis("x", scale="log" if scale == "log" else "linear")
    layers = [
        Line(xs, ys),
        Band(xs, ys, ys),
        Points(xs, ys, x_errors=ys, y_errors=xs),
        Rug(xs),
        Spans(xs, ys, ys),
        Diagonal(),
        Level(2.0),
    ]
    for figure in (
        chart(*layers, x=axis).figure(),
        chart(Bars(xs, ys, ys), y=Rows([str(x) for x in xs])).figure(),
    ):
        root = tree(figure)
        drawn = " ".join(" ".join(each.attrib.values()) for each in root.iter())
        assert all(each.get("d", "M").startswith("M") for each in root.iter())
        assert "nan" not in drawn
        assert "inf" not in drawn.replace("infeasible", "")


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "\"'>]]>&", "a\0b\ud800\x1b"])
def test_hostile_texts_are_texts(text: str) -> None:
    layers = [
        Points([1.0], [1.0], label=text, trials=[0], names=[text]),
        Line([1.0], [1.0], label=text, name=text),
        Rug([1.0], label=text, names=[text]),
        Spans([1.0], [2.0], [1.0], names=[text]),
        Bars([1.0], names=[text]),
    ]
    figure = Chart(text, Axis(text, text), Rows([text], text), layers, text).figure()
    root = tree(figure)
    assert {each.tag for each in root.iter()} <= {
        *("figure", "figcaption", "ul", "li", "svg", "path", "circle", "g", "rect", "text", "title")
    }
    assert "<script" not in figure


def test_many_points_are_thinned_and_the_number_left_out_is_said() -> None:
    rng = np.random.default_rng(0)
    xs, ys = rng.standard_normal((2, 10_000))
    picture = chart(
        Points(xs, ys, always=[17, 4_711], trials=range(10_000)), Line(range(10_000), ys)
    )
    root = tree(picture.figure())
    drawn = {mark.get("data-trial") for mark in having(root, "mark")}
    vertices = len(re.findall(r"[ L]", having(root, "line")[0].get("d", ""))) // 2
    assert {"17", "4711"} <= drawn
    assert len(drawn) + vertices <= 2_050
    (note,) = having(root, "note")
    assert note.text is not None
    said, total = (int(part.replace(",", "")) for part in re.findall(r"[\d,]+", note.text)[:2])
    assert total == 20_000
    assert said == pytest.approx(20_000 - len(drawn) - vertices, abs=2)


def test_all_points_are_drawn_where_they_are_few() -> None:
    root = tree(
        chart(
            Points([*range(300)], [*range(300)], trials=range(300)),
            Band([*range(90)], [0] * 90, [1] * 90),
        ).figure()
    )
    assert len(having(root, "mark")) == 300
    assert not having(root, "note")


def test_the_keyboard_stops_once_per_layer_of_trials() -> None:
    root = tree(chart(Points([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], trials=[0, 1, 2])).figure())
    (svg,) = [each for each in root.iter("svg") if each.get("role") == "group"]
    assert [mark.get("tabindex") for mark in having(svg, "mark")] == ["0", None, None]


def test_a_picture_without_parts_to_reach_is_an_image_with_a_name() -> None:
    root = tree(Chart("Title", Axis("x"), Axis("y"), [Line([0, 1], [0, 1])], "It rises").svg())
    assert (root.get("role"), root.get("aria-label")) == ("img", "Title. It rises")


def test_bars_have_the_length_of_their_values() -> None:
    root = tree(chart(Bars([4.0, -2.0, math.nan], [3.0] * 3, [5.0] * 3), y=Rows("abc")).figure())
    positive, negative = having(root, "bar")
    assert float(positive.get("width", "")) == pytest.approx(
        2 * float(negative.get("width", "")), abs=0.3
    )
    assert float(negative.get("x", "")) < float(positive.get("x", ""))
    assert len(having(root, "interval")) == 2


def test_points_of_no_trial_are_one_path() -> None:
    (mark,) = having(tree(chart(Points([1.0, 2.0, 3.0], [1.0, 2.0, 3.0])).figure()), "mark")
    assert len(re.findall("M", mark.get("d", ""))) == 3
