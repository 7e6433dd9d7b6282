"""Facts about what is noted of the machine on which a time was measured."""

from __future__ import annotations

import json
import os

import torch

from bonas.evaluation.runtimes.fingerprint import fingerprint


def test_a_machine_is_named_with_its_threads_and_load() -> None:
    found = fingerprint(torch.device("cpu"), 2)
    assert found.keys() == {"cpu", "flags", "cores", "threads", "load"}
    assert found["cpu"]
    assert (found["threads"], found["cores"]) == (2, os.cpu_count())
    assert json.loads(json.dumps(found)) == found


def test_torchs_own_threads_are_noted_where_none_are_given() -> None:
    assert fingerprint(torch.device("cpu"), None)["threads"] == torch.get_num_threads()
