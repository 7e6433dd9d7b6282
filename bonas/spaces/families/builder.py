"""A builder's runs: which choices it asks for, what network it makes of them, and where it fails.

All names and options are discovered in advance: every option of every name is taken at least once,
in the surroundings in which the name was met first, and combinations are drawn at random until 64
in a row bring nothing new.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np
from optuna.trial import BaseTrial
from torch import nn

from bonas.errors import BonasError, InvalidSpace
from bonas.settings import own_settings
from bonas.spaces.architecture import Choice, Choices
from bonas.spaces.families.choice_tree import ChoiceTree, Question
from bonas.spaces.families.chooser import Answer, Chooser, replayed, resumed
from bonas.spaces.families.named_options import Options
from bonas.spaces.families.ranges import Number, Numbers, middle
from bonas.spaces.tracing.unallocated import seeded, unallocated, without_memory

Function = Callable[[Any], nn.Module]
Asked = Options | Numbers

_Place = tuple[type[Exception], str, int]

_QUIET = 64  # draws in a row without a new name, and discovery ends
_SEED = 20203  # any fixed number: the same function must be discovered the same everywhere
_LENGTH = 200  # characters of a reason


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the choices that were asked for, and the network or why there is none."""

    choices: dict[str, Choice]
    network: nn.Module | None
    reason: str
    seconds: float


