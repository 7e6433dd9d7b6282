"""What holds of the shared weights of every space that comes with bonas."""

from __future__ import annotations

from collections import Counter, defaultdict

import pytest
import torch
from small_supernets import SPACES, drawn, evaluated, inputs_of, pieces_of, randomised, slots_of

from bonas.supernets import Supernet

NAMES = list(SPACES)


@pytest.mark.parametrize("name", NAMES)
def test_the_pieces_of_a_slot_hold_the_numbers_of_its_parameter(name: str) -> None:
    for choices in drawn(name):
        parameters = dict(SPACES[name].build(choices).named_parameters())
        slots = slots_of(SPACES[name], choices)
        assert slots.keys() == parameters.keys()
        for own, slot in slots.items():
            assert sum(piece.numbers for piece in slot.pieces) == parameters[own].numel()


@pytest.mark.parametrize("name", NAMES)
def test_no_network_reads_a_shared_tensor_twice(name: str) -> None:
    for choices in drawn(name):
        keys = Counter(piece.key for piece in pieces_of(SPACES[name], choices))
        assert max(keys.values()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_network_is_the_one_that_the_space_builds_with_these_numbers(name: str) -> None:
    space, x = SPACES[name], inputs_of(SPACES[name])
    supernet = randomised(Supernet(space), drawn(name)[:8])
    for choices in drawn(name)[:8]:
        shared = supernet.network(choices)
        built = space.build(choices)
        built.load_state_dict(shared.state_dict())
        expected = evaluated(built, x)
        for network in (shared, supernet.extract(choices)):  # held in memory in another order
            torch.testing.assert_close(evaluated(network, x), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_of_a_network_gets_its_gradient_from_the_network(name: str) -> None:
    """Compare gradients of shared tensors with those of a network that owns its weights."""
    space, x = SPACES[name], inputs_of(SPACES[name])
    choices = drawn(name)[0]
    supernet = randomised(Supernet(space), drawn(name)[:4])
    own = supernet.extract(choices).eval()
    own(x).square().sum().backward()
    supernet.network(choices).eval()(x).square().sum().backward()
    expected = sum(float(p.grad.abs().sum()) for p in own.parameters() if p.grad is not None)
    grads = (supernet.store[key].grad for key in supernet.store)
    found = sum(float(grad.abs().sum()) for grad in grads if grad is not None)
    assert found == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_the_store_holds_what_its_largest_networks_need_and_no_more(name: str) -> None:
    """Each shared tensor has the largest sides that any network asks for, over all networks."""
    space, sides = SPACES[name], defaultdict(set)
    supernet = Supernet(space)
    for choices in drawn(name):
        supernet.cover(choices)
        for piece in pieces_of(space, choices):
            sides[piece.key].add(piece.shape)
    assert set(supernet.store) == sides.keys()
    for key, shapes in sides.items():
        assert tuple(supernet.store[key].shape) == tuple(map(max, zip(*shapes, strict=True)))
