from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bonas.evaluation import Candidate, ShortTraining
from bonas.gradient_search import search
from bonas.spaces import MobileSpace, NASBench201, Space, TransformerSpace
from bonas.supernets import InheritedLoss, Supernet

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

_CELLS = NASBench201(channels=4, cells=1)
_IMAGES = np.random.default_rng(0).normal(size=(96, 1, 8, 8)).astype(np.float32)
_CLASSES = np.arange(96) % 10
_TOKENS = np.random.default_rng(1).integers(0, 16, (96, 8))


def _training(**settings: Any) -> ShortTraining:
    return ShortTraining((_IMAGES, _CLASSES), epochs=1, batch_size=16, device="cuda", **settings)


def _some(space: Space, n: int = 3) -> list[dict[str, Any]]:
    rng = np.random.default_rng(3)
    return [dict(space.sample(rng)) for _ in range(n)]


@pytest.mark.parametrize("precision", [None, "bf16"])
@pytest.mark.parametrize("rule", ["fair", "uniform"])
def test_shared_weights_stay_on_the_device_and_learn(rule: str, precision: Any) -> None:
    supernet = Supernet(_CELLS, _training(precision=precision))
    supernet.fit(40, rule=rule, progress=False)
    assert {weight.device.type for weight in supernet.store.parameters()} == {"cuda"}
    assert {weight.dtype for weight in supernet.store.parameters()} == {torch.float32}
    assert all(np.isfinite(supernet.score(choices)) for choices in _some(_CELLS))


@pytest.mark.parametrize("precision", [None, "bf16"])
def test_the_sandwich_rule_distils_on_the_device(precision: Any) -> None:
    space = MobileSpace.small()
    supernet = Supernet(space, _training(precision=precision))
    record = supernet.fit(24, rule="sandwich", progress=False)
    assert record.loss is not None
    assert all(np.isfinite(supernet.score(choices)) for choices in _some(space))


def test_a_training_resumes_on_the_device(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    before = torch.cuda.get_rng_state()
    whole = Supernet(_CELLS, _training())
    whole.fit(20, rule="fair", checkpoint=path, checkpoint_every=0.0, progress=False)
    loaded = Supernet.load(path, _CELLS, _training())
    assert torch.equal(torch.cuda.get_rng_state(), before)
    some = _some(_CELLS)
    found, expected = [[net.score(c) for c in some] for net in (loaded, whole)]
    np.testing.assert_allclose(found, expected, rtol=1e-3)


def test_weights_move_between_devices(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    on_cuda = Supernet(_CELLS, _training())
    on_cuda.fit(20, progress=False)
    on_cuda.save(path)
    there = ShortTraining((_IMAGES, _CLASSES), epochs=1, batch_size=16, device="cpu")
    on_cpu = Supernet.load(path, _CELLS, there)
    some = _some(_CELLS)
    assert {weight.device.type for weight in on_cpu.store.parameters()} == {"cpu"}
    assert on_cpu.describe() == on_cuda.describe()
    found, expected = [[net.score(c) for c in some] for net in (on_cpu, on_cuda)]
    np.testing.assert_allclose(found, expected, rtol=0.02)  # TF32 and other sums


def test_trainings_and_evaluators_start_from_weights_on_the_device() -> None:
    supernet = Supernet(_CELLS, _training())
    supernet.fit(20, progress=False)
    candidate = Candidate.without_trial(_CELLS, _some(_CELLS, 1)[0])
    for evaluate in (_training(initial=supernet), InheritedLoss(supernet)):
        found = evaluate(candidate)
        values = dict(found) if hasattr(found, "keys") else [dict(m.values) for m in found][-1]
        assert all(np.isfinite(value) for value in values.values())


def test_blocks_of_attention_are_shared_on_the_device() -> None:
    space = TransformerSpace(task="language_model", vocabulary=16, length=8, depths=(1, 2))
    supernet = Supernet(
        space, ShortTraining((_TOKENS, _TOKENS), epochs=1, batch_size=16, device="cuda")
    )
    supernet.fit(16, progress=False)
    assert all(np.isfinite(supernet.score(choices)) for choices in _some(space))


@pytest.mark.filterwarnings("ignore:.*selected a network that is refused")
@pytest.mark.parametrize("method", ["darts", "darts-2nd", "gdas", "proxyless", "enas"])
def test_gradient_searches_descend_on_the_device(method: str) -> None:
    found = search(_CELLS, _training(), method=method, steps=4)
    assert found.steps == 4
    assert _CELLS.is_valid(found.choices)
