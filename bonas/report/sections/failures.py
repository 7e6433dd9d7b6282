"""Failures by their kind, with tracebacks; those of one cause are shown once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bonas.evaluation.failure import signal_name
from bonas.report.counted import counted
from bonas.report.markup import escaped, shortened
from bonas.report.searched import Searched
from bonas.report.searched_trial import SearchedTrial
from bonas.report.section import Section

_CAUSES = 40  # that are shown
_TRIALS = 20  # of a cause that are named
_LONGEST = 4_000  # characters of a traceback; its end names the error

_KINDS = {
    "out_of_memory": "Out of memory",
    "time_limit": "Over the time limit",
    "crash": "The process ended",
    "nan": "Not a finite number",
    "exception": "Exception",
}


def section(searched: Searched) -> Section | None:
    """Return the failures; None if nothing failed."""
    failed = searched.failed
    if not failed:
        return None
    causes: dict[tuple[str, str, str], list[SearchedTrial]] = {}
    for trial in failed:
        assert trial.failure is not None
        cause = (trial.failure.kind, trial.failure.phase, trial.failure.message)
        causes.setdefault(cause, []).append(trial)
    order = sorted(causes.values(), key=len, reverse=True)
    kinds = Counter(trial.failure.kind for trial in failed if trial.failure)
    parts = [f"<p>{escaped(_sentence(searched, len(order)))}</p>"]
    for kind, n in kinds.most_common():
        own = [each for each in order[:_CAUSES] if each[0].failure and each[0].failure.kind == kind]
        parts.append(f"<h3>{escaped(_KINDS.get(kind, kind))} <small>{n:,}</small></h3>")
        parts += map(_cause, own)
    if len(order) > _CAUSES:
        parts.append(f'<p class="muted">{len(order) - _CAUSES:,} more causes are not shown.</p>')
    return Section("failures", "Failures", "".join(parts))


def _sentence(searched: Searched, causes: int) -> str:
    n = counted(len(searched.failed), "evaluation")
    again = searched.count("failed") - len(searched.failed)
    text = f"{n} of {len(searched.trials):,} trials failed, for {counted(causes, 'cause')}."
    return f"{text} {counted(again, 'failure')} came before a further try." if again > 0 else text


def _cause(trials: Sequence[SearchedTrial]) -> str:
    """Return the failures of one cause, folded."""
    failure = trials[-1].failure
    assert failure is not None
    where = f"in {failure.phase}" if failure.phase else ""
    signal = "" if failure.signal is None else f"signal {signal_name(failure.signal)}"
    what = ", ".join(filter(None, [where, signal]))
    message = shortened(failure.message, 160) or "no message was stored"
    names = ", ".join(str(trial.number) for trial in trials[:_TRIALS])
    more = f" and {len(trials) - _TRIALS:,} more" if len(trials) > _TRIALS else ""
    noun = "trial" if len(trials) == 1 else "trials"
    text = failure.text
    cut = f"[{len(text) - _LONGEST:,} characters before this]\n" if len(text) > _LONGEST else ""
    traceback = f'<pre tabindex="0">{escaped(cut + text[-_LONGEST:])}</pre>' if text else ""
    return (
        f"<details><summary><code>{escaped(message)}</code>"
        f'<span class="muted">{escaped(f"{noun} {names}{more}")}'
        f"{escaped(f', {what}' if what else '')}</span></summary>{traceback}</details>"
    )
