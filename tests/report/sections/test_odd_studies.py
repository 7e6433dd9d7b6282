"""What other programs write into a study, or what goes wrong, and no section may fall over."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import FrozenTrial, TrialState, create_trial
from sections import charts_of

from bonas.report.searched import Searched
from bonas.report.section import Section
from bonas.report.sections import curves, importance, progress, surrogate, time
from bonas.studies.records import PREDICTION

SECTIONS: list[Callable[[Searched], Section | None]] = [
    each.section for each in (progress, curves, importance, surrogate, time)
]
N = 30


def study_of(
    change: Callable[[int, dict[str, Any]], None],
    m: int = 2,
    after: Callable[..., None] | None = None,
) -> optuna.Study:
    study = optuna.create_study(directions=["maximize", *["minimize"] * (m - 1)])
    for number in range(N):
        trial: dict[str, Any] = {
            "values": [float(number % 7), *[float(number % 5)] * (m - 1)],
            "params": {"kind": "ab"[number % 2], "rate": 0.1 * (number % 11)},
            "distributions": {
                "kind": CategoricalDistribution(["a", "b"]),
                "rate": FloatDistribution(0.0, 2.0),
            },
            "user_attrs": {},
            "system_attrs": {},
        }
        change(number, trial)
        frozen = create_trial(**trial)
        if after is not None:
            after(number, frozen)
        study.add_trial(frozen)
    return study


def astronomical(number: int, trial: dict[str, Any]) -> None:
    trial["values"] = [1e308 * (-1) ** number, 5e-324 * number]


def equal(number: int, trial: dict[str, Any]) -> None:
    trial["values"] = [1.0, 1.0]


def predicted(number: int, trial: dict[str, Any]) -> None:
    odd = [0.0, -1.0, math.inf, math.nan, 1e300, 1e-300, 1.0][number % 7]
    weights = [[[0.5, 0.5], []], [[1.0], [0.2] * 9], [[math.nan, 1.0], [2.0, -1.0]]][number % 3]
    trial["system_attrs"] = PREDICTION.holding(
        {"mean": [odd, 1.0], "sd": [1.0, odd], "weights": weights}
    )


def measured(number: int, trial: dict[str, Any]) -> None:
    texts = [
        '[{"values": {"accuracy": 1.0}, "step": 1, "seconds": 1e300}]',
        '[{"values": {"accuracy": 1e400}, "step": -5}, 7, null, {"step": 1}]',
        '[{"values": {"]]>": 2.0}, "step": 3, "seconds": 5}, {"values": {"<b>": 1}, "seconds": 1}]',
        "[" * 5_000,
    ]
    trial["system_attrs"] = {"bonas:measurements:0": texts[number % 4]}


def many_parameters(number: int, trial: dict[str, Any]) -> None:
    own = {f"<p{j}>": (number * j) % 3 for j in range(300) if number % 3 or j % 2}
    trial["params"] = own
    trial["distributions"] = {name: CategoricalDistribution([0, 1, 2]) for name in own}


def mixed_options(number: int, trial: dict[str, Any]) -> None:
    options = [None, True, 1, 1.5, "1", "<script>"]
    trial["params"] = {"x": options[number % 6]}
    trial["distributions"] = {"x": CategoricalDistribution(options)}


def ended(number: int, trial: dict[str, Any]) -> None:
    state = [TrialState.COMPLETE, TrialState.FAIL, TrialState.PRUNED][number % 3]
    trial["state"] = state
    if state == TrialState.FAIL:
        trial["values"] = None


def odd_times(number: int, trial: FrozenTrial) -> None:
    began = datetime(2026, 1, 1) + timedelta(seconds=number)
    times = [
        (began, began - timedelta(days=1)),
        (began.replace(tzinfo=UTC), began.replace(tzinfo=UTC) + timedelta(seconds=3)),
        (datetime(1, 1, 1), began),
        (began, began + timedelta(days=400_000)),
    ]
    trial.datetime_start, trial.datetime_complete = times[number % 4]


def nothing(number: int, trial: dict[str, Any]) -> None:
    """Leave the trial as it is."""


@pytest.mark.parametrize(
    ("change", "after"),
    [
        (astronomical, None),
        (equal, None),
        (predicted, None),
        (measured, None),
        (many_parameters, None),
        (mixed_options, None),
        (ended, None),
        (nothing, odd_times),
        (nothing, None),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_every_section_is_made_and_well_formed(
    change: Callable[[int, dict[str, Any]], None], after: Callable[..., None] | None
) -> None:
    searched = Searched.of(study_of(change, after=after))
    for make in SECTIONS:
        made = make(searched)
        if made is not None:
            charts_of(made)
            root = ElementTree.fromstring(f"<div>{made.html.replace('&nbsp;', ' ')}</div>")
            assert not [each for each in root.iter() if each.tag in ("script", "b")]
            places = " ".join(each.get("d", "") for each in root.iter())
            assert "nan" not in places
            assert "inf" not in places


@pytest.mark.parametrize("m", [1, 3, 5])
def test_sections_take_one_to_five_objectives(m: int) -> None:
    searched = Searched.of(study_of(nothing, m))
    for make in (progress.section, importance.section, time.section):
        made = make(searched)
        assert made is not None
        assert len(charts_of(made)) >= min(m, 1)
