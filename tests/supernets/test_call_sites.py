"""Which weights two networks of a space of a user share."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from supernets import shared_families as made
from supernets.shared_families import family, keys
from torch import nn

from bonas.errors import InvalidSpace, MissingBuilder, UnsharableWeights
from bonas.spaces import Space
from bonas.supernets import Supernet
from bonas.supernets.call_sites import SharingByCallSite

FAMILIES = {
    build.__name__: build
    for build in (
        made.skipping,
        made.skipping_ahead,
        made.named,
        made.staged,
        made.zipped,
        made.comprehended,
        made.mapped,
        made.while_loop,
        made.one_line,
        made.recursive,
        made.dataclasses_of_modules,
        made.hierarchy,
        made.prebuilt,
        made.repeated,
    )
}


@pytest.mark.parametrize("name", FAMILIES)
def test_networks_of_a_family_share_and_learn(name: str) -> None:
    space = family(FAMILIES[name])
    supernet = Supernet(space)
    rng = np.random.default_rng(0)
    for _ in range(4):
        choices = space.sample(rng)
        network = supernet.network(choices)
        network(torch.rand(2, 3, 8, 8)).square().sum().backward()
        _, slots = supernet.sharing.build(choices)
        taken = [piece.key for slot in slots for piece in slot.pieces]
        assert len(set(taken)) == len(taken)  # no two parameters of a network are one
        assert all(supernet.store[key].grad is not None for key in taken)


def test_a_block_behind_a_skipped_one_keeps_its_weights() -> None:
    for build in (made.skipping, made.skipping_ahead):
        space = family(build)
        kernels = {f"kernel{i}": 3 for i in range(3)} if build is made.skipping else {}
        on = {f"on{i}": True for i in range(3)}
        whole = keys(space, {**on, **kernels})
        kernels.pop("kernel1", None)
        without = keys(space, {**on, "on1": False, **kernels})
        assert without["1.0.weight"] == whole["1.0.weight"]
        assert without["2.0.weight"] == whole["3.0.weight"]  # the third block


def test_a_head_has_one_key_at_every_index() -> None:
    space = family(made.named)
    two = keys(space, {"depth": 2, "block0": "conv", "block1": "skip"})
    three = keys(space, {"depth": 3, "block0": "skip", "block1": "conv", "block2": "prelu"})
    assert two["5.weight"] == three["6.weight"]
    assert two["1.0.weight"] != three["2.0.weight"]  # another block


def test_a_stage_has_its_own_weights_whatever_the_depth_of_earlier_ones() -> None:
    for build in (made.staged, made.zipped):
        space = family(build)
        widths = {"width0": 8, "width1": 8}
        short = keys(space, {**widths, "depth0": 1, "depth1": 2})
        long = keys(space, {**widths, "depth0": 2, "depth1": 1})
        assert short["1.0.weight"] == long["2.0.weight"], build  # the first block of the second
        assert short["1.0.weight"] != long["1.0.weight"], build
        assert short["2.0.weight"] not in long.values(), build


def test_an_item_of_a_comprehension_is_counted_also_where_its_neighbours_are_equal() -> None:
    space = family(made.comprehended)
    equal = keys(space, {"width0": 8, "width1": 8, "width2": 8})
    other = keys(space, {"width0": 8, "width1": 16, "width2": 16})
    assert list(equal.values()) == list(other.values())


def test_layers_that_are_made_in_turn_are_counted_from_the_first() -> None:
    for build in (made.mapped, made.while_loop, made.recursive):
        space = family(build)
        shallow, deep = keys(space, {"depth": 1}), keys(space, {"depth": 3})
        assert set(shallow.values()) & set(deep.values()), build
        assert len(set(deep.values())) == len(deep), build
        assert shallow["1.0.weight"] == deep["1.0.weight"], build


def test_two_calls_of_one_line_and_two_calls_of_one_function_are_apart() -> None:
    space = family(made.one_line)
    narrow, wide = keys(space, {"width": 8}), keys(space, {"width": 16})
    assert narrow == wide
    assert narrow["0.weight"] != narrow["1.weight"]


def test_a_dataclass_and_a_hierarchy_of_modules_share_by_role() -> None:
    space = family(made.dataclasses_of_modules)
    plain = keys(space, {"depth": 2, "gated0": False, "gated1": False})
    gated = keys(space, {"depth": 2, "gated0": True, "gated1": False})
    assert plain.items() <= gated.items()

    space = family(made.hierarchy)
    some = {"width0": 8, "width1": 8, "squeezed": False}
    one = keys(space, {**some, "depth0": 1, "depth1": 2})
    other = keys(space, {**some, "width1": 16, "squeezed": True, "depth0": 3, "depth1": 2})
    assert {n: k for n, k in one.items() if "stages.1" in n or "head" in n}.items() <= other.items()


def test_copies_share_by_where_they_became_a_part() -> None:
    space = family(made.copied, torch.zeros(1, 5, 3))
    some = {"heads": 2, "layers": 2, "hidden": 8}
    flat = keys(space, {**some, "deep": False})
    deep = keys(space, {**some, "deep": True, "hidden": 16})
    for name in ("layers.0.linear1.weight", "layers.1.self_attn.in_proj_weight"):
        assert flat[f"1.{name}"] == deep[f"2.{name}"]
    assert flat["1.layers.0.linear1.weight"] != flat["1.layers.1.linear1.weight"]


def test_a_module_that_is_an_option_shares_by_its_option() -> None:
    space = family(made.prebuilt)
    one = keys(space, {"depth": 1, "block0": "prototype"})
    two = keys(space, {"depth": 2, "block0": "skip", "block1": "prototype"})
    both = keys(space, {"depth": 2, "block0": "prototype", "block1": "prototype"})
    assert one["1.0.weight"] == both["1.0.weight"]
    assert two["2.0.weight"] == both["2.0.weight"] != one["1.0.weight"]
    supernet = Supernet(space)
    network = supernet.extract({"depth": 1, "block0": "prototype"})
    assert isinstance(network, nn.Sequential)
    expected, found = made.PROTOTYPE.state_dict(), network[1].state_dict()
    assert all(expected[name].equal(found[name]) for name in expected)  # it starts with its values


def test_one_layer_under_several_names_has_one_slot() -> None:
    once, thrice = (
        keys(family(made.repeated), {"times": 1}),
        keys(family(made.repeated), {"times": 3}),
    )
    assert set(once.values()) == set(thrice.values())
    tied = keys(family(made.tied, torch.zeros(1, 3)), {"width": 8})
    assert "3.weight" not in tied
    assert "3.bias" in tied


def test_computed_weights_and_other_dtypes_are_shared() -> None:
    supernet = Supernet(family(made.normed))
    for width, kernel in ((8, 1), (16, 3), (8, 3)):
        network = supernet.network({"width": width, "kernel": kernel})
        network(torch.rand(2, 3, 8, 8)).sum().backward()
    assert all(own.grad is not None for own in supernet.store.parameters())
    supernet = Supernet(family(made.double, torch.zeros(1, 3, dtype=torch.float64)))
    assert supernet.network({"width": 8})(torch.rand(2, 3).double()).dtype == torch.float64


def test_numbers_may_be_among_the_choices() -> None:
    supernet = Supernet(family(made.numbered, torch.zeros(1, 3)))
    for width in (64, 8):
        network = supernet.network({"n": 1, "width": width, "rate": 0.1})
        assert network(torch.rand(2, 3)).shape == (2, width)
    assert sorted(tuple(own.shape) for own in supernet.store.parameters()) == [
        (64,),
        (64,),
        (64, 3),
        (64, 64),
    ]


def test_a_space_with_build_alone_shares_by_what_it_reads_of_its_choices() -> None:
    space = made.UserSpace()
    both = keys(space, {"first": "conv", "second": "conv", "width": 8})
    second = keys(space, {"first": "none", "second": "conv", "width": 16})
    assert second["1.0.weight"] == both["2.0.weight"]
    assert second["4.weight"] == both["5.weight"]


SPACES = [family(build) for build in (made.hierarchy, made.staged, made.skipping)]


@given(st.integers(0, 2**31))
def test_the_keys_of_a_network_are_always_the_same(seed: int) -> None:
    space = SPACES[seed % len(SPACES)]
    choices = space.sample(np.random.default_rng(seed))
    assert keys(space, choices) == keys(space, choices)


def test_another_process_finds_the_same_keys() -> None:
    program = (
        "from supernets import shared_families as made\n"
        "some = {'width0': 8, 'width1': 16, 'depth0': 2, 'depth1': 3, 'squeezed': True}\n"
        "print(sorted(made.keys(made.family(made.hierarchy), some).items()))"
    )
    some = {"width0": 8, "width1": 16, "depth0": 2, "depth1": 3, "squeezed": True}
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={
            "PYTHONPATH": f"{Path(__file__).parents[1]}:{':'.join(sys.path)}",
            "OMP_NUM_THREADS": "1",
        },
    )
    assert found.stdout.strip() == str(sorted(keys(family(made.hierarchy), some).items()))


def _lazy(choose: Any) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(choose("width", [4, 8])))


def _complex(choose: Any) -> nn.Module:
    network = nn.Linear(3, choose("width", [4, 8]))
    network.phase = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
    return network


def _counts(choose: Any) -> nn.Module:
    network = nn.Linear(3, choose("width", [4, 8]))
    network.table = nn.Parameter(torch.zeros(3, dtype=torch.int8), requires_grad=False)
    return network


def _sparse(choose: Any) -> nn.Module:
    network = nn.Linear(3, choose("width", [4, 8]))
    network.mask = nn.Parameter(torch.eye(3).to_sparse())
    return network


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_lazy, r"'weight' of LazyLinear '1' has no shape"),
        (_complex, r"'phase' of Linear '' holds torch.complex64"),
        (_counts, r"'table' of Linear '' holds torch.int8"),
        (_sparse, r"'mask' of Linear '' is sparse"),
    ],
)
def test_weights_that_cannot_be_shared_name_their_module(build: made.Build, message: str) -> None:
    sharing = SharingByCallSite(family(build, torch.zeros(1, 3)))
    with pytest.raises(UnsharableWeights, match=message):
        sharing.build({"width": 4})


def test_what_a_space_does_not_have_is_refused() -> None:
    supernet = Supernet(family(made.one_line))
    with pytest.raises(InvalidSpace, match="width"):
        supernet.network({"width": 9})
    with pytest.raises(InvalidSpace, match="depth"):
        supernet.network({"width": 8, "depth": 2})

    class Drawn(Space):
        parameters: ClassVar = {"width": [8, 16]}

    with pytest.raises(MissingBuilder, match="Drawn has no build"):
        Supernet(Drawn())
