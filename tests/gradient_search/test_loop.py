from typing import Any

import pytest
import torch
from torch import Tensor

from bonas.errors import InvalidArgument, NotFinite
from bonas.gradient_search.loop import Logits, Loop, check_length, checked_rule, rule_name
from bonas.gradient_search.stopping import Check, SkipRule


class Counted:
    """A descent whose logit is the number of steps."""

    options = {"edge": ("skip_connect",)}  # noqa: RUF012  # of one object
    steps_per_pass = 4

    def __init__(self, loss: float = 1.0) -> None:
        self.loss = loss
        self.logits: Logits = {"edge": (0.0,)}
        self.progress: list[float] = []

    def step(self, progress: float) -> Tensor:
        self.progress.append(progress)
        self.logits = {"edge": (float(len(self.progress)),)}
        return torch.tensor(self.loss)

    def eigenvalue(self) -> float:
        return 7.0

    def restore(self, logits: Logits) -> None:
        self.logits = logits


class StopAtThird:
    """A rule that stops at the third check and goes back to the one before."""

    def __init__(self, needs_eigenvalue: bool = False) -> None:
        self.needs_eigenvalue = needs_eigenvalue
        self.checks: list[Check] = []

    def __call__(self, check: Check) -> int | None:
        self.checks.append(check)
        return 1 if len(self.checks) == 3 else None


def test_a_loop_takes_all_steps_and_says_how_far_it_is() -> None:
    descent = Counted()
    loop = Loop(descent, None)
    loop.run(8, None)
    assert descent.progress == [i / 8 for i in range(8)]
    assert (len(loop.losses), loop.is_stopped) == (8, False)


def test_without_a_length_the_rows_are_read_fifty_times() -> None:
    descent = Counted()
    Loop(descent, None).run(None, None)
    assert len(descent.progress) == 50 * 4


def test_a_rule_is_asked_25_times_and_may_put_back_logits() -> None:
    descent, rule = Counted(), StopAtThird(needs_eigenvalue=True)
    loop = Loop(descent, rule)
    loop.run(100, None)
    assert loop.is_stopped
    assert [check.logits["edge"] for check in rule.checks] == [(4.0,), (8.0,), (12.0,)]
    assert [check.eigenvalue for check in rule.checks] == [7.0] * 3
    assert descent.logits == {"edge": (8.0,)}


def test_a_loss_that_is_not_finite_ends_the_loop_within_a_pass() -> None:
    descent = Counted(float("nan"))
    with pytest.raises(NotFinite, match="got nan at step 4; lower the learning rate"):
        Loop(descent, None).run(100, None)


def test_a_bar_shows_steps_and_loss(capsys: pytest.CaptureFixture[str]) -> None:
    Loop(Counted(), None, bar="gdas").run(8, None)
    shown = capsys.readouterr().err
    assert "gdas: 100%" in shown
    assert "8/8" in shown
    assert "loss 1.000" in shown
    Loop(Counted(), None).run(8, None)
    assert capsys.readouterr().err == ""


def test_rules_have_names() -> None:
    assert isinstance(checked_rule("skips"), SkipRule)
    assert checked_rule(None) is None
    assert (rule_name("skips"), rule_name(StopAtThird())) == ("skips", "StopAtThird")


@pytest.mark.parametrize("stop", [StopAtThird, 3])
def test_what_is_no_rule_is_refused(stop: Any) -> None:
    with pytest.raises(InvalidArgument, match="expected a stopping rule or one of"):
        checked_rule(stop)


@pytest.mark.parametrize(("steps", "seconds"), [(0, None), (1.5, None), (None, 0.0), (None, "1")])
def test_a_length_out_of_its_range_is_refused(steps: Any, seconds: Any) -> None:
    with pytest.raises(InvalidArgument):
        check_length(steps, seconds)
