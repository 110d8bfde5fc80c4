"""The line above the log: filter, counts, whether it follows. Pure."""

from __future__ import annotations

from textual.content import Content

from joytui.tui.lines import fitting
from joytui.tui.logs.empty_text import LookedAt
from joytui.tui.logs.shown import Shown
from joytui.tui.shown import visible
from joytui.tui.state import LinkState


def context(
    shown: Shown,
    state: LinkState,
    *,
    filter_text: str = "",
    fresh: int | None = None,
    marked: int = 0,
    asking: bool = False,
    turns: LookedAt = "no",
    width: int,
) -> Content:
    """`fresh`: how many came since the pause, None while it follows; `asking`: the gateway is about to say what passes the
    filter; `turns`: whether Codex's turns on this machine are followed."""
    total, errors = shown.total, shown.errors
    if not total and not filter_text and not state.connected:
        return Content("")
    parts: list[Content] = []
    if filter_text:
        parts.append(Content.assemble(("filter ", "$quiet"), (visible(filter_text), "bold $accent")))
    if asking and not total:
        return fitting([*parts, Content.styled("◌ asking the gateway", "$quiet")], width)
    parts.append(Content.assemble((f"{total:,}", "bold"), (" request" if total == 1 else " requests", "$quiet")))
    if errors:
        parts.append(Content.assemble((f"✗ {errors:,}", "bold $error"), (" failed", "$quiet")))
    if fresh is None and state.phase == "behind":
        parts.append(Content.styled(f"▲ {state.behind_s:.0f} s behind", "bold $warning"))
    elif fresh is None and turns == "yes" and state.phase in ("idle", "off"):
        parts.append(Content.assemble(("● following", "$success"), ("  Codex only: no gateway is running", "$quiet")))
    elif fresh is None and not state.connected:
        parts.append(Content.styled("✗ not live: the gateway is gone", "bold $error"))
    elif fresh is None:
        parts.append(Content.styled("● following", "$success"))
    else:
        new = f"  {fresh:,} new below" if fresh else ""
        parts.append(Content.assemble(("▲ paused", "bold $warning"), (new, "$warning"), ("  f follows", "$quiet")))
    if marked:
        parts.append(Content.assemble((f"◆ {marked} marked", "$accent"), ("  = compares", "$quiet")))
    if shown.store.hidden:
        many = shown.store.hidden
        parts.append(Content.styled(f"{many:,} doctor test{'s' * (many != 1)} hidden (T)", "$quiet"))
    return fitting(parts, width)
