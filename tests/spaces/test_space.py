"""A space of one's own: distributions, sampling, neighbours, enumeration, and what is refused."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution
from scipy.stats import chi2

from bonas.errors import BonasError, InvalidArgument, InvalidSpace, MissingBuilder
from bonas.spaces import INPUT, OUTPUT, ArchitectureGraph, Choice, Choices, Space


class Perceptrons(Space):
    """One or two hidden layers; two layers of 64 are too many."""

    parameters: Mapping[str, Sequence[Choice]] = {
        "depth": [1, 2],
        "width": [16, 32, 64],
        "activation": ["relu", "gelu"],
    }

    def graph(self, choices: Choices) -> ArchitectureGraph:
        layer = f"{choices['activation']}{choices['width']}"
        labels = [INPUT, *[layer] * int(str(choices["depth"])), OUTPUT]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])

    def is_valid(self, choices: Choices) -> bool:
        return (choices["depth"], choices["width"]) != (2, 64)


class Nothing(Perceptrons):
    """A space whose rule accepts no combination."""

    def is_valid(self, choices: Choices) -> bool:
        return False


class Relabelled(Perceptrons):
    """A space in which the last parameter changes no graph."""

    def graph(self, choices: Choices) -> ArchitectureGraph:
        return super().graph({**choices, "activation": "relu"})


class Large(Space):
    """A chain of five layers, each with one of ten labels."""

    parameters: Mapping[str, Sequence[Choice]] = {str(i): range(10) for i in range(5)}

    def graph(self, choices: Choices) -> ArchitectureGraph:
        labels = [INPUT, *map(str, choices.values()), OUTPUT]
        return ArchitectureGraph(labels, [(i, i + 1) for i in range(len(labels) - 1)])


SPACE = Perceptrons()
ALL = list(SPACE)
members = st.sampled_from(ALL)


def test_parameters_become_categorical_distributions_in_their_order() -> None:
    assert SPACE.distributions == {
        "depth": CategoricalDistribution((1, 2)),
        "width": CategoricalDistribution((16, 32, 64)),
        "activation": CategoricalDistribution(("relu", "gelu")),
    }
    assert list(SPACE.distributions) == ["depth", "width", "activation"]


def test_the_size_counts_all_combinations_and_iteration_the_valid_ones() -> None:
    assert SPACE.size == 2 * 3 * 2
    assert len(ALL) == 12 - 2
    assert len({tuple(choices.values()) for choices in ALL}) == 10
    assert list(Nothing()) == []


def test_the_last_parameter_changes_fastest() -> None:
    assert [tuple(choices.values()) for choices in ALL[:3]] == [
        (1, 16, "relu"),
        (1, 16, "gelu"),
        (1, 32, "relu"),
    ]


@given(st.integers(0, 2**32 - 1))
def test_a_sample_is_a_member_and_the_seed_decides_which(seed: int) -> None:
    sample = SPACE.sample(np.random.default_rng(seed))
    assert sample in ALL
    assert sample == SPACE.sample(np.random.default_rng(seed))


def test_every_member_is_sampled_equally_often() -> None:
    rng = np.random.default_rng(0)
    seen = Counter(tuple(SPACE.sample(rng).values()) for _ in range(2_000))
    expected = 2_000 / len(ALL)
    distance = sum((seen[tuple(c.values())] - expected) ** 2 / expected for c in ALL)
    # A fair draw is farther away than this once in a million seeds.
    assert distance < chi2.isf(1e-6, df=len(ALL) - 1)


@given(members)
def test_neighbours_are_all_members_at_one_parameter_s_distance(choices: Choices) -> None:
    neighbours = list(SPACE.neighbours(choices))
    assert neighbours == [
        other
        for name in SPACE.distributions
        for other in ALL
        if [n for n in other if other[n] != choices[n]] == [name]
    ]
    assert all(choices in list(SPACE.neighbours(other)) for other in neighbours)


def test_members_are_the_different_architectures_of_a_small_space() -> None:
    assert SPACE.members == tuple(map(SPACE.architecture, ALL))
    assert Relabelled().members == tuple(map(SPACE.architecture, ALL))[::2]
    assert Nothing().members == ()


def test_a_large_space_has_no_list_of_members_but_a_reference_of_2000() -> None:
    space = Large()
    assert space.size == 10**5
    assert space.members is None
    assert len(space.reference) == len(set(space.reference)) == 2_000
    assert [a.choices for a in space.reference] == [a.choices for a in Large().reference]


def test_the_reference_of_a_small_space_is_all_of_it() -> None:
    assert SPACE.reference == SPACE.members


@given(members, members)
def test_architectures_are_equal_when_their_graphs_are(a: Choices, b: Choices) -> None:
    one, other = SPACE.architecture(a), SPACE.architecture(b)
    assert (one == other) == (a == b)
    assert (one.key == other.key) == (a == b)
    assert len({one, other}) == (1 if a == b else 2)


def test_an_architecture_keeps_the_space_s_order_of_parameters() -> None:
    turned: Choices = {"width": 16, "activation": "relu", "depth": 1}
    assert list(SPACE.architecture(turned).choices) == ["depth", "width", "activation"]


def test_an_architecture_is_no_other_thing() -> None:
    architecture = SPACE.architecture(ALL[0])
    assert architecture != architecture.key
    assert architecture != ALL[0]


class Separate(Relabelled):
    """Each combination is an architecture of its own, though two share each graph."""

    identity = "choices"


def test_where_choices_are_the_identity_equal_graphs_are_different_architectures() -> None:
    space = Separate()
    relu, gelu = (space.architecture({**ALL[0], "activation": a}) for a in ("relu", "gelu"))
    assert relu.graph.canonical_hash == gelu.graph.canonical_hash
    assert relu != gelu
    assert relu.key != gelu.key
    assert relu == Separate().architecture(relu.choices)
    assert relu != Relabelled().architecture(relu.choices)
    assert space.members is not None
    assert [a.choices for a in space.members] == ALL
    assert len(set(space.members)) == len(ALL)


def test_equal_values_are_the_same_choice_however_they_are_written() -> None:
    space = Separate()
    given: Choices = {**ALL[0], "depth": True, "width": 16.0}
    architecture = space.architecture(given)
    assert architecture == Separate().architecture(ALL[0])
    assert list(map(repr, architecture.choices.values())) == ["1", "16", "'relu'"]


def test_only_an_identity_of_choices_is_described_so_that_older_studies_go_on() -> None:
    assert "identity" not in Perceptrons().describe()
    assert Separate().describe()["identity"] == "choices"


def test_an_unknown_identity_is_refused() -> None:
    class Broken(Perceptrons):
        identity = "name"  # type: ignore[assignment]

    with pytest.raises(InvalidArgument, match=r"unknown identity 'name'; expected .*'graph'"):
        Broken().architecture(ALL[0])


@dataclass(frozen=True)
class Sized(Perceptrons):
    """A space with settings, one of which JSON does not know."""

    classes: int = 10
    names: tuple[str, ...] = ("a", "b")
    device: Any = None


def test_a_description_holds_the_plain_settings_and_survives_json() -> None:
    description = Sized(classes=7, device=object()).describe()
    assert description == {
        "space": "Sized",
        "parameters": {"depth": [1, 2], "width": [16, 32, 64], "activation": ["relu", "gelu"]},
        "classes": 7,
        "names": ("a", "b"),
    }
    assert json.loads(json.dumps(description))["classes"] == 7
    assert Perceptrons().describe()["parameters"] == description["parameters"]


BAD_PARAMETERS: dict[str, tuple[Any, str]] = {
    "none at all": ({}, r"Broken.parameters must map at least one name .* got \{\}"),
    "a list": (["width"], r"must map at least one name to its choices, got \['width'\]"),
    "no choice": ({"width": []}, "'width' has 0 choice"),
    "one choice": ({"width": [8]}, r"'width' has 1 choice\(s\), expected at least 2"),
    "a repeated choice": ({"width": [8, 16, 8]}, r"'width' repeats a choice: \[8, 16, 8\]"),
    "a word": ({"kind": "relu"}, "'kind' needs a sequence of choices, got 'relu'"),
    "a set": ({"width": {8, 16}}, "'width' needs a sequence of choices"),
    "a number": ({"width": 8}, "'width' needs a sequence of choices, got 8"),
    "foreign choices": ({"kind": [int, str]}, "'kind' has the choice <class 'int'>; expected None"),
    "unhashable choices": ({"kind": [[8], [16]]}, r"'kind' has the choice \[8\]; expected None"),
}


@pytest.mark.parametrize("case", BAD_PARAMETERS)
def test_broken_parameters_are_refused(case: str) -> None:
    class Broken(Perceptrons):
        parameters, message = BAD_PARAMETERS[case]

    with pytest.raises(InvalidSpace, match=Broken.message):
        _ = Broken().distributions


def test_a_space_that_forgets_its_parameters_is_refused() -> None:
    class Forgetful(Space):
        def graph(self, choices: Choices) -> ArchitectureGraph:
            return ArchitectureGraph([INPUT, OUTPUT], [(0, 1)])

    with pytest.raises(InvalidSpace, match=r"Forgetful.parameters must map .* got None"):
        _ = Forgetful().size


BAD_CHOICES: dict[str, tuple[Choices, str]] = {
    "missing": ({"depth": 1, "width": 16}, r"missing \['activation'\], unknown \[\]"),
    "unknown": ({**ALL[0], "heads": 2}, r"missing \[\], unknown \['heads'\]"),
    "misspelt": (
        {"depht": 1, "width": 16, "activation": "relu"},
        r"every parameter of Perceptrons and no other; missing \['depth'\], unknown \['depht'\]",
    ),
    "no choice": ({**ALL[0], "width": 17}, r"'width' must be one of \[16, 32, 64\], got 17"),
    "of another type": ({**ALL[0], "width": "16"}, r"must be one of \[16, 32, 64\], got '16'"),
}


@pytest.mark.parametrize("case", BAD_CHOICES)
def test_choices_from_elsewhere_are_refused(case: str) -> None:
    choices, message = BAD_CHOICES[case]
    with pytest.raises(InvalidSpace, match=message):
        SPACE.architecture(choices)


def test_a_rule_that_accepts_nothing_is_named_instead_of_drawing_for_ever() -> None:
    with pytest.raises(InvalidSpace, match=r"none of 10,000 random draws of Nothing is valid"):
        Nothing().sample(np.random.default_rng(0))


def test_a_space_without_build_says_so() -> None:
    with pytest.raises(MissingBuilder, match=r"Perceptrons has no build\(choices\)") as caught:
        SPACE.build(ALL[0])
    assert isinstance(caught.value, BonasError)


def test_a_space_knows_no_costs_unless_it_says_so() -> None:
    assert SPACE.costs(ALL[0]) == {}
