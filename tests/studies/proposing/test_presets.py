"""Presets: names of surrogates, and what may stand in their place."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from botorch.models import SingleTaskGP

from bonas.encoders import ENCODERS
from bonas.errors import InvalidArgument
from bonas.spaces import CellSpace
from bonas.studies.proposing.presets import SURROGATES, preset
from bonas.surrogates import (
    GNNEnsemble,
    GraphGP,
    Mixture,
    RandomForest,
    WeisfeilerLehmanGP,
    fit_graph_gp,
    supports,
)

SPACE = CellSpace(nodes=3)


def mine(train_X: Any, train_Y: Any, layout: Any, seed: int) -> Any:
    return SingleTaskGP(train_X, train_Y)


@pytest.mark.parametrize("name", SURROGATES)
def test_a_name_has_encoders_that_exist(name: str) -> None:
    found = preset(name, SPACE)
    assert set(found.encoders) <= ENCODERS.keys()
    assert (found.for_objectives(1), found.for_objectives(3)) == (found.one, found.several)


@pytest.mark.parametrize("given", [mine, partial(fit_graph_gp, shape="matern12"), SingleTaskGP])
def test_a_function_stands_for_itself(given: Any) -> None:
    found = preset(given, SPACE)
    assert found.one is found.several is given
    assert "gnn" in found.encoders


@pytest.mark.parametrize("model", [GraphGP, Mixture, GNNEnsemble, RandomForest, WeisfeilerLehmanGP])
def test_a_model_class_is_refused_for_the_function_that_fits_it(model: Any) -> None:
    for given in (model, partial(model, seed=1)):
        said = rf"got the model class {model.__name__}; give the function .*fit_graph_gp"
        with pytest.raises(InvalidArgument, match=said):
            preset(given, SPACE)


def test_without_a_space_only_what_reads_no_graph_is_left() -> None:
    assert preset("gp", None) == SURROGATES["gp"]
    assert preset("mixture", None).several is fit_graph_gp
    assert preset("random", None).one is None
    for name in ("gnn", "embedded_gp", "deep_kernel", "wl"):
        with pytest.raises(InvalidArgument, match="reads graphs; give a space"):
            preset(name, None)


def test_which_surrogates_read_a_transfer_prior() -> None:
    reading = {name for name in SURROGATES if preset(name, SPACE).reads_prior_mean}
    assert reading == SURROGATES.keys() - {"gnn", "random"}
    assert not preset(mine, SPACE).reads_prior_mean
    assert preset(supports(prior_mean=True)(lambda *data: None), SPACE).reads_prior_mean
