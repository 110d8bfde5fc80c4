"""The line above the log: filter, counts, whether it follows. Pure."""

from __future__ import annotations

from textual.content import Content

from joytui.tui.logs.histogram import span_of, span_words
from joytui.tui.logs.shown import Shown
from joytui.tui.shown import visible


def context(shown: Shown, filter_text: str, fresh: int | None, marked: int, now_ms: int | None) -> Content:
    """`fresh`: how many came since the pause, None while it follows; `now_ms` where the chart is shown."""
    total, errors = len(shown), len(shown.failed)
    parts: list[Content] = []
    if filter_text:
        parts.append(Content.assemble(("filter ", "$quiet"), (visible(filter_text), "bold $accent")))
    parts.append(Content.assemble((f"{total:,}", "bold"), (" requests", "$quiet")))
    if errors:
        parts.append(Content.assemble((f"✗ {errors:,}", "bold $error"), (" failed", "$quiet")))
    if fresh is None:
        parts.append(Content.styled("● following", "$success"))
    else:
        new = f"  {fresh:,} new below" if fresh else ""
        parts.append(
            Content.assemble(("▲ paused", "bold $warning"), (new, "$warning"), ("  f follows again", "$quiet"))
        )
    if marked:
        parts.append(Content.assemble((f"◆ {marked} marked", "$accent"), ("  = compares", "$quiet")))
    if total and now_ms is not None:
        parts.append(Content.styled(f"chart: last {span_words(span_of(shown, now_ms))}", "$quiet"))
    return Content.styled("  ·  ", "$quiet").join(parts)
