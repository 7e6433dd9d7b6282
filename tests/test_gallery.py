"""The examples of the gallery run, and what they compute themselves is right."""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import optuna
import pytest
import torch
from scipy.signal import lfilter
from torch import nn

GALLERY = Path(__file__).parents[1] / "examples" / "gallery"


@pytest.fixture(autouse=True)
def among_the_examples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(GALLERY)  # as for a program that is run by its path


def module(name: str) -> ModuleType:
    """Return an example as a module; its search does not run."""
    return __import__(name)


def printed_by(
    name: str,
    options: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> str:
    """Run an example as a program; return what it prints."""
    path = GALLERY / f"{name}.py"
    monkeypatch.setattr(sys, "argv", [str(path), *options.split(), "--out", str(folder)])
    before, threads = optuna.logging.get_verbosity(), torch.get_num_threads()
    try:
        runpy.run_path(str(path), run_name="__main__")
    finally:
        optuna.logging.set_verbosity(before)
        torch.set_num_threads(threads)
    assert {"report.html", "network.svg"} <= {path.name for path in folder.iterdir()}
    assert len(list(folder.glob("front.*"))) == 1
    return capsys.readouterr().out


@pytest.mark.slow  # files of ONNX are written, checked and timed
def test_an_image_classifier_is_searched_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("onnxruntime", reason="latency is measured in ONNX Runtime")
    options = "--data digits --budget 2 --top-k 1 --epochs 1 --seeds 1"
    printed = printed_by("image_classifier", options, tmp_path, monkeypatch, capsys)
    assert "test accuracy" in printed
    assert (tmp_path / "model" / "model.onnx").is_file()


def test_a_keyword_spotter_is_searched_and_heard_by_strangers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--speakers 3 --budget 2 --epochs 1 --longer 1 --top-k 1 --seeds 1"
    printed = printed_by("keyword_spotter", options, tmp_path, monkeypatch, capsys)
    assert "120 clips to learn from" in printed
    assert "(95 %, 80 rows)" in printed  # two strangers, ten words, four times


def test_clips_follow_from_the_seed_and_the_speakers() -> None:
    words = module("spoken_words")
    one, labels = words.features(1, 2, seed=0)
    same, _ = words.features(1, 2, seed=0)
    other, _ = words.features(1, 2, seed=0, first=7)
    assert one.shape == (20, 1, 40, 50)
    assert labels.tolist() == [word for word in range(10) for _ in range(2)]
    assert torch.equal(one, same)
    assert not torch.allclose(one, other)
    assert bool(one.isfinite().all())


def test_a_resonator_with_a_fixed_centre_is_a_linear_filter() -> None:
    words = module("spoken_words")
    x, f, bandwidth = np.random.default_rng(0).normal(size=(500, 1)), 700.0, 90.0
    radius = np.exp(-np.pi * bandwidth / words.RATE)
    poles = np.poly(radius * np.exp([2j * np.pi * f / words.RATE, -2j * np.pi * f / words.RATE]))
    expected = lfilter([poles.sum()], poles.real, x[:, 0]).real
    found = words._resonated(x, np.full_like(x, f), np.full_like(x, bandwidth))
    np.testing.assert_allclose(found[:, 0], expected, rtol=1e-9)


def test_a_tone_is_loudest_in_the_band_of_its_pitch() -> None:
    words = module("spoken_words")
    t = torch.arange(words.RATE) / words.RATE
    tones = torch.stack([torch.sin(2 * torch.pi * f * t) for f in (300.0, 1_000.0, 3_000.0)])
    loudest = words.log_mel(tones)[:, :, 10:40].mean(dim=2).argmax(dim=1)
    mel = [2595 * np.log10(1 + f / 700) for f in (60, 300, 1_000, 3_000, 3_900)]
    expected = [41 * (m - mel[0]) / (mel[-1] - mel[0]) - 1 for m in mel[1:-1]]
    assert np.abs(loudest.numpy() - expected).max() <= 0.6


def test_a_table_is_searched_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--data wine --splits 2 --budget 2 --epochs 1 --networks 2"
    printed = printed_by("tabular", options, tmp_path, monkeypatch, capsys)
    *_, network, boosting, logistic = printed.splitlines()
    assert network.startswith("network: ")
    assert boosting.startswith("boosting: ")
    assert "; minus network: " in logistic


def test_a_language_model_is_searched_and_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = "--bytes 12_000 --budget 2 --epochs 1 --longer 1"
    printed = printed_by("language_model", options, tmp_path, monkeypatch, capsys)
    assert "bits per byte of that text" in printed
    assert "The statement " in printed


@pytest.mark.parametrize("attention", ["multi_head", "grouped_query", "sliding_window"])
@pytest.mark.parametrize("experts", [1, 4])
def test_a_decoder_computes_what_its_network_computes(attention: str, experts: int) -> None:
    model = module("language_model")
    space = model.TransformerSpace(**{**model.SETTINGS, "depths": (2,), "attentions": (attention,)})
    choices = {name: experts for name in space.parameters if name.endswith("_experts")}
    network = space.build(space.completed(choices)).eval()
    ids, logits = torch.randint(256, (1, 40), generator=torch.Generator().manual_seed(0)), []
    decoder = model.Decoder(network, 40)
    with torch.no_grad():
        for decoder.position in range(40):
            logits.append(decoder(ids[:, decoder.position, None]))
        torch.testing.assert_close(torch.cat(logits, dim=1), network(ids), atol=1e-5, rtol=1e-4)


def test_bits_per_byte_of_a_uniform_guess_are_eight() -> None:
    model = module("language_model")
    assert model.bits_per_byte(torch.zeros(2, 3, 256), torch.zeros(2, 3).long()) == pytest.approx(8)


def cartpole() -> ModuleType:
    pytest.importorskip("gymnasium", reason="the policy plays an environment of gymnasium")
    return module("cartpole")


def test_a_policy_is_searched_and_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("gymnasium", reason="the policy plays an environment of gymnasium")
    options = "--budget 2 --steps 1024 --seeds 2 --again 2 --rates 0.01"
    printed = printed_by("cartpole", options, tmp_path, monkeypatch, capsys)
    assert "(64, 64), 4610 parameters, rate 0.01: " in printed


def test_without_gymnasium_the_program_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "gymnasium", None)
    with pytest.raises(SystemExit, match=r'pip install "bonas\[rl\]"'):
        runpy.run_path(str(GALLERY / "cartpole.py"))


