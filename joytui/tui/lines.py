"""Paragraphs made for a width: wrapped by us, so that what follows stands under what it belongs to. Pure."""

from __future__ import annotations

from textwrap import wrap

from textual.content import Content

NARROWEST = 12


def filled(text: str, width: int) -> list[str]:
    """The lines of a text in this many cells; its own line breaks stay. Addresses and options are not cut at their
    hyphens: a URL that is copied from two lines should at least break where it must."""
    room = max(NARROWEST, width)
    return [part for line in text.split("\n") for part in (wrap(line, room, break_on_hyphens=False) or [""])]


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
