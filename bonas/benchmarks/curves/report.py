"""The tables of ``bonas bench curves``, as text: means with the 95 % interval of the mean."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np

from bonas.benchmarks.curves.quality import Quality
from bonas.benchmarks.curves.rules import Gap, Saving


def quality_table(found: Sequence[Quality]) -> str:
    """Return a row per number of finished trainings and of epochs."""
    lines = ["finished  epochs  draws  Spearman       better half    coverage of 80 %  width", ""]
    for size, epochs in dict.fromkeys((q.finished, q.epochs) for q in found):
        group = [q for q in found if (q.finished, q.epochs) == (size, epochs)]
        width = float(np.mean([q.width for q in group]))
        lines.append(
            f"{size:8d}  {epochs:6d}  {len(group):5d}  {_mean(q.spearman for q in group)}  "
            f"{_mean(q.better_half for q in group)}  {_mean(q.coverage for q in group)}     "
            + ("    -" if math.isnan(width) else f"{width:5.2f}")
        )
    return "\n".join(lines)


def saving_table(found: Sequence[Saving]) -> str:
    """Return a row per rule: epochs used, hypervolume and best accuracy lost, calibration."""
    lines = ["rule        runs  epochs %        HV lost %       worst %  best lost  coverage", ""]
    for rule in dict.fromkeys(saving.rule for saving in found):
        group = [saving for saving in found if saving.rule == rule]
        covered = [s.calibration.coverage for s in group if s.calibration is not None]
        lines.append(
            f"{rule:10}  {len(group):4d}  {_mean((s.epochs for s in group), 1)}  "
            f"{_mean((s.lost for s in group), 3)}  {max(s.lost for s in group):7.2f}  "
            f"{np.mean([s.best for s in group]):9.3f}  "
            + (f"{np.mean(covered):8.2f}" if covered else "       -")
        )
    return "\n".join(lines)


def gap_table(found: Sequence[Gap]) -> str:
    """Return a row per rule and number of workers: the gap at each checkpoint."""
    checkpoints = sorted({at for gap in found for at in gap.after})
    head = "".join(f"  gap % at {at:<9d}" for at in checkpoints)
    lines = [f"rule        workers  runs{head}", ""]
    for rule, workers in dict.fromkeys((gap.rule, gap.workers) for gap in found):
        group = [gap for gap in found if (gap.rule, gap.workers) == (rule, workers)]
        row = "".join(f"  {_mean((gap.after[at] for gap in group), 1):16}" for at in checkpoints)
        lines.append(f"{rule:10}  {workers:7d}  {len(group):4d}{row}")
    return "\n".join(lines)


def _mean(values: Iterable[float], digits: int = 3) -> str:
    """Return mean and half the width of its 95 % interval; a dash where there is nothing."""
    known = np.array([value for value in values if not math.isnan(value)])
    if not len(known):
        return "-".ljust(8 + 2 * digits - 1)
    half = 1.96 * known.std(ddof=1) / math.sqrt(len(known)) if len(known) > 1 else math.nan
    return f"{known.mean():.{digits}f} ± {half:.{digits}f}"
