"""Benchmark problems by name."""

from __future__ import annotations

from itertools import product

import pytest
from published_tables import needs_package

from bonas.benchmarks.tables import (
    FOLDER_PROBLEMS,
    PROBLEMS,
    problem,
)


@needs_package
@pytest.mark.parametrize("name", ["nb201-cifar10", "nb201-imagenet16-eyeriss"])
def test_a_problem_has_the_name_that_it_is_asked_by(name: str) -> None:
    assert problem(name).name == name


def test_the_problems_without_a_folder() -> None:
    devices = ["", "-edgegpu", "-raspi4", "-pixel3", "-fpga", "-eyeriss"]
    datasets = ["cifar10", "cifar100", "imagenet16"]
    parts = product(["nb201", "nb201-plain", "nb201-declared"], datasets, devices)
    assert set(PROBLEMS) == {f"{writing}-{d}{device}" for writing, d, device in parts}


def test_the_problems_of_a_folder() -> None:
    tasks = ["autoencoder", "class_object", "jigsaw", "normal", "room_layout", "segmentsemantic"]
    names = {f"transnas-{space}-{task}" for space in ("cell", "macro") for task in tasks}
    devices = ["", "-edgegpu", "-raspi4", "-pixel3", "-fpga", "-eyeriss"]
    datasets = ["cifar10", "cifar100", "imagenet16"]
    parts = product(datasets, devices, ["+scores", "+noise", "+reversed"])
    scored = {f"nb201-{dataset}{device}{scores}" for dataset, device, scores in parts}
    assert set(FOLDER_PROBLEMS) == {*names, *scored, "spikenas"}


@needs_package
def test_all_objectives_but_the_first_may_be_known_or_measured_for_a_short_list() -> None:
    known, short = (problem(f"nb201-cifar10-raspi4{end}") for end in ("+known", "+shortlist"))
    assert known.name == "nb201-cifar10-raspi4+known"
    assert known.cheap == {"raspi4_latency": 0.0}
    assert short.cheap == {"raspi4_latency": "cheap"}
    assert problem("nb201-cifar10-raspi4").cheap == {}
