"""Model card: the README of an exported network, with the YAML head that Hugging Face reads.

Only what is known is written; there are no empty headings. Source: Mitchell et al. (2019), "Model
cards for model reporting", FAT*.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from bonas.evaluation.export.facts import Facts

_TASKS = {
    "classification": "classification",
    "multi_label": "multi-label classification",
    "regression": "regression",
    "next_token": "language modelling",
}
_SPECIAL = re.compile(r"([\\`*_{}\[\]<>|#])")


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export.

    Attributes:
        name: The file.
        text: What it holds.
        difference: Largest difference of its outputs to PyTorch's, as a share of their range.
        size: Bytes.
    """

    name: str
    text: str
    difference: float | None = None
    size: int | None = None


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What the README says.

    Attributes:
        facts: What is known of the network.
        files: The files of the export.
        usage: Source of a call of the network.
        parameters: The number of parameters.
        notes: What a user should know, in sentences.
        versions: A program -> its version.
    """

    facts: Facts
    files: tuple[ExportedFile, ...]
    usage: str
    parameters: int
    notes: tuple[str, ...]
    versions: Mapping[str, str]

    def text(self) -> str:
        """Return the card as Markdown."""
        parts = [self._head(), f"# {escaped(self.facts.title)}", self._opening(), self._usage()]
        parts += [self._values(), self._interface(), self._choices(), self._files()]
        parts += [self._training(), self._notes()]
        return "\n\n".join(part for part in parts if part) + "\n"

    def _head(self) -> str:
        lines = ["---", "library_name: pytorch", "tags:", "- neural-architecture-search", "- bonas"]
        if self.facts.data:
            lines += ["datasets:", f"- {_quoted(self.facts.data)}"]
        if self.facts.values:
            lines += ["metrics:", *(f"- {_quoted(value.name)}" for value in self.facts.values)]
        return "\n".join([*lines, "---"])

    def _opening(self) -> str:
        task = _TASKS.get(self.facts.task)
        purpose = f" for {task}" if task else ""
        data = f" on {escaped(self.facts.data)}" if self.facts.data else ""
        return (
            f"A neural network{purpose}{data} with {self.parameters:,} parameters, found by "
            f"architecture search with bonas."
        )

    def _usage(self) -> str:
        return f"```python\n{self.usage}\n```"

    def _values(self) -> str:
        rows = [
            [value.name, f"{value.value:.6g}", _spread(value.spread), value.unit]
            for value in self.facts.values
        ]
        return _table("Measured", ["", "value", "sd", "unit"], rows)

    def _interface(self) -> str:
        facts, lines = self.facts, []
        if facts.vocabulary:
            lines.append(f"Inputs are token ids 0 to {facts.vocabulary - 1}.")
        else:
            lines.append("Inputs are taken as they are: nothing is scaled or shifted before.")
        if facts.classes and facts.task != "next_token":
            lines.append(f"Outputs are scores of the labels 0 to {facts.classes - 1}.")
        if facts.scale is not None:
            lines.append(
                "Outputs are in the units of the targets: the network undoes the standardisation "
                f"of its training (mean {_numbers(facts.scale.mean)}, standard deviation "
                f"{_numbers(facts.scale.deviation)})."
            )
        return "## Inputs and outputs\n\n" + " ".join(lines)

    def _choices(self) -> str:
        rows = [[name, json.dumps(value)] for name, value in self.facts.choices.items()]
        return _table("Architecture", ["parameter", "choice"], rows)

    def _files(self) -> str:
        rows = [
            [
                f"`{file.name}`",
                file.text,
                "" if file.size is None else f"{file.size:,}",
                "" if file.difference is None else f"{file.difference:.1e}",
            ]
            for file in self.files
        ]
        table = _table("Files", ["file", "", "bytes", "difference"], rows, escape=False)
        return (
            f"{table}\n\nA difference is the largest one to the outputs of the original, "
            "as a share of their range."
        )

    def _training(self) -> str:
        known = {**self.facts.details, **self.versions}
        rows = [[name, value] for name, value in known.items()]
        return _table("Origin", ["", ""], rows)

    def _notes(self) -> str:
        if not self.notes:
            return ""
        return "## Notes\n\n" + "\n".join(f"- {escaped(note)}" for note in self.notes)


def escaped(text: str) -> str:
    """Return a text whose characters Markdown takes as they are, on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _SPECIAL.sub(r"\\\1", line)


def _quoted(text: str) -> str:
    """Return a text as a YAML scalar: JSON strings are YAML."""
    return json.dumps(text)


def _spread(spread: float | None) -> str:
    return "" if spread is None else f"{spread:.2g}"


def _numbers(values: tuple[float, ...]) -> str:
    shown = ", ".join(f"{value:.6g}" for value in values[:8])
    return f"{shown}, ..." if len(values) > 8 else shown


def _table(title: str, head: list[str], rows: list[list[str]], *, escape: bool = True) -> str:
    if not rows:
        return ""
    made = [[escaped(cell) if escape else cell for cell in row] for row in rows]
    lines = [f"| {' | '.join(cells)} |" for cells in [head, ["---"] * len(head), *made]]
    return f"## {title}\n\n" + "\n".join(lines)
