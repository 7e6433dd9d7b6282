"""ExportFailed: what an exporter cannot do, in one line; theirs are pages of text."""

from __future__ import annotations

import re

from bonas.errors import BonasError

_OPERATOR = re.compile(r"\b(?:torch\.ops\.)?((?:aten|prims|torchvision|quantized)[.:]+\w+)")
_NODE = re.compile(r"\bfor (\w+\(\d+\)) node|\bof type:\s*(\w+)|\bOpType:? ?(\w+)")
_BRANCH = "data-dependent"  # how torch.export calls an if on the values of a tensor
_FALLBACK = 'measure it with runtime="eager", or build the network without it'
_CHAIN = 8  # causes that are looked at


class ExportFailed(BonasError, RuntimeError):
    """A network cannot be exported, or the export computes something else.

    Attributes:
        operator: The operator in the way, as PyTorch names it; "" if none was named.
    """

    operator: str = ""


def failed(error: BaseException, tool: str, fallback: str = _FALLBACK) -> ExportFailed:
    """Return the error for a network that a tool cannot do; it names the operator in the way."""
    operator, line = _reason(error)
    what = f"the operator {operator}" if operator else "all operations"
    if operator == _BRANCH:
        what = "each branch (torch.cond instead of an if on the values of a tensor)"
    cannot = ExportFailed(
        f"expected a network of which {tool} can do {what}, got {line}; {fallback}"
    )
    cannot.operator = operator
    return cannot


def _reason(error: BaseException) -> tuple[str, str]:
    """Return the operator that an error names ("" for none), and the first line of its cause."""
    texts: list[str] = []
    seen: BaseException | None = error
    while seen is not None and len(texts) < _CHAIN:
        texts.append(str(seen))
        seen = seen.__cause__ or seen.__context__
    lines = [line.strip() for text in reversed(texts) for line in text.splitlines()]
    first = next((line for line in lines if line and not line.startswith("#")), "no message")
    return _operator("\n".join(texts)), f"{type(error).__name__}: {first[:300]}"


def _operator(text: str) -> str:
    if _BRANCH in text:
        return _BRANCH
    if found := _OPERATOR.search(text):
        return found[1]
    node = _NODE.search(text)
    return next((name for name in node.groups() if name), "") if node else ""
