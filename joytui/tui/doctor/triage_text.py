"""Triage's answer for a pane: the terminal's own text, with headings like those of the verdict, made for the width. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.tui.lines import filled, hanging

if TYPE_CHECKING:
    from joytui.doctor.triage import Answer

_UNFILLED = 100_000
SECTION = 2
"""How far a section's heading is indented; those within it are further."""
_COLOURS = {"green": "$success", "red": "$error", "yellow": "$warning"}
_LEAD = re.compile(r"(?:What to do|How to know it|Also found|Check):")
Paint = Callable[..., str]


def answered(answer: Answer, width: int) -> Content:
    """What the words of a ticket tell, and the gateway's record of it where that was looked up."""
    from joytui.doctor.triage import render

    return _coloured(lambda paint: render(answer, paint, _UNFILLED), width)


def _coloured(render: Callable[[Paint], str], width: int) -> Content:
    """The text that `render` makes, whose painted parts are styled here."""
    painted: dict[str, tuple[str, ...]] = {}

    def paint(text: str, *styles: str) -> str:
        painted[text.strip()] = styles
        return text

    head, _, rest = render(paint).partition("\n")
    head, _, place = head.partition("   [")
    colour = next((_COLOURS[one] for one in painted.get(head[:1], ()) if one in _COLOURS), "")
    lines = [hanging(head[2:], head[:1], f"bold {colour}".strip(), width, f"bold {colour}".strip())]
    if place:
        lines.append(hanging(place.removesuffix("]"), " ", "$foreground 80%", width))
    for line in rest.split("\n"):
        lines += _line(line, painted, width)
    return Content("\n").join(lines)


def _line(line: str, painted: dict[str, tuple[str, ...]], width: int) -> Iterator[Content]:
    text, indent = line.strip(), len(line) - len(line.lstrip())
    styles = painted.get(text, ())
    if "dim" in styles:
        yield from (Content.styled(" " * indent + part, "$quiet") for part in filled(text, width - indent))
        return
    heading = next((one for one, its in painted.items() if its == ("bold",) and one and text.startswith(one)), "")
    lead = _LEAD.match(text)
    style = "bold" if heading[:1].isdigit() else "bold $quiet"  # the causes are numbered
    if indent == SECTION and style != "bold":
        text, heading = heading.upper() + text[len(heading) :], heading.upper()
    for number, part in enumerate(filled(text, width - indent)):
        content = Content(" " * indent + part)
        if number == 0 and heading and part.startswith(heading):
            content = content.stylize(style, indent, indent + len(heading))
        elif number == 0 and lead:
            content = content.stylize("bold", indent, indent + lead.end())
        elif text.startswith("! "):
            content = content.stylize("$warning")
        yield content
