"""What a script has set in torch changes no search, and a search changes nothing that was set."""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import numpy as np
import pytest
import torch
from torch import nn

import bonas
from bonas.encoders import GNNEncoder
from bonas.evaluation import Candidate, ShortTraining
from bonas.settings import own_settings
from bonas.spaces import MLPSpace, Space

SPACE = MLPSpace(inputs=64, classes=10, depths=(1, 2), widths=(8, 16))


@contextlib.contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


@contextlib.contextmanager
def default_device(device: str) -> Iterator[None]:
    torch.set_default_device(device)
    try:
        yield
    finally:
        torch.set_default_device(None)


SETTINGS: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "double precision": lambda: default_dtype(torch.float64),
    "default device": lambda: default_device("meta"),
    "device of a block": lambda: torch.device("meta"),
    "no gradients": lambda: torch.set_grad_enabled(False),
    "inference mode": torch.inference_mode,
    "autocast": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
}
setting = pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS.keys())


def seen() -> tuple[object, ...]:
    """Return what a script can see of its settings."""
    return (
        torch.get_default_dtype(),
        torch.get_default_device(),
        torch.is_grad_enabled(),
        torch.is_inference_mode_enabled(),
        torch.is_autocast_enabled("cpu"),
        (torch.ones(2, 2) @ torch.ones(2, 2)).dtype,
        torch.tensor(0.5).dtype,
    )


def drawn() -> tuple[object, ...]:
    """Return the states of the global generators."""
    state = np.random.get_state()  # noqa: NPY002  # the global one is what is asked about
    return random.getstate(), str(state), torch.get_rng_state().tolist()


def proposals(space: Space, surrogate: str, objectives: int) -> list[object]:
    names = dict(list({"accuracy": "maximize", "latency": "minimize"}.items())[:objectives])
    during = []

    def evaluate(candidate: Candidate) -> dict[str, float]:
        during.append(seen())
        nodes = len(candidate.graph)
        return {"accuracy": nodes + 0.1 * (candidate.number % 3), "latency": nodes**1.5}

    before = seen(), drawn()
    result = bonas.optimize(
        space,
        12,
        evaluate=evaluate,
        objectives=names,
        surrogate=surrogate,
        seed=1,
        progress=False,
    )
    assert (seen(), drawn()) == before
    assert set(during) == {before[0]}  # the user's evaluation runs under the user's settings
    return [trial.params for trial in result.study.trials]


def perceptron(choose: Callable[..., int]) -> nn.Module:
    width = choose("width", (4, 8, 16, 32))
    middle = [nn.Linear(width, width) for _ in range(choose("depth", (1, 2, 3, 4)))]
    return nn.Sequential(nn.Linear(8, width), *middle, nn.LayerNorm(width))


@setting
def test_the_same_networks_are_proposed_whatever_is_set(
    setting: Callable[[], AbstractContextManager[object]],
) -> None:
    expected = proposals(SPACE, "gp", 1)
    with setting():
        assert proposals(SPACE, "gp", 1) == expected


@setting
def test_functions_of_networks_are_drawn_the_same_whatever_is_set(
    setting: Callable[[], AbstractContextManager[object]],
) -> None:
    example = torch.zeros(1, 8)
    expected = proposals(bonas.space(input=example)(perceptron), "gp", 2)
    with setting():
        assert proposals(bonas.space(input=example)(perceptron), "gp", 2) == expected


@setting
def test_encoders_are_trained_the_same_whatever_is_set(
    setting: Callable[[], AbstractContextManager[object]],
) -> None:
    some = SPACE.reference[:3]
    expected = GNNEncoder(SPACE, steps=5).encode(some)
    with setting():
        found = GNNEncoder(SPACE, steps=5).encode(some)
    assert torch.equal(found, expected)


@setting
def test_a_short_training_ends_the_same_whatever_is_set(
    setting: Callable[[], AbstractContextManager[object]],
) -> None:
    def scores() -> list[object]:
        training = ShortTraining("digits", epochs=1)
        result = bonas.optimize(
            SPACE, 2, evaluate=training, surrogate="random", seed=1, progress=False
        )
        assert not result.failures
        return [trial.values for trial in result.study.trials]

    expected = scores()
    with setting():
        assert scores() == expected


def test_own_settings_are_those_of_torch_and_end_with_the_block() -> None:
    expected = seen()
    with contextlib.ExitStack() as stack:
        for each in SETTINGS.values():
            stack.enter_context(each())
        before = torch.is_grad_enabled(), torch.get_default_device()
        with own_settings(), own_settings():
            assert seen()[1:] == expected[1:]
        assert (torch.is_grad_enabled(), torch.get_default_device()) == before


def test_numbers_with_a_dtype_keep_it() -> None:
    with default_dtype(torch.float64), own_settings():
        assert torch.tensor(np.ones(2)).dtype == torch.float64
        assert torch.as_tensor(torch.ones(2, dtype=torch.float64)).dtype == torch.float64
        assert torch.zeros(2, dtype=torch.float64).dtype == torch.float64
        assert torch.tensor([1, 2]).dtype == torch.int64
        assert torch.full((2,), 0.5).dtype == torch.float32
        assert torch.arange(0.0, 1.0, 0.5).dtype == torch.float32
        assert nn.Linear(2, 2).weight.dtype == torch.float32


def test_an_evaluation_in_another_thread_keeps_the_dtype_of_the_process() -> None:
    inside, done = threading.Event(), threading.Event()

    def compute() -> None:
        with own_settings():
            inside.set()
            done.wait(10)

    with default_dtype(torch.float64):
        thread = threading.Thread(target=compute)
        thread.start()
        assert inside.wait(10)
        assert torch.zeros(1).dtype == torch.float64
        done.set()
        thread.join()
