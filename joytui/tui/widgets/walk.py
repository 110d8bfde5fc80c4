"""The walk on the left of Doctor: a list of lines drawn directly, with a cursor over rows and steps."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from joytui.tui.doctor.walk_lines import WalkLine


class Walk(ScrollView, can_focus=True):
    """`lines` as they are now. Enter (or a click) on a line posts `Chosen`."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "walk--pass", "walk--warn", "walk--fail", "walk--skip", "walk--unknown", "walk--waiting", "walk--running",
        "walk--row", "walk--step", "walk--quiet", "walk--cursor",
    }  # fmt: skip
    DEFAULT_CSS = """
    Walk {
        scrollbar-size-vertical: 1;
        .walk--pass { color: $success; }
        .walk--warn { color: $warning; }
        .walk--fail { color: $error; text-style: bold; }
        .walk--skip, .walk--waiting, .walk--unknown { color: $quiet; }
        .walk--running { color: $warning; }
        .walk--row { text-style: bold; color: $foreground; }
        .walk--step { color: $foreground 85%; }
        .walk--quiet { color: $quiet; }
        .walk--cursor { background: $block-cursor-background; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("home,g", "move(-9999)", "First", show=False),
        Binding("end,G", "move(9999)", "Last", show=False),
        Binding("enter", "choose", "Step", tooltip="everything this step found"),
    ]

    class Chosen(Message):
        def __init__(self, line: WalkLine) -> None:
            super().__init__()
            self.line = line

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.lines: tuple[WalkLine, ...] = ()
        self.cursor = 0

    @property
    def reading_line(self) -> int:
        return self.cursor

    def show(self, lines: tuple[WalkLine, ...]) -> None:
        """Replaces the lines; the cursor stays on the step that it is on."""
        if lines == self.lines:
            return
        here = self.lines[self.cursor] if self.cursor < len(self.lines) else None
        self.lines = lines
        if here is not None:
            same = (i for i, line in enumerate(lines) if _same(line, here))
            self.cursor = next(same, min(self.cursor, max(0, len(lines) - 1)))
        self.virtual_size = Size(0, len(lines))
        self.refresh()

    def land(self) -> None:
        """The cursor on the step that failed, where one did: what the verdict is about."""
        failed = (i for i, line in enumerate(self.lines) if line.step is not None and line.status == "fail")
        self._go(next(failed, 0))

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def _go(self, to: int) -> None:
        if self.lines:
            self.cursor = max(0, min(len(self.lines) - 1, to))
            self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False)
            self.refresh()

    def action_choose(self) -> None:
        if self.cursor < len(self.lines):
            self.post_message(self.Chosen(self.lines[self.cursor]))

    def on_click(self, event: events.Click) -> None:
        row = int(event.y + self.scroll_offset.y)
        if 0 <= row < len(self.lines):
            self.cursor = row
            self.refresh()
            self.action_choose()

    def render_line(self, y: int) -> Strip:
        index = y + int(self.scroll_offset.y)
        width = self.scrollable_content_region.width
        base = self.rich_style
        if index >= len(self.lines):
            return Strip([Segment(" " * width, base)], width)
        line = self.lines[index]
        if index == self.cursor and self.has_focus:
            base += Style(bgcolor=self.get_component_rich_style("walk--cursor").bgcolor)
        return self._strip(line, width, base)

    def _strip(self, line: WalkLine, width: int, base: Style) -> Strip:
        def style(name: str) -> Style:
            return base + self.get_component_rich_style(f"walk--{name}", partial=True)

        indent = "" if line.step is None else "  "
        room = width - len(indent) - 3
        text, right = line.fitted(room)
        name = "row" if line.step is None else ("fail" if line.status == "fail" else "step")
        if line.status in ("skip", "waiting"):
            name = "quiet"
        segments = [
            Segment(indent, base),
            Segment(f"{line.glyph} ", style(line.status if line.status else "unknown")),
            Segment(text, style(name)),
            Segment(" " * max(0, room - len(text) - len(right)), base),
            Segment(right, style("quiet")),
            Segment(" ", base),
        ]
        return Strip(segments).adjust_cell_length(width, base)


def _same(a: WalkLine, b: WalkLine) -> bool:
    return (a.row, a.step.id if a.step else None) == (b.row, b.step.id if b.step else None)
