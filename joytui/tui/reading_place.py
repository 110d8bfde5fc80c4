"""Where somebody reads who does not see the whole screen: the chosen line of what has the focus.

Textual 8.2 has no interface for screen readers. It does put the terminal's own cursor somewhere after each frame
(`App.cursor_position`), and that cursor is what screen readers, braille displays and magnifiers follow in a terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.geometry import Offset

if TYPE_CHECKING:
    from textual.widget import Widget


def reading_place(focused: Widget | None) -> Offset | None:
    """The cell of the chosen line; None if nothing has the focus, or it places the cursor itself (a line of input)."""
    if focused is None or hasattr(focused, "cursor_screen_offset"):
        return None
    region = focused.content_region
    line = getattr(focused, "reading_line", None)
    if line is None:
        line = getattr(focused, "highlighted", None) or 0  # an option of a list
    y = min(max(0, line - int(focused.scroll_offset.y)), max(0, region.height - 1))
    return Offset(region.x, region.y + y)
