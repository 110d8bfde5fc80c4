"""The matrix of surfaces for the dialog: found out in a thread, shown as lines. Touches no widget."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from textual.content import Content

if TYPE_CHECKING:
    from joytui.core.records import Finding, SurfaceCell
    from joytui.doctor.surfaces.machine import How

_STYLES = {"green": "$success", "red": "$error", "yellow": "$warning", "dim": "$quiet"}


def surfaces_here(args: tuple[str, ...], how: How, verdict: Finding | None) -> tuple[SurfaceCell, ...]:
    """The cells of this machine, this environment and these arguments. Sends nothing."""
    from joytui.codex.world import Invocation
    from joytui.doctor.surfaces import surface_cells

    return surface_cells(Invocation(args, dict(os.environ), Path.cwd()), how=how, verdict=verdict)


def matrix(cells: Sequence[SurfaceCell], width: int) -> Content:
    """A row for each place, and why below it."""
    from joytui.doctor.surfaces.words import surface_lines

    lines = surface_lines(cells, width)
    return Content("\n").join(Content.styled(line, _STYLES[style]) for line, style in lines)


def note(cells: Sequence[SurfaceCell]) -> str:
    """How shells were asked, and what mends a missing key."""
    from joytui.doctor.surfaces.words import ran

    told = (
        "Your shells were started."
        if ran(cells)
        else "Start files were read, not run; s starts your shells, for at most 5 s each."
    )
    lacking = any(cell.verdict == "key-missing" for cell in cells)
    return (
        f"{told} `joytui doctor --fix key-unset` writes the key into .env, which Codex reads in all of these places."
        if lacking
        else told
    )
