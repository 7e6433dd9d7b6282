from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidArgument
from bonas.gradient_search.paths.places import Places
from bonas.spaces import CellSpace, Choices, DARTSSpace, MobileSpace, Space
from bonas.supernets import Supernet
from tests.small_transformers import IMAGES

CELLS = CellSpace(3, ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"), 2, 2, 2, 2, 1, 4)
DARTS = DARTSSpace(
    3, operations=("none", "skip_connect", "sep_conv_3x3"), channels=2, cells=3, in_channels=1
)
MOBILE = MobileSpace.small()
RELU = nn.ReLU()


@bonas.space(input=torch.zeros(1, 3))
def family(choose: Any) -> nn.Module:
    layers = []
    for i in range(choose("depth", (1, 2))):
        options = {"linear": lambda: nn.Linear(3, 3), "nothing": nn.Identity, "none": lambda: None}
        layer = choose(f"layer{i}", options)
        layers += [nn.ReLU() if layer is None else layer]
        layers.append(choose(f"act{i}", [RELU, nn.Tanh()]))
    return nn.Sequential(*layers, choose("act", {"relu": lambda: RELU, "tanh": nn.Tanh()}))


def sampled(space: Space, n: int) -> list[Choices]:
    rng = np.random.default_rng(0)
    return [space.sample(rng) for _ in range(n)]


def test_the_places_of_cells_are_the_operations_that_run() -> None:
    places = Places(Supernet(CELLS), "gdas")
    choices = {"edge_0_1": "nor_conv_3x3", "edge_0_2": "none", "edge_1_2": "skip_connect"}
    network, found = places.built(choices)
    body = [module for module in network.body if hasattr(module, "operations")]  # type: ignore[union-attr]  # a sequence
    assert len(body) == 4  # two cells of two stages
    assert [(place.parameters, place.module) for place in found] == [
        pair
        for cell in body
        for pair in [
            (("edge_0_1",), cell.operations["0_1"]),
            (("edge_1_2",), cell.operations["1_2"]),
        ]
    ]
    dead = {"edge_0_1": "nor_conv_3x3", "edge_0_2": "nor_conv_1x1", "edge_1_2": "none"}
    assert {place.parameters for place in places.built(dead)[1]} == {("edge_0_2",)}


@pytest.mark.parametrize("choices", sampled(DARTS, 12))
def test_the_places_of_darts_are_the_operations_of_their_parameters(choices: Choices) -> None:
    supernet = Supernet(DARTS)
    network, found = Places(supernet, "gdas").built(choices)
    names = {id(module): name for name, module in network.named_modules()}
    slots = {slot.name: slot.pieces[0].key for slot in supernet.sharing.build(choices)[1]}
    for place in found:
        inputs, part = (
            next((n for n in place.parameters if n.endswith(end)), None)
            for end in ("_inputs", place.name.rpartition(".")[2])
        )
        assert part is not None
        kind, state, end = part.split("_")
        pair = choices[inputs] if inputs else "0+1"
        source = str(pair).split("+")[end == "second"]
        module = names[id(place.module)]
        keys = {key for name, key in slots.items() if name.startswith(f"{module}.")}
        cell = module.split(".")[1]
        reduces = int(cell) in DARTS.plan(choices).reductions
        assert kind == ("reduce" if reduces else "normal")
        for key in keys:  # an operation with weights: the key says which edge it is on
            assert key.startswith(f"cells.{cell}.edge_{source}_{state}.")
            assert choices[part] in key
    run = [m for n, m in network.named_modules() if ".operations." in n and n.count(".") == 3]
    assert {id(place.module) for place in found} == {id(module) for module in run}


@pytest.mark.parametrize("choices", sampled(MOBILE, 5))
def test_the_places_of_mobile_networks_are_blocks_without_their_shortcut(choices: Choices) -> None:
    _, found = Places(Supernet(MOBILE), "gdas").built(choices)
    blocks = [block for stage in MOBILE.plan(choices).stages for block in stage.blocks]
    assert len(found) == len(blocks)
    for place, (kernel, _) in zip(found, blocks, strict=True):
        own = place.parameters[0]
        assert own.endswith("kernel")
        assert choices[own] == kernel
        convolutions = [m for m in place.module.modules() if isinstance(m, nn.Conv2d)]
        assert max(c.kernel_size[0] for c in convolutions) == kernel
    assert Places(Supernet(MOBILE), "gdas").parameters == {
        name for name in MOBILE.parameters if name.endswith(("kernel", "expansion"))
    }


def test_the_places_of_a_family_are_the_modules_that_were_chosen() -> None:
    places = Places(Supernet(family), "gdas")
    choices = family.completed(
        {"depth": 2, "layer0": "linear", "layer1": "none", "act0": "ReLU()", "act1": "ReLU()"}
    )
    network, found = places.built(choices)
    assert [place.parameters for place in found] == [
        ("layer0",),
        ("act0",),
        ("act1",),
        ("act",),
    ]  # none is no module
    assert [place.module for place in found] == [network[i] for i in (0, 1, 3, 4)]  # type: ignore[index]  # a sequence
    assert len({id(place.module) for place in found}) == 4  # though one object was given thrice
    assert places.parameters == {"layer0", "layer1", "act0", "act1", "act"}
    assert network[1] is not RELU  # type: ignore[index]  # a sequence


def test_outside_of_a_gradient_search_a_module_without_state_is_not_copied() -> None:
    network = family.build(family.completed({"act0": "ReLU()"}))
    assert network[1] is RELU  # type: ignore[index]  # a sequence


def test_the_states_that_a_darts_operation_reads_cannot_be_exchanged_in_one_network() -> None:
    places = Places(Supernet(DARTS), "proxyless")
    assert places.parameters == set(DARTS.parameters)
    assert places.parameters - places.exchangeable == {
        name for name in DARTS.parameters if name.endswith("inputs")
    }


class Rebuilt(CellSpace):
    def build(self, choices: Choices) -> nn.Module:
        return super().build(choices)


@pytest.mark.parametrize("space", [IMAGES, Rebuilt(3)])
def test_a_space_without_places_is_refused_with_the_method_that_works(space: Space) -> None:
    with pytest.raises(InvalidArgument, match=r'method=.gdas.*search by method="enas"'):
        Places(Supernet(space), "gdas")