class Builder:
    """A function of a chooser that returns a network, and what its runs have shown.

    Attributes:
        name: The function's.
        asked: A name -> its options or its range, in the order in which they were met.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self.asked: dict[str, Asked] = {}
        self._before: dict[str, dict[str, Choice]] = {}  # the choices in which a name was met
        self._reasons: Counter[str] = Counter()
        self._tree = ChoiceTree()
        self._latest: Run | None = None
        self._own: set[_Place] = set()  # where the function itself raises, with memory or without
        self._discovered = False

    def build(
        self, answer: Answer, number: Number = middle, trial: BaseTrial | None = None
    ) -> nn.Module:
        """A network with memory, of an Optuna trial if there is one.

        Raises:
            InvalidSpace: if the function returns no network. What it raises is passed on.
        """
        return self._network(Chooser(answer, number, trial))

    @own_settings()
    def run(self, answer: Answer, number: Number = middle) -> Run:
        """One run without memory; an error of the function is the run's reason.

        A function may want to read values while it builds, and need not say so: what is raised
        without memory counts if the same place raises with memory, too.

        Raises:
            InvalidSpace: if the function asks for what it did not ask for before, or returns no
                network.
        """
        began = time.perf_counter()
        chooser = Chooser(answer, number)
        network, error = self._attempt(chooser, unallocated())
        if error is not None and (place := _place(error)) not in self._own:
            chooser = Chooser(resumed(chooser.choices, answer), number)
            network, again = self._attempt(chooser, seeded())
            if again is not None and _place(again) == place:
                self._own.add(place)
            error = again
        self._write_down(chooser)
        reason = "" if error is None else said(error)
        self._reasons.update([reason] if reason else [])
        run = Run(chooser.choices, network, reason, time.perf_counter() - began)
        if number is middle:
            self._latest = run
        return run

    def run_of(self, choices: Choices) -> Run:
        """The run of whole choices; the latest one is not made again."""
        if self._latest is not None and self._latest.choices == choices:
            return self._latest
        return self.run(replayed(choices))

    def completed(self, answer: Answer) -> dict[str, Choice]:
        """The answers to all questions; the function runs only where these are not known yet."""
        choices, whole = self._tree.walk(answer)
        return choices if whole else self.run(resumed(choices, answer)).choices

    def after(self, beginning: Choices) -> Question | None:
        """What is asked after the first choices of a combination; None at its end."""
        question, known = self._tree.after(beginning)
        if not known:
            self.run(replayed(beginning))
            question, _ = self._tree.after(beginning)
        return question

    def combinations(self) -> Iterator[dict[str, Choice]]:
        """Every combination once, the answer to the last question changing fastest."""
        beginnings: list[dict[str, Choice]] = [{}]
        while beginnings:
            beginning = beginnings.pop()
            question = self.after(beginning)
            if question is None:
                yield beginning
            else:
                options = reversed(question.options)
                beginnings += [{**beginning, question.name: option} for option in options]

    def spend(self) -> None:
        """Use the latest network for nothing more; it may keep what it computed."""
        self._latest = None

    def forget(self) -> None:
        """Free the memory of all runs; they are made again when they are needed."""
        self._tree.clear()
        self._latest = None

    def discover(self) -> None:
        """Find all names and options.

        Raises:
            InvalidSpace: for a function that asks for no choice, or that fails in every run.
        """
        rng = np.random.default_rng(_SEED)
        taken = set(self.completed(replayed({})).items())
        runs, quiet = 1, 0
        while quiet < _QUIET:
            known = len(self.asked)
            some = next(self._untaken(taken), None)
            choices, whole = self._tree.walk(replayed(some or {}, rng))
            if not whole:
                choices = self.run(resumed({**(some or {}), **choices}, replayed({}, rng))).choices
                runs += 1
            taken.update(choices.items())
            quiet = quiet + 1 if some is None and len(self.asked) == known else 0
        self._check_discovered(runs)
        self._discovered = True

    def _untaken(self, taken: set[tuple[str, Choice]]) -> Iterator[dict[str, Choice]]:
        """Choices that lead to an option that no run has taken."""
        for name, before in self._before.items():
            options = self.asked[name]
            assert isinstance(options, tuple)  # ranges have no surroundings
            yield from ({**before, name: x} for x in options if (name, x) not in taken)

    def _check_discovered(self, runs: int) -> None:
        if self._reasons.total() == runs:
            raise InvalidSpace(
                f"{self.name} fails for all of {runs} choices: {told(self._reasons)}"
            )
        if not self._before:
            raise InvalidSpace(
                f"{self.name} asks for no choice with at least two options; "
                'call choose("name", [...]) where networks differ'
            )

    def _attempt(
        self, chooser: Chooser, where: AbstractContextManager[None]
    ) -> tuple[nn.Module | None, Exception | None]:
        try:
            with where:
                return without_memory(self._network(chooser)), None
        except BonasError:
            raise
        except Exception as error:
            return None, error

    def _network(self, chooser: Chooser) -> nn.Module:
        network: object = self.function(chooser)
        if not isinstance(network, nn.Module):
            raise InvalidSpace(f"{self.name} must return a torch.nn.Module, got {network!r}")
        return network

    def _write_down(self, chooser: Chooser) -> None:
        questions = [(n, options) for n, options in chooser.asked.items() if n in chooser.choices]
        self._tree.add(questions, chooser.choices)
        for name, now in (*chooser.asked.items(), *chooser.numeric.items()):
            if name not in self.asked and not self._discovered:
                self.asked[name] = now
            elif self.asked.get(name) != now:
                raise self._changed(name, now)
        for i, name in enumerate(chooser.choices):
            if name not in self._before:
                self._before[name] = dict(list(chooser.choices.items())[:i])

    def _changed(self, name: str, now: Asked) -> InvalidSpace:
        if name not in self.asked:
            return InvalidSpace(
                f"{self.name} asks for {name!r} of {_listed(now)}, which no run asked for while "
                f"its choices were discovered ({list(self.asked)}); it is asked for too rarely: "
                "ask for it under fewer conditions"
            )
        return InvalidSpace(
            f"{self.name} asks for {name!r} of {_listed(now)}, but of {_listed(self.asked[name])} "
            "in another network; give each list of options a name of its own, as in "
            'choose(f"kernel{stage}", ...)'
        )


def _place(error: Exception) -> _Place:
    """Its kind, and the line that raised it."""
    trace = error.__traceback__
    assert trace is not None  # it was caught
    while trace.tb_next is not None:
        trace = trace.tb_next
    return type(error), trace.tb_frame.f_code.co_filename, trace.tb_lineno


def said(error: Exception) -> str:
    """The kind and the first line of an error."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:_LENGTH]


def told(reasons: Counter[str]) -> str:
    """Reasons with their counts, the most frequent first."""
    return "; ".join(f"{n} x {reason}" for reason, n in reasons.most_common(5))


def _listed(asked: Asked) -> object:
    return list(asked) if isinstance(asked, tuple) else asked
