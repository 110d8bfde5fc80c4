"""What is shown instead of a gateway's data while there is no gateway. Pure."""

from __future__ import annotations

from textual.content import Content

from joytui.tui.lines import BETWEEN
from joytui.tui.shown import visible
from joytui.tui.state import LinkState


def older(problem: str, width: int) -> Content:
    """The line above numbers that could not be read again."""
    told = Content.styled("▲ older numbers", "bold $warning") + BETWEEN
    words = Content.styled(f"✗ {visible(problem, limit=200)}", "bold $error")
    return told + words.truncate(max(1, width - told.cell_length), ellipsis=True)


def no_gateway(state: LinkState, missing: str = "There is no gateway to ask.", style: str = "bold") -> Content | None:
    """That it is looked for, or why there is none and what to do; None once there is one. `missing` says what fails."""
    if state.phase in ("finding", "starting"):
        words = "Looking for the gateway…" if state.phase == "finding" else "Starting the gateway…"
        waited = f"  {state.waited_s} s" if state.waited_s else ""
        return Content.assemble((words, "bold"), (waited, "$quiet"), ("\n\nesc stops waiting", "$quiet"))
    if state.phase not in ("failed", "lost", "off"):
        return None
    return Content.assemble(
        (missing, style),
        (f"\n\n{visible(state.note)}", ""),
        (f"\n→ {visible(state.hint)}" if state.hint else "", "$primary"),
    )
