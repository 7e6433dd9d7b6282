"""The pictures of the benchmarks show the numbers of the page, and no others."""

from __future__ import annotations

import html
import importlib.util
import math
import re
from types import ModuleType

import pytest
from site_pages import DOCS, text_of


@pytest.fixture(scope="module")
def figures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("figures", DOCS / "figures" / "benchmarks.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_numbers_of_a_table_are_read_as_they_stand(figures: ModuleType) -> None:
    columns, rows = figures.table_of("Evaluations until the best cell of NAS-Bench-201")
    assert columns == ["seeds", "CIFAR-10", "CIFAR-100", "ImageNet16-120"]
    assert rows["bonas"][1] == [(29.4, 26.7, 32.7)]
    assert rows["NAS-BOWL"][1] == [(98.3, 62.6, 145.0)]  # without "(7)", the runs that found it
    _, gaps = figures.table_of("Accuracy against latency")
    assert gaps["bonas"][0] == [(0.94, 0.78, 1.36), (0.22, 0.19, 0.27)]
    (first, second) = gaps["Optuna TPE"][0]
    assert (first[0], second[0]) == (3.96, 1.53)
    assert math.isnan(first[1])


@pytest.mark.parametrize("name", ["queries", "fronts", "trainings", "workers"])
def test_a_picture_is_not_older_than_its_table(figures: ModuleType, name: str) -> None:
    _, shown = figures.FIGURES[name]()
    picture = (DOCS / "figures" / f"{name}.svg").read_text(encoding="utf-8")
    found = re.search(r"<dc:description>(.*?)</dc:description>", picture, re.S)
    assert found is not None
    assert html.unescape(found[1]) == figures.description_of(shown)


def test_every_picture_is_on_the_page(figures: ModuleType) -> None:
    on_page = re.findall(r"!\[[^]]+\]\(figures/(\w+)\.svg\)", text_of("benchmarks"))
    assert sorted(on_page) == sorted(figures.FIGURES)
