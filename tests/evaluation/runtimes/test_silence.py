"""Facts about silence: whose output it drops, and that it ends."""

from __future__ import annotations

import logging
import sys
import threading
import warnings

import pytest

from bonas.evaluation.runtimes.silence import silence


def test_only_the_own_thread_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    with silence():
        print("own")
        print("own", file=sys.stderr)
        warnings.warn("own", stacklevel=1)
        logging.getLogger("torch.onnx").error("own")
        other = threading.Thread(target=print, args=("other",))
        other.start()
        other.join()
    print("after")
    assert capsys.readouterr() == ("other\nafter\n", "")


def test_threads_that_are_silent_at_once_leave_all_as_it_was() -> None:
    """Let the second begin while the first is inside, and the first end before the second."""
    before = sys.stdout, sys.stderr, logging.getLogger().level
    inside, waiting = threading.Event(), threading.Event()

    def first() -> None:
        with silence():
            inside.set()
            waiting.wait(1)

    def second() -> None:
        inside.wait(1)
        waiting.set()
        with silence():
            pass

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sys.stdout, sys.stderr, logging.getLogger().level) == before