@pytest.mark.parametrize(
    ("name", "options"),
    [("cartpole", "--seeds 1"), ("cartpole", "--again 1"), ("tabular", "--splits 1")],
)
def test_a_single_value_has_no_spread(
    name: str,
    options: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if name == "cartpole":
        pytest.importorskip("gymnasium", reason="the policy plays an environment of gymnasium")
    with pytest.raises(SystemExit):
        printed_by(name, options, tmp_path, monkeypatch, capsys)
    assert "expected at least 2" in capsys.readouterr().err


def test_the_step_after_an_episode_is_no_transition() -> None:
    worlds = cartpole().Worlds(seed=0)
    right, steps, alive_before, ends = torch.ones(8, dtype=torch.int64), 0, [], []
    for _ in range(40):  # a pole that is always pushed to the right falls within ten steps
        state, reward, fell, ended, alive = worlds.step(right)
        steps += alive
        late = alive == 0
        assert bool((reward == alive).all())
        assert bool((state[late].abs() <= 0.05).all())  # drawn anew, whatever the action
        assert not bool(ended[late].any())
        alive_before.append(alive)
        ends.append(ended)
        assert bool((ended == fell).all())  # none lasts 500 steps
    ended = torch.stack(ends)
    assert torch.equal(1 - torch.stack(alive_before)[1:], ended[:-1])
    unfinished = worlds.running.sum()
    assert sum(worlds.returns) + unfinished == float(steps.sum())
    assert len(worlds.returns) == int(ended.sum()) >= 24


def test_a_policy_learns_from_every_transition_and_from_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    example = cartpole()
    seen: list[torch.Tensor] = []
    whole = example.ppo_loss

    def watched(policy: nn.Module, critic: nn.Module, *rows: torch.Tensor) -> torch.Tensor:
        seen.append(rows[0])
        loss: torch.Tensor = whole(policy, critic, *rows)
        return loss

    steps: list[torch.Tensor] = []

    class Watched(example.Worlds):  # type: ignore[name-defined, misc]  # a class of the example
        def step(self, actions: torch.Tensor) -> list[torch.Tensor]:
            before = self.state
            found: list[torch.Tensor] = super().step(actions)
            steps.append(before[found[-1].bool()])
            return found

    monkeypatch.setattr(example, "ppo_loss", watched)
    monkeypatch.setattr(example, "Worlds", Watched)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        policy = nn.Linear(4, 2)
        example.train(policy, 0.01, 1_024, seed=0)
    once = torch.cat(seen[: len(seen) // example.PASSES])
    transitions = torch.cat(steps)
    assert len(transitions) < 1_024  # some episodes ended
    assert sorted(map(tuple, once.tolist())) == sorted(map(tuple, transitions.tolist()))


def test_advantages_are_sums_of_discounted_errors() -> None:
    example = cartpole()
    draws = torch.Generator().manual_seed(0)
    rewards, values, following = (torch.rand(6, 1, generator=draws) for _ in range(3))
    fell = torch.tensor([[0.0], [1], [0], [0], [0], [0]])
    ended = torch.tensor([[0.0], [1], [0], [1], [0], [0]])  # the second episode was cut off
    found = example.advantages(rewards, fell, ended, values, following)
    errors = [
        float(rewards[t] + (0.0 if fell[t] else 0.99 * following[t]) - values[t]) for t in range(6)
    ]
    decay = 0.99 * 0.95
    episodes = [[0, 1], [2, 3], [4, 5]]
    expected = [
        sum(decay ** (later - t) * errors[later] for later in episode if later >= t)
        for episode in episodes
        for t in episode
    ]
    np.testing.assert_allclose(found[:, 0].numpy(), expected, rtol=1e-5)


def test_pages_show_their_program_and_small_pictures() -> None:
    pages = GALLERY.parents[1] / "docs" / "gallery"
    programs = {path.stem for path in GALLERY.glob("*.py")} - {"spoken_words"}
    assert {path.stem for path in pages.glob("*.md")} - {"index"} == programs
    for name in programs:
        text = (pages / f"{name}.md").read_text()
        assert f"{{literalinclude}} ../../examples/gallery/{name}.py" in text
        for picture in re.findall(r"\{figure\} (\S+)", text):
            assert (pages / picture).stat().st_size < 60_000
