"""A builder and its runs: which choices it asks for, which network it returns, where it fails.

All names and options are discovered in advance: every option of every name is taken at least once,
after the choices that led to the name first, and combinations are drawn at random until 64 in a row
show no new name.
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
from bonas.spaces.families.listener import listening
from bonas.spaces.families.named_options import Options
from bonas.spaces.families.ranges import Number, Numbers, middle
from bonas.spaces.tracing.unallocated import seeded, unallocated, without_memory

Function = Callable[[Any], nn.Module]
Asked = Options | Numbers

_Origin = tuple[type[Exception], str, int]  # class, file and line of an error

_QUIET = 64  # draws in a row without a new name after which discovery ends
_SEED = 20203  # any fixed number: discovery must be the same in every process
_LENGTH = 200  # characters of a failure


@dataclass(frozen=True, slots=True)
class Run:
    """One run: the choices that it asked for, and the network or why there is none."""

    choices: dict[str, Choice]
    network: nn.Module | None
    failure: str
    seconds: float


class Builder:
    """A function of a chooser that returns a network, and what its runs have shown.

    Attributes:
        name: The name of the function.
        asked: A name -> its options or its range, in the order of discovery.
    """

    def __init__(self, function: Function) -> None:
        self.function = function
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self.asked: dict[str, Asked] = {}
        self._contexts: dict[str, dict[str, Choice]] = {}  # the first choices that led to a name
        self._failures: Counter[str] = Counter()
        self._tree = ChoiceTree()
        self._latest: Run | None = None
        self._genuine: set[_Origin] = set()  # errors that the function raises with memory, too
        self._discovered = False

    def build(
        self, answer: Answer, number: Number = middle, trial: BaseTrial | None = None
    ) -> nn.Module:
        """Build a network with memory, for an Optuna trial if there is one.

        Raises:
            InvalidSpace: if the function returns no network. Errors of the function are passed on.
        """
        return self._network(Chooser(answer, number, trial))

    @own_settings()
    def run(self, answer: Answer, number: Number = middle) -> Run:
        """Run the function without memory; an error that it raises is the run's failure.

        A function may read values while it builds, without declaring so: an error raised without
        memory counts only if the same line raises with memory, too.

        Raises:
            InvalidSpace: if the function asks for a choice that was not discovered, or returns no
                network.
        """
        began = time.perf_counter()
        chooser = Chooser(answer, number)
        network, error = self._attempt(chooser, unallocated())
        if error is not None and (origin := _origin(error)) not in self._genuine:
            chooser = Chooser(resumed(chooser.choices, answer), number)
            network, again = self._attempt(chooser, seeded())
            if again is not None and _origin(again) == origin:
                self._genuine.add(origin)
            error = again
        self._record(chooser)
        failure = "" if error is None else summary(error)
        self._failures.update([failure] if failure else [])
        run = Run(chooser.choices, network, failure, time.perf_counter() - began)
        if number is middle:
            self._latest = run
        return run

    def run_of(self, choices: Choices) -> Run:
        """Run the function on complete choices, unless that was the latest run."""
        if self._latest is not None and self._latest.choices == choices:
            return self._latest
        return self.run(replayed(choices))

    def completed(self, answer: Answer) -> dict[str, Choice]:
        """Answer all questions, running the function only where they are not known yet."""
        choices, complete = self._tree.walk(answer)
        return choices if complete else self.run(resumed(choices, answer)).choices

    def next_question(self, prefix: Choices) -> Question | None:
        """Return the question after the first choices of a combination; None at its end."""
        question, known = self._tree.next_question(prefix)
        if not known:
            self.run(replayed(prefix))
            question, _ = self._tree.next_question(prefix)
        return question

    def combinations(self) -> Iterator[dict[str, Choice]]:
        """Yield every combination once, the answer to the last question changing fastest."""
        prefixes: list[dict[str, Choice]] = [{}]
        while prefixes:
            prefix = prefixes.pop()
            question = self.next_question(prefix)
            if question is None:
                yield prefix
            else:
                options = reversed(question.options)
                prefixes += [{**prefix, question.name: option} for option in options]

    def release(self) -> None:
        """Drop the latest network, which is about to run and may change by that."""
        self._latest = None

    def forget(self) -> None:
        """Free the memory of all runs; they are repeated when they are needed."""
        self._tree.clear()
        self._latest = None

    def discover(self) -> None:
        """Discover all names and options.

        Raises:
            InvalidSpace: if the function asks for no choice, or fails in every run.
        """
        rng = np.random.default_rng(_SEED)
        taken = set(self.completed(replayed({})).items())
        runs, quiet = 1, 0
        while quiet < _QUIET:
            known = len(self.asked)
            some = next(self._unvisited(taken), None)
            choices, complete = self._tree.walk(replayed(some or {}, rng))
            if not complete:
                choices = self.run(resumed({**(some or {}), **choices}, replayed({}, rng))).choices
                runs += 1
            taken.update(choices.items())
            quiet = quiet + 1 if some is None and len(self.asked) == known else 0
        self._check_discovered(runs)
        self._discovered = True

    def _unvisited(self, taken: set[tuple[str, Choice]]) -> Iterator[dict[str, Choice]]:
        """Yield choices that lead to an option that no run has taken."""
        for name, context in self._contexts.items():
            options = self.asked[name]
            assert isinstance(options, tuple)  # ranges have no context
            yield from ({**context, name: x} for x in options if (name, x) not in taken)

    def _check_discovered(self, runs: int) -> None:
        if self._failures.total() == runs:
            raise InvalidSpace(
                f"{self.name} fails for all of {runs} choices: {most_frequent(self._failures)}"
            )
        if not self._contexts:
            raise InvalidSpace(
                f"{self.name} asks for no choice with at least two options; "
                'call choose("name", [...]) where networks differ'
            )

    def _attempt(
        self, chooser: Chooser, where: AbstractContextManager[None]
    ) -> tuple[nn.Module | None, Exception | None]:
        try:
            with where, listening(None):
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

    def _record(self, chooser: Chooser) -> None:
        questions = [(n, options) for n, options in chooser.asked.items() if n in chooser.choices]
        self._tree.add(questions, chooser.choices)
        for name, now in (*chooser.asked.items(), *chooser.numeric.items()):
            if name not in self.asked and not self._discovered:
                self.asked[name] = now
            elif self.asked.get(name) != now:
                raise self._changed(name, now)
        for i, name in enumerate(chooser.choices):
            if name not in self._contexts:
                self._contexts[name] = dict(list(chooser.choices.items())[:i])

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


def _origin(error: Exception) -> _Origin:
    """Identify an error by its class and the line that raised it."""
    trace = error.__traceback__
    assert trace is not None  # it was caught
    while trace.tb_next is not None:
        trace = trace.tb_next
    return type(error), trace.tb_frame.f_code.co_filename, trace.tb_lineno


def summary(error: Exception) -> str:
    """Return the class of an error, and the first line of its message."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"[:_LENGTH]


def most_frequent(failures: Counter[str]) -> str:
    """Format the most frequent failures with their counts."""
    return "; ".join(f"{n} x {failure}" for failure, n in failures.most_common(5))


def _listed(asked: Asked) -> object:
    return list(asked) if isinstance(asked, tuple) else asked
