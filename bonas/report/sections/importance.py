"""Importance: which choices matter for each objective, and what their options change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from bonas.evaluation.objective import Objective
from bonas.report.charts import Axis, Bars, Chart, Level, Points, Rows, folded, grid, short
from bonas.report.charts.axis import LARGEST, is_drawable
from bonas.report.counted import counted
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.section import Section
from bonas.report.statistics.choices import Parameter
from bonas.report.statistics.effects import Effect, grouped
from bonas.report.statistics.importance import LEAST, Estimate, Importance
from bonas.threads import one_thread

Values = npt.NDArray[np.float64]

_MOST = 160  # networks that the model reads
_SIZE = 4_000_000  # numbers in all kernel matrices
_BARS = 12  # parameters of a chart
_EFFECTS = 3  # parameters whose options are shown
_OPTIONS = 12  # of a parameter
_FAR = 3.0  # interquartile ranges from the quartiles, beyond which a value is far off
_LONGEST = 40  # characters of a name


def section(searched: Searched) -> Section | None:
    """Return which choices matter; None without parameters or without a value."""
    n = len(searched.finished)
    if not searched.parameters or n == 0:
        return None
    if n < LEAST:
        words = (
            f"Too few trials to say: {counted(n, 'network has', 'networks have')} a value for each "
            f"objective, and below {LEAST} the choices cannot be told apart."
        )
        return Section("importance", "Which choices matter", f"<p>{words}</p>")
    rows = _rows(searched)
    choices = [searched.finished[row].choices for row in rows]
    every = [grouped(Parameter.of(name, choices)) for name in searched.parameters]
    parameters = [parameter for parameter in every if parameter.varies()]
    if not parameters:
        return Section("importance", "Which choices matter", "<p>All choices were the same.</p>")
    parts = [_INTRODUCTION]
    for j, objective in enumerate(searched.objectives):
        parts.append(_objective(objective, parameters, searched.values[rows, j]))
    note = _note(len(rows), n, len(every) - len(parameters))
    return Section("importance", "Which choices matter", "".join([*parts, note]))


_INTRODUCTION = (
    "<p>A bar is the share of the differences between the networks tried that is lost to a model "
    "which does not know the choice. Its line is the 95&nbsp;% interval: where it reaches 0, the "
    "trials do not show that the choice matters.</p>"
)


def _rows(searched: Searched) -> npt.NDArray[np.int64]:
    """Return the rows of the finished trials that are read, in order."""
    n = len(searched.finished)
    most = min(_MOST, max(int((_SIZE / len(searched.parameters)) ** 0.5), LEAST))
    rng = np.random.default_rng(0)
    return np.sort(rng.permutation(n)[:most])


def _objective(objective: Objective, parameters: Sequence[Parameter], values: Values) -> str:
    name = escaped(shortened(objective.name, _LONGEST))
    if not all(map(is_drawable, values)):
        return f"<h3>{name}</h3><p>The values are too large to be compared.</p>"
    y = _without_outliers(values)
    if float(np.ptp(y)) <= max(1e-12 * float(np.abs(y).max()), 1 / LARGEST):
        return f"<h3>{name}</h3><p>All values are equal, so that no choice matters.</p>"
    with one_thread():
        found = Importance.of(parameters, y, seed=0)
    order = sorted(range(len(parameters)), key=lambda j: -found.shares[j].value)
    sure = [j for j in order if found.shares[j].is_sure]
    bars = _bars(objective, found, order[:_BARS])
    effects = [_effects(objective, found, j) for j in sure[:_EFFECTS]]
    others = order[_BARS:]
    words = _words(found, sure)
    if far := int((y != values).sum()):
        moved = counted(far, "value was", "values were")
        words += f" {moved} far off and moved nearer, so as not to decide alone."
    left = (
        f'<p class="muted">{counted(len(others), "choice")} with less not shown.</p>'
        if others
        else ""
    )
    return f"<h3>{name}</h3><p>{escaped(words)}</p>{grid([bars, *effects[:1]])}{left}" + folded(
        "Options of the next choices", grid(effects[1:])
    )


def _without_outliers(values: Values) -> Values:
    """Return the values, those that are far off as bad as the worst other one."""
    low, high = np.quantile(values, [0.25, 0.75])
    far = _FAR * (high - low)
    within = values[(values >= low - far) & (values <= high + far)]
    return np.clip(values, within.min(), within.max()) if far > 0 else values


def _words(found: Importance, sure: Sequence[int]) -> str:
    """Return what the bars say, and whether the model is worth believing."""
    explained = found.explained
    if explained.low <= 0:
        return (
            f"The choices do not predict this objective yet: of networks that it has not seen, the "
            f"model explains {_percent(explained.value)} of the differences "
            f"({_interval(explained)}). "
            + (
                "Only bars whose line stays above 0 say something."
                if sure
                else "The bars say little."
            )
        )
    model = (
        f"From the choices alone, {_percent(explained.value)} of the differences can be predicted "
        f"({_interval(explained)})."
    )
    if not sure:
        return f"{model} No single choice stands out."
    names = [shortened(found.parameters[j].name, _LONGEST) for j in sure[:_EFFECTS]]
    most = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    verb = "matters" if len(names) == 1 else "matter"
    return f"{most} {verb} most. {model}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _interval(estimate: Estimate) -> str:
    return f"95 % interval {100 * estimate.low:.0f} to {100 * min(estimate.high, 1.0):.0f} %"


def _bars(objective: Objective, found: Importance, rows: Sequence[int]) -> Chart:
    labels = [shortened(found.parameters[j].name, 60) for j in rows]
    shares = [found.shares[j] for j in rows]
    names = [
        f"{label}: {_percent(share.value)}, {_interval(share)}"
        for label, share in zip(labels, shares, strict=True)
    ]
    return Chart(
        f"Choices that matter for {shortened(objective.name, _LONGEST)}",
        Axis("share of the differences", "%"),
        Rows(labels),
        [
            Bars(
                [100 * min(share.value, 1.0) for share in shares],
                [100 * share.low for share in shares],
                [100 * min(share.high, 1.0) for share in shares],
                "series-1",
                names=names,
            ),
            Level(0.0, "x"),
        ],
        "; ".join(names[:3]),
    )


def _effects(objective: Objective, found: Importance, j: int) -> Chart:
    """Return the mean change by each option of a parameter."""
    effects = [each for each in found.effects[j] if each.n]
    if not found.parameters[j].is_ordered:
        effects.sort(
            key=lambda each: -each.mean if objective.direction == "maximize" else each.mean
        )
    effects = effects[:_OPTIONS]
    labels = [f"{shortened(each.option, 40)} (n = {each.n})" for each in effects]
    names = [f"{label}: {_change(e, objective)}" for label, e in zip(labels, effects, strict=True)]
    means = [each.mean for each in effects]
    name = shortened(found.parameters[j].name, _LONGEST)
    way = "more" if objective.direction == "maximize" else "less"
    return Chart(
        f"{name}: what its options change ({way} is better)",
        Axis(f"{shortened(objective.name, _LONGEST)} against the average", objective.unit),
        Rows(labels),
        [
            Level(0.0, "x"),
            Points(
                means,
                [float(row) for row in range(len(effects))],
                "series-1",
                names=names,
                x_errors=[each.high - each.mean for each in effects],
            ),
        ],
        "; ".join(names[:3]),
    )


def _change(effect: Effect, objective: Objective) -> str:
    half = effect.high - effect.mean
    return f"{effect.mean:+.3g} ± {short(half, 2)} {objective.unit}".rstrip()


def _note(read: int, n: int, same: int) -> str:
    """Return how it is computed."""
    text = (
        "Computed with a Gaussian process that is a sum over the choices and their interplay; "
        "importance by permutation in networks that it was not fitted to, over 12 splits. "
        "It is about the networks that this search tried, which are not random ones, and with few "
        "trials it shows less than there is. Effects are those of an option with all else as tried."
    )
    if read < n:
        text += f" Read: {read:,} of {n:,} networks, drawn at random."
    if same:
        text += f" {counted(same, 'choice was', 'choices were')} the same in all of them."
    return f'<p class="muted">{escaped(text)}</p>'
