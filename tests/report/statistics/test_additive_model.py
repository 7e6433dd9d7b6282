import numpy as np
import pytest
from scipy.optimize import approx_fprime

from bonas.report.statistics.additive_model import AdditiveModel, Kernels, _loss
from bonas.report.statistics.choices import Parameter


def parameters(n: int, d: int, seed: int = 0) -> list[Parameter]:
    X = np.random.default_rng(seed).integers(0, 4, (n, d))
    rows = [{f"p{j}": int(x) if j == 0 else f"o{x}" for j, x in enumerate(row)} for row in X]
    return [Parameter.of(f"p{j}", rows) for j in range(d)]


def test_the_gradient_is_that_of_the_loss() -> None:
    kernels = Kernels.of(parameters(12, 3))
    y = np.random.default_rng(1).standard_normal(12)
    centre, logs = np.full(5, -1.0), np.array([-0.5, -2.0, 0.3, -1.0, -1.2])
    terms = kernels.terms()
    _, gradient = _loss(logs, terms, y, centre)
    numeric = approx_fprime(logs, lambda x: _loss(x, terms, y, centre)[0], 1e-6)
    assert gradient == pytest.approx(numeric, rel=1e-4, abs=1e-5)


def test_kernels_are_positive_semidefinite() -> None:
    absent = [{"a": 1, "b": "x"}, {"a": 2}, {"a": 3, "b": "y"}, {"b": "x"}, {"a": 2, "b": "y"}]
    found = Kernels.of([Parameter.of(name, absent) for name in "ab"])
    for K in found.terms():
        assert np.linalg.eigvalsh(K).min() > -1e-9
        assert np.diag(K) == pytest.approx(1.0)


def test_variance_goes_to_the_parameter_that_has_it() -> None:
    own = parameters(60, 4)
    y = own[2].codes - own[2].codes.mean() + 0.1 * np.random.default_rng(0).standard_normal(60)
    model = AdditiveModel.fit(Kernels.of(own), y / y.std())
    assert int(np.argmax(model.variances)) == 2
    assert model.noise < 0.1
