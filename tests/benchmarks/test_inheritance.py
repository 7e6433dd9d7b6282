"""Facts about the measurement of what inherited weights do to a ranking."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch

from bonas.benchmarks import inheritance
from bonas.benchmarks.inheritance import Inherited, inheritance_table, measure_inheritance
from bonas.cli import main
from bonas.errors import InvalidArgument
from bonas.evaluation import ShortTraining
from bonas.spaces import MLPSpace

X = torch.randn(160, 6, generator=torch.Generator().manual_seed(0))
Y = (X[:, 0] * X[:, 1] > 0).long()
SPACE = MLPSpace(inputs=6, classes=2, depths=(1, 2), widths=(8, 16), norms=("none", "batch_norm"))
TRAINING = ShortTraining((X, Y), batch_size=16, learning_rate=0.02, threads=None)


def test_inherited_weights_raise_the_value_of_a_short_training() -> None:
    found = measure_inheritance(
        SPACE, TRAINING, parents=2, children=6, epochs=(0, 1), truth=12, seeds=1
    )
    assert [(row.start, row.epochs) for row in found] == [
        ("parent", 12),
        ("inherited", 0),
        ("scratch", 1),
        ("inherited", 1),
    ]
    scratch, inherited = found[2], found[3]
    assert inherited.value > scratch.value + 5
    assert all(-1 <= row.spearman <= 1 or row.spearman != row.spearman for row in found)


def test_it_is_the_same_for_the_same_seed() -> None:
    settings: dict[str, Any] = {"parents": 1, "children": 3, "epochs": (1,), "truth": 1, "seeds": 1}
    first, again, other = (
        measure_inheritance(SPACE, TRAINING, **settings, seed=seed) for seed in (1, 1, 2)
    )
    assert repr(first) == repr(again)
    assert repr(first) != repr(other)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"children": 1}, "expected at least 2 children"),
        ({"epochs": (-1,)}, "epochs of at least 0"),
        ({"parents": 0}, "parents"),
        ({"children": 20, "parents": 1, "truth": 1}, "ask for fewer, or for more parents"),
    ],
)
def test_what_cannot_be_measured_is_refused(given: dict[str, Any], message: str) -> None:
    small = MLPSpace(inputs=6, classes=2, depths=(1,), widths=(4, 8), norms=("none",))
    with pytest.raises(InvalidArgument, match=message):
        measure_inheritance(small, TRAINING, **given)


def test_the_table_has_a_line_for_each_length() -> None:
    rows = [Inherited("scratch", 4, 88.04, 0.683, 0.101), Inherited("inherited", 4, 96, 0.61, 0.1)]
    assert inheritance_table(rows).splitlines()[2:] == [
        "scratch         4    88.0    0.68 ± 0.10",
        "inherited       4    96.0    0.61 ± 0.10",
    ]


def test_the_command_prints_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = {"parents": 1, "epochs": (0,), "truth": 1, "seeds": 1}
    monkeypatch.setattr(inheritance, "measure_inheritance", partial(measure_inheritance, **small))
    assert main(["bench", "inherit", "--children", "2"]) == 0
    assert "inherited       0" in capsys.readouterr().out
