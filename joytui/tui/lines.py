"""Paragraphs made for a width: wrapped by us, so that what follows is under what it belongs to. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from textwrap import wrap

from textual.content import Content

NARROWEST = 12


SIGNS = (",;{&", "/?=")
"""Behind which signs a word that is longer than a line is cut: an address stays whole where a table's comma is near."""


def filled(text: str, width: int) -> list[str]:
    """The lines of a text in this many cells; its own line breaks stay. A word is cut only where it is longer than a line,
    then behind one of its signs, never at a hyphen, and in the midst of letters only where nothing else is left."""
    room = max(NARROWEST, width)
    return [part for line in text.split("\n") for part in _wrapped(line, room)]


def _wrapped(line: str, room: int) -> list[str]:
    rows = wrap(line, room, break_on_hyphens=False, break_long_words=False) or [""]
    for number, row in enumerate(rows):
        if len(row) > room:
            *pieces, last = _cut(row, room, SIGNS)
            return [*rows[:number], *pieces, *_wrapped(" ".join([last, *rows[number + 1 :]]), room)]
    return rows


def _cut(word: str, room: int, signs: tuple[str, ...]) -> list[str]:
    """A word that is longer than a line in pieces that fit."""
    if not signs:
        return [word[at : at + room] for at in range(0, len(word), room)]
    rows = [""]
    for piece in re.findall(f"[^{signs[0]}]*[{signs[0]}]+|[^{signs[0]}]+", word):
        if len(rows[-1]) + len(piece) <= room:
            rows[-1] += piece
        else:
            rows += [piece] if len(piece) <= room else _cut(piece, room, signs[1:])
    return [row for row in rows if row]


BETWEEN = Content.styled("  ·  ", "$quiet")


def fitting(parts: Sequence[Content], width: int) -> Content:
    """One line of parts, the most important first; the last ones are left out where there is no room, and none is cut but
    the first."""
    for many in range(len(parts), 1, -1):
        line = BETWEEN.join(parts[:many])
        if line.cell_length <= width:
            return line
    return parts[0].truncate(max(0, width), ellipsis=True) if parts else Content("")


def flowed(parts: Sequence[Content], width: int) -> Content:
    """Parts one after another, in as many lines as they take; a line ends between two of them."""
    rows = [*parts[:1]]
    for part in parts[1:]:
        longer = Content.assemble(rows[-1], BETWEEN, part)
        if longer.cell_length <= width:
            rows[-1] = longer
        else:
            rows.append(part)
    return Content("\n").join(rows)


def hint(key: str, words: str) -> Content:
    """A key and what it does, on a line with others."""
    return Content.assemble((key, "bold $primary"), " ", (words, "$quiet"))


def fact(name: str, value: str, width: int, label: int) -> Content:
    """A quiet name, and beside it, from the cell `label` on, its value; a longer one goes on under its start."""
    first, *more = filled(value, width - label)
    rows = [Content.assemble((f"{name:<{label}}", "$quiet"), first), *(Content(" " * label + line) for line in more)]
    return Content("\n").join(rows)


def keyed(key: str, words: str, width: int) -> Content:
    """A key and what it does, in an empty screen's advice."""
    first, *more = filled(words, width - 3)
    return Content("\n").join(
        [Content.assemble((key, "bold $primary"), f"  {first}"), *(Content(f"   {line}") for line in more)]
    )


def quoted(text: str, style: str = "") -> Callable[[int], Content]:
    """A text as it is copied, for whatever width it gets."""
    return lambda width: Content.styled("\n".join(filled(text, width)), style)


def hanging(
    text: str, sign: str, style: str, width: int, sign_style: str = "$quiet", *, margin: int = 0, more: str = " "
) -> Content:
    """Text behind a sign of one cell, its further lines under the first. `margin`: cells before each further line;
    `more`: the sign of the further lines."""
    rows = [
        Content.assemble((" " * margin if i else "", ""), (sign if i == 0 else more, sign_style), " ", (line, style))
        for i, line in enumerate(filled(text, width - 2))
    ]
    return Content("\n").join(rows)
