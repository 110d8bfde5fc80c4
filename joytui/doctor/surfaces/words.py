"""The matrix of surfaces as words for a terminal, the same on the Doctor screen."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from joytui.core.records import SurfaceCell, SurfaceVerdict
from joytui.core.redaction import visible

SAID: Final[dict[SurfaceVerdict, tuple[str, str, str]]] = {
    "works": ("✓", "green", "works"),
    "key-missing": ("✗", "red", "key missing"),
    "other-value": ("!", "yellow", "other value"),
    "fails": ("✗", "red", "fails"),
    "unknown": ("?", "dim", "cannot be known"),
}
"""Of each verdict: glyph, colour and words."""
HEADLINE: Final = "Where Codex may start"
READ: Final = "Start files were read, not run: they are your code. `joytui doctor --surfaces run` starts the shells, 5 s each at most."
RAN: Final = "Your shells were started for this, and their start files ran."
_NAME = 26


def surface_lines(cells: Sequence[SurfaceCell], width: int) -> list[tuple[str, str]]:
    """(line, style) pairs: a row each, and below it why, where that is not the row's before."""
    lines, last = [], ""
    column = min(max([_NAME, *(len(cell.name) + 1 for cell in cells)]), 42)
    for cell in cells:
        glyph, style, said = SAID[cell.verdict]
        said += "" if cell.sure or cell.verdict == "unknown" else ", as far as reading tells"
        name = visible(cell.name, limit=column - 1)
        lines.append((visible(f"  {glyph} {name:<{column}}{said}{_from(cell)}", limit=width), style))
        if cell.why and cell.why != last:  # what is the same for several is said once
            lines += [
                (line, "dim")
                for line in textwrap.wrap(visible(cell.why), width, initial_indent=" " * 6, subsequent_indent=" " * 6)
            ]
        last = cell.why
    return lines


def _from(cell: SurfaceCell) -> str:
    """Where the key is there, by the name of the file alone."""
    origin = cell.key.get("origin")
    if cell.verdict not in ("works", "other-value") or not origin or origin == "environment":
        return ""
    return f"  key from {Path(origin).name}"


def ran(cells: Sequence[SurfaceCell]) -> bool:
    """Whether shells were started for it."""
    return any(cell.found.endswith(", started") for cell in cells)
