"""Facts about spaces that are made again from the description of a study."""

from __future__ import annotations

import json
from typing import Any

import pytest
from shown_results import RESULT

from bonas.spaces import (
    CellSpace,
    DARTSSpace,
    MLPSpace,
    MobileSpace,
    NASBench101Space,
    NASBench201,
    RecurrentSpace,
    Space,
    Stage,
    TransformerSpace,
)
from bonas.studies.lineage.restored import restored_space

SPACES = [
    CellSpace(nodes=3, channels=8),
    NASBench201(channels=8, cells=1, allow_disconnected=True),
    DARTSSpace(cells=4, max_params=1e6),
    MLPSpace(inputs=8, classes=3),
    MobileSpace.small(),
    MobileSpace(stages=[Stage((16, 24), 2, (1, 2)), Stage((32, 48))]),
    NASBench101Space(),
    RecurrentSpace(),
    TransformerSpace(),
]


def described(space: Space) -> dict[str, Any]:
    stored: dict[str, Any] = json.loads(json.dumps(space.describe()))
    return {**stored, "objectives": {"accuracy": "maximize"}, "evaluation": {}}


@pytest.mark.parametrize("space", SPACES, ids=lambda space: type(space).__name__)
def test_a_space_of_bonas_is_restored_with_all_its_settings(space: Space) -> None:
    found = restored_space(described(space))
    assert type(found) is type(space)
    assert found.describe() == space.describe()


@pytest.mark.parametrize(
    "change",
    [
        {"space": "Space"},
        {"space": "Architecture"},
        {"space": "__doc__"},
        {"space": 3},
        {"nodes": 0},
        {"nodes": "</script>"},
        {"channels": None},
        {"parameters": {}},
        {"operations": ["none"]},
    ],
    ids=str,
)
def test_what_describes_no_space_of_bonas_restores_none(change: dict[str, Any]) -> None:
    assert restored_space({**described(SPACES[0]), **change}) is None


def test_a_space_of_the_user_is_not_restored() -> None:
    assert restored_space(described(RESULT.space)) is None
    assert restored_space(None) is None
