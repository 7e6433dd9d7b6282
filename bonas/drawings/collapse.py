"""Named blocks of which a row is enough.

That is a block that was drawn before at another width, as the cell of a stage with twice the
channels; and one that is the same in all networks of the space, unless something in it is marked.
The row has its own width.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from bonas.drawings.diagram import Box, Group, Item, Level, Row, rows_of
from bonas.drawings.kinds import Kind

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def collapsed(level: Level) -> Level:
    """Return the level with one row in place of each block of which a row is enough.

    Where blocks of one title are of several forms, letters distinguish them.
    """
    forms: dict[str, dict[str, int]] = defaultdict(dict)  # title -> form -> how many are drawn
    for group in _groups(level):
        own = forms[group.title]
        own[_form(group)] = own.get(_form(group), 0) + 1
    letters = {
        form: f" {letter}"
        for own in forms.values()
        if len(own) > 1 and max(own.values()) > 1
        for form, letter in zip(own, _LETTERS, strict=False)
    }
    return _collapsed(level, set(), letters)


def _groups(level: Level) -> Iterator[Group]:
    """Yield the titled groups in the order of the drawing, the outer ones alone."""
    for item in level.items:
        if isinstance(item, Group):
            if item.title:
                yield item
            else:
                yield from _groups(item.level)


def _form(group: Group) -> str:
    return replace(group, times=1).form(group.width) if group.width else ""


def _collapsed(level: Level, seen: set[str], letters: dict[str, str]) -> Level:
    items: list[Item] = []
    for item in level.items:
        if isinstance(item, Group) and item.title:
            form = _form(item)
            title = item.title + letters.get(form, "")
            if (form and form in seen) or (item.fixed and not item.marked):
                items.append(_box(item, title))
            else:
                seen.add(form)
                items.append(replace(item, title=title))
        elif isinstance(item, Group):
            items.append(replace(item, level=_collapsed(item.level, seen, letters)))
        else:
            items.append(item)
    return _merged(replace(level, items=tuple(items)))


def _box(group: Group, title: str) -> Box:
    """Return the row that stands for a group; what is in it stands in the tooltip."""
    row = Row(
        -1,
        Kind.BLOCK,
        title,
        f"{title}: {'; '.join(row.text for row, _ in rows_of(group.level))}",
        group.shape,
        group.marked,
        width=group.width,
        stands_for=group.operations,
    )
    return Box((row,), group.times)


def _merged(level: Level) -> Level:
    """Return the level with rows that follow each other counted, whatever the first one reads."""
    parts: list[tuple[list[int], Item]] = []
    for i, item in enumerate(level.items):
        if parts and isinstance(item, Box) and item.last.kind is Kind.BLOCK:
            positions, before = parts[-1]
            follows = level.sources[i] == [i - 1] and level.targets[i - 1] == [i]
            if follows and isinstance(before, Box) and before.rows == item.rows:
                merged = replace(before, times=before.times + item.times)
                parts[-1] = ([*positions, i], merged)
                continue
        parts.append(([i], item))
    return level.replaced(parts)
