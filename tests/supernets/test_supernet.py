"""The supernet: networks that are parts of one set of weights."""

from __future__ import annotations

from typing import ClassVar

import pytest
import torch
from torch import nn

import bonas
from bonas.errors import InvalidArgument, InvalidSpace, MissingBuilder
from bonas.spaces import ArchitectureGraph
from bonas.supernets import Supernet

_SPACE = bonas.spaces.NASBench201(channels=4, cells=1)


def _all(operation: str) -> dict[str, str]:
    return dict.fromkeys(_SPACE.parameters, operation)


def test_networks_with_the_same_operations_compute_the_same() -> None:
    supernet, x = Supernet(_SPACE), torch.rand(4, 3, 8, 8)
    one, other = (supernet.network(_all("nor_conv_1x1")) for _ in range(2))
    assert torch.equal(one(x), other(x))


def test_what_one_network_learns_another_with_the_same_edge_knows() -> None:
    supernet = Supernet(_SPACE)
    mixed = {**_all("nor_conv_1x1"), "edge_0_1": "nor_conv_3x3"}
    before = supernet.extract(mixed)
    with torch.no_grad():
        for weight in supernet.network(_all("nor_conv_1x1")).parameters():
            weight += 1.0
    after = dict(supernet.extract(mixed).named_parameters())
    changed = {n for n, w in before.named_parameters() if not torch.equal(w, after[n])}
    kept = after.keys() - changed
    assert all("operations.0_1" in name for name in kept)
    assert kept


def test_gradients_of_a_network_reach_the_shared_weights_that_it_reads() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_all("nor_conv_3x3"))
    supernet.network(_all("nor_conv_1x1"))(torch.rand(4, 3, 8, 8)).sum().backward()
    graded = {key for key in supernet.store if supernet.store[key].grad is not None}
    assert any("nor_conv_1x1" in key for key in graded)
    assert not any("nor_conv_3x3" in key for key in graded)


def test_an_extracted_network_owns_its_weights() -> None:
    supernet, x = Supernet(_SPACE), torch.rand(4, 3, 8, 8)
    own = supernet.extract(_all("nor_conv_3x3"))
    shared = supernet.network(_all("nor_conv_3x3"))
    assert torch.equal(own(x), shared(x))
    assert all(isinstance(weight, nn.Parameter) for weight in own.parameters())
    with torch.no_grad():
        for weight in own.parameters():
            weight.zero_()
    assert not torch.equal(own(x), shared(x))


def test_a_built_network_receives_the_shared_weights() -> None:
    supernet, choices = Supernet(_SPACE), _all("nor_conv_1x1")
    supernet.cover(choices)
    built, x = _SPACE.build(choices), torch.rand(4, 3, 8, 8)
    supernet.copy_into(built, choices)
    assert torch.equal(built(x), supernet.network(choices)(x))


def test_a_built_network_keeps_what_the_supernet_lacks_and_the_supernet_does_not_grow() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_all("nor_conv_1x1"))
    built, held, digest = (
        _SPACE.build(_all("nor_conv_3x3")),
        len(supernet.store),
        supernet.describe(),
    )
    before = {name: weight.clone() for name, weight in built.named_parameters()}
    supernet.copy_into(built, _all("nor_conv_3x3"))
    changed = {n for n, w in built.named_parameters() if not torch.equal(w, before[n])}
    assert "stem.0.weight" in changed
    assert not any("operations" in name for name in changed)
    assert len(supernet.store) == held
    assert supernet.describe() == digest


def test_the_description_follows_the_weights() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_all("nor_conv_1x1"))
    before = supernet.describe()
    again = Supernet(_SPACE)
    again.cover(_all("nor_conv_1x1"))
    assert again.describe() == before
    with torch.no_grad():
        supernet.store.parameters()[-1].view(-1)[-1] += 1e-3
    assert supernet.describe() != before


def test_growth_after_a_mark_changes_neither_the_description_nor_what_is_inherited() -> None:
    supernet, mixed = Supernet(_SPACE), {**_all("nor_conv_3x3"), "edge_0_1": "nor_conv_1x1"}
    supernet.cover(_all("nor_conv_1x1"))
    supernet.store.mark()
    one, other = _SPACE.build(mixed), _SPACE.build(mixed)
    other.load_state_dict(one.state_dict())
    before = supernet.describe()
    supernet.copy_into(one, mixed)
    assert supernet.cover(_all("nor_conv_3x3"))
    assert supernet.describe() == before
    supernet.copy_into(other, mixed)
    assert all(map(torch.equal, one.parameters(), other.parameters()))


@pytest.mark.parametrize("call", ["copy_into", "describe"])
def test_without_weights_nothing_is_inherited(call: str) -> None:
    supernet, choices = Supernet(_SPACE), _all("nor_conv_1x1")
    given = (_SPACE.build(choices), choices) if call == "copy_into" else ()
    with pytest.raises(InvalidArgument, match="got one without weights; call fit"):
        getattr(supernet, call)(*given)


def test_the_network_of_other_choices_is_refused() -> None:
    supernet = Supernet(_SPACE)
    supernet.cover(_all("nor_conv_1x1"))
    with pytest.raises(InvalidArgument, match="got one without the parameters"):
        supernet.copy_into(_SPACE.build(_all("skip_connect")), _all("nor_conv_1x1"))


def test_batch_norms_have_statistics_of_their_own() -> None:
    supernet, choices = Supernet(_SPACE), _all("nor_conv_1x1")
    supernet.network(choices)(torch.rand(4, 3, 8, 8))
    fresh = dict(supernet.network(choices).named_buffers())
    assert all(not mean.any() for name, mean in fresh.items() if name.endswith("running_mean"))


def test_the_seed_decides_the_initial_weights_and_global_draws_do_not() -> None:
    def first(seed: int) -> torch.Tensor:
        return Supernet(_SPACE, seed=seed).extract(_all("nor_conv_3x3")).stem[0].weight  # type: ignore[index,union-attr,return-value]  # a Sequential

    one = first(0)
    torch.rand(3)
    assert torch.equal(first(0), one)
    assert not torch.equal(first(1), one)


def test_a_supernet_draws_from_no_global_generator() -> None:
    before = torch.random.get_rng_state()
    Supernet(_SPACE).network(_all("nor_conv_3x3"))
    assert torch.equal(torch.random.get_rng_state(), before)


class _Graphs(bonas.Space):
    parameters: ClassVar = {"width": [8, 16]}

    def graph(self, choices: bonas.spaces.Choices) -> ArchitectureGraph:
        return ArchitectureGraph(["input", f"l{choices['width']}", "output"], [(0, 1), (1, 2)])


def test_a_space_that_builds_nothing_has_no_supernet() -> None:
    with pytest.raises(MissingBuilder):
        Supernet(_Graphs())


def test_choices_of_another_space_are_refused() -> None:
    with pytest.raises(InvalidSpace, match="edge_0_1"):
        Supernet(_SPACE).network({"edge_0_1": "nor_conv_7x7"})
    with pytest.raises(InvalidSpace, match="missing"):
        Supernet(_SPACE).network({"edge_0_1": "nor_conv_3x3"})


def test_what_is_no_space_is_refused() -> None:
    with pytest.raises(InvalidArgument, match=r"expected a bonas\.Space"):
        Supernet("cells")  # type: ignore[arg-type]  # the mistake
