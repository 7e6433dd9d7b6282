"""The encoding of architectures, which proposals need."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from bonas.checking.events import EventLog
from bonas.encoders import Blocks
from bonas.spaces import Choices
from bonas.studies.search import Search


@dataclass(frozen=True)
class EncodingProbe:
    """Encodes some architectures as the search does.

    Attributes:
        search: The search.
        choices: Of the architectures.
    """

    search: Search
    choices: Sequence[Choices]

    def run(self, log: EventLog) -> None:
        """Write the step encoding: its features, the seconds once and those per network."""
        with log.step("encoding") as facts:
            encoders = self.search.proposer().encoders
            if not encoders:
                return
            space, began = self.search.space, time.perf_counter()
            blocks = Blocks(space, encoders)
            facts["once"], facts["features"] = time.perf_counter() - began, blocks.width
            architectures = [space.architecture(choices) for choices in self.choices]
            began = time.perf_counter()
            features = blocks.encode(architectures)
            facts["each"] = (time.perf_counter() - began) / max(1, len(architectures))
            facts["different"] = len({tuple(row) for row in features.tolist()})
            facts["distinct"] = len({each.key for each in architectures})
