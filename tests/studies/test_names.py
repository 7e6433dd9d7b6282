"""Names that a database cannot store are refused when they come, whatever the storage."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from torch import nn, zeros

import bonas
from bonas.errors import EvaluationFailed, InvalidArgument, InvalidSpace
from bonas.spaces import MLPSpace
from bonas.spaces.families.chooser import Chooser
from bonas.texts import LONGEST, objection, shown, storable

SPACE = MLPSpace(inputs=4, classes=3, depths=(1, 2), widths=(8, 16, 32))
BAD = {
    "empty": ("", "it is empty"),
    "long": ("x" * 501, "it has 501 characters"),
    "NUL": ("a\0b", "a control character"),
    "line": ("a\nb", "a control character"),
    "surrogate": ("caf\udce9", "a lone surrogate"),
    "reserved": ("bonas:seed", "those of bonas"),
}
bad = pytest.mark.parametrize(("name", "why"), BAD.values(), ids=BAD.keys())


@bad
def test_a_measurement_with_such_a_name_is_a_failed_evaluation(
    name: str, why: str, tmp_path: Path
) -> None:
    def evaluate(candidate: bonas.Candidate) -> dict[str, float]:
        strange = {name: 1.0} if candidate.number == 2 else {}
        return {"accuracy": float(candidate.number), **strange}

    for times in (1, 2):  # the second call finds the study as it should be
        result = bonas.optimize(
            SPACE,
            3 * times,
            evaluate=evaluate,
            objectives={"accuracy": "maximize"},
            surrogate="random",
            storage=f"sqlite:///{tmp_path}/search.db",
            seed=0,
            progress=False,
        )
        assert list(result.failures) == [2]
        assert why in result.failures[2]
        assert "rename it" in result.failures[2]
    assert len(result.candidates) == 5


def test_five_such_evaluations_in_a_row_end_the_search() -> None:
    with pytest.raises(EvaluationFailed, match=r"5 evaluations in a row .* a lone surrogate"):
        bonas.optimize(
            SPACE,
            9,
            evaluate=lambda candidate: {"accuracy": 1.0, "caf\udce9": 1.0},
            objectives={"accuracy": "maximize"},
            surrogate="random",
            progress=False,
        )


@bad
def test_an_objective_has_no_such_name(name: str, why: str) -> None:
    with pytest.raises(InvalidArgument, match=why if name else "non-empty string"):
        bonas.Objective(name, "maximize")


@bad
def test_a_parameter_has_no_such_name(name: str, why: str) -> None:
    class Named(bonas.Space):
        parameters: ClassVar[dict[str, tuple[int, ...]]] = {name: (1, 2)}

        def graph(self, choices: bonas.spaces.Choices) -> bonas.ArchitectureGraph:
            raise NotImplementedError

    with pytest.raises(InvalidSpace, match=why):
        _ = Named().distributions


@bad
def test_a_choice_or_a_number_has_no_such_name(name: str, why: str) -> None:
    def choice(choose: Callable[..., int]) -> nn.Module:
        return nn.Linear(4, choose(name, (1, 2)))

    def number(choose: Chooser) -> nn.Module:
        return nn.Sequential(nn.Dropout(choose.suggest_float(name, 0.0, 0.5)), nn.Linear(4, 2))

    for function in (choice, number):
        with pytest.raises(InvalidSpace, match=why if name else "non-empty string"):
            _ = bonas.space(input=zeros(1, 4))(function).parameters


@pytest.mark.parametrize(("name", "why"), [BAD[key] for key in ("long", "NUL", "surrogate")])
def test_a_study_has_no_such_name(name: str, why: str, tmp_path: Path) -> None:
    for storage in (None, f"sqlite:///{tmp_path}/search.db"):
        with pytest.raises(InvalidArgument, match=why):
            bonas.optimize(
                SPACE,
                1,
                evaluate=lambda candidate: {"accuracy": 1.0},
                objectives={"accuracy": "maximize"},
                storage=storage,
                study_name=name,
                progress=False,
            )


def test_a_row_of_a_warm_start_has_no_such_name() -> None:
    choices = SPACE.reference[0].choices
    with pytest.raises(InvalidArgument, match=r"row 0, .* a lone surrogate"):
        bonas.optimize(
            SPACE,
            1,
            evaluate=lambda candidate: {"accuracy": 1.0},
            objectives={"accuracy": "maximize"},
            warm_start=[(choices, {"accuracy": 1.0, "caf\udce9": 1.0})],
            progress=False,
        )


@given(st.text(st.characters(), min_size=1, max_size=20))
def test_what_is_shown_and_stored_is_text_for_everybody(name: str) -> None:
    assert shown(name).encode()
    assert "\0" not in storable(name)
    assert storable(name).encode()
    if objection(name) is None:
        assert name.encode()
        assert name.isprintable() or not name.isascii()


def test_the_end_of_a_long_text_is_kept() -> None:
    text = "x" * LONGEST + "the error"
    assert storable(text).endswith("the error")
    assert len(storable(text)) == LONGEST
    assert len(shown("x" * 1_000)) < 80
