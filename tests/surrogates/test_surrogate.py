"""What a surrogate declares is what it gets; plain callables get the four arguments."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from botorch.models import SingleTaskGP
from botorch.models.model import Model
from torch import Tensor

from bonas.encoders import Layout
from bonas.errors import InvalidArgument
from bonas.surrogates import (
    Capabilities,
    LowerFidelity,
    Surrogate,
    fit,
    fit_deep_kernel,
    fit_forest,
    fit_gnn_ensemble,
    fit_graph_gp,
    fit_mixture,
    fit_weisfeiler_lehman,
    supports,
)
from bonas.surrogates.surrogate import capabilities_of, condition

LAYOUT = Layout({"block": slice(0, 2)}, {})
X = torch.tensor([[0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], dtype=torch.float64)
Y = X.sum(1, keepdim=True)
NOISE = torch.tensor([[0.1], [torch.nan], [0.3]], dtype=torch.float64)


class Recorder:
    """A surrogate that keeps what it was called with."""

    def __init__(self) -> None:
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *args: Any, **named: Any) -> Model:
        self.calls.append((args[3:], named))
        return SingleTaskGP(X, Y)


def test_a_plain_callable_gets_data_layout_and_seed_and_no_variances() -> None:
    recorder = Recorder()

    def mine(train_X: Tensor, train_Y: Tensor, layout: Layout, seed: int) -> Model:
        assert train_X is X
        assert train_Y is Y
        assert layout is LAYOUT
        return recorder(train_X, train_Y, layout, seed)

    assert isinstance(fit(mine, X, Y, LAYOUT, 7, NOISE), SingleTaskGP)
    assert recorder.calls == [((7,), {})]


def test_a_class_that_fits_in_its_constructor_is_a_surrogate() -> None:
    class Mine(SingleTaskGP):  # type: ignore[misc]  # BoTorch is partly untyped
        def __init__(self, X: Tensor, Y: Tensor, layout: Layout, seed: int) -> None:
            super().__init__(X, Y)
            self.seed = seed

    assert fit(Mine, X, Y, LAYOUT, 5).seed == 5  # type: ignore[comparison-overlap]  # a number


def test_known_variances_go_to_a_surrogate_that_declares_them_where_there_are_any() -> None:
    recorder = Recorder()
    mine = supports(known_noise=True)(recorder)
    fit(mine, X, Y, LAYOUT, 1, NOISE)
    fit(mine, X, Y, LAYOUT, 1, torch.full_like(NOISE, torch.nan))
    fit(mine, X, Y, LAYOUT, 1)
    assert [list(named) for _, named in recorder.calls] == [["train_Yvar"], [], []]
    assert recorder.calls[0][1]["train_Yvar"] is NOISE


def test_a_deterministic_surrogate_gets_no_seed() -> None:
    recorder = Recorder()
    fit(supports(deterministic=True)(recorder), X, Y, LAYOUT, 1)
    assert recorder.calls == [((), {})]


def test_lower_fidelities_go_to_a_surrogate_that_declares_them_where_there_are_any() -> None:
    recorder = Recorder()
    lower = LowerFidelity(X, Y, torch.tensor([0, 1, -1]), (0.1,))
    fit(recorder, X, Y, LAYOUT, 1, lower=lower)
    mine = supports(lower_fidelity=True)(recorder)
    fit(mine, X, Y, LAYOUT, 1, lower=lower)
    fit(mine, X, Y, LAYOUT, 1)
    assert [named for _, named in recorder.calls] == [{}, {"lower": lower}, {}]


class Grown:
    """A model that keeps what it was conditioned on."""

    def __init__(self) -> None:
        self.more: list[tuple[Any, ...]] = []

    def condition_on(self, X: Tensor, Y: Tensor, Yvar: Tensor | None = None, *more: Any) -> Grown:
        self.more.append(more)
        return self


def test_a_model_is_conditioned_on_lower_fidelities_if_its_surrogate_reads_them() -> None:
    lower, recorder, model = (
        LowerFidelity(X, Y, torch.tensor([0, 1, -1]), (0.1,)),
        Recorder(),
        Grown(),
    )
    condition(recorder, model, X, Y, NOISE, lower)
    mine = supports(lower_fidelity=True)(recorder)
    condition(mine, model, X, Y, NOISE, lower)
    condition(mine, model, X, Y, NOISE)
    assert model.more == [(), (lower,), ()]


def test_a_partial_can_do_what_its_function_can() -> None:
    twice = partial(partial(fit_graph_gp, shape="matern12"), trend=True)
    assert capabilities_of(twice) == capabilities_of(fit_graph_gp)
    quiet = torch.full_like(Y, 1e-9)
    gp: Any = fit(twice, X, Y, LAYOUT, 0, quiet)
    assert not bool(gp.data.noise.isnan().any())


@pytest.mark.parametrize(
    ("surrogate", "can"),
    [
        (fit_graph_gp, Capabilities(True, True, deterministic=True, lower_fidelity=True)),
        (fit_deep_kernel, Capabilities(True, True, deterministic=True, lower_fidelity=True)),
        (fit_mixture, Capabilities(True, True, lower_fidelity=True)),
        (fit_weisfeiler_lehman, Capabilities(prior_mean=True, deterministic=True)),
        (fit_forest, Capabilities(prior_mean=True)),
        (fit_gnn_ensemble, Capabilities()),
        (lambda X, Y, layout, seed: None, Capabilities()),
    ],
)
def test_what_each_surrogate_can_do(surrogate: Surrogate, can: Capabilities) -> None:
    assert capabilities_of(surrogate) == can


def test_an_object_may_declare_by_an_attribute() -> None:
    class Mine(Recorder):
        capabilities = Capabilities(deterministic=True)

    mine = Mine()
    fit(mine, X, Y, LAYOUT, 3)
    assert mine.calls == [((), {})]


def test_a_declaration_of_another_kind_is_refused() -> None:
    class Mine(Recorder):
        capabilities = ("known_noise",)

    with pytest.raises(InvalidArgument, match=r"expected .*Capabilities .* got \('known_noise',\)"):
        fit(Mine(), X, Y, LAYOUT, 0)  # type: ignore[arg-type]  # on purpose
