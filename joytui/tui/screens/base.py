"""What the four screens share: the frame around a body, and the width classes that the stylesheets use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from joytui.tui.console import Console, console_of
from joytui.tui.current_size import CurrentSize
from joytui.tui.keymap import named
from joytui.tui.textual_private import PacedScreen
from joytui.tui.widgets.alert_line import AlertLine
from joytui.tui.widgets.keybar import KeyBar
from joytui.tui.widgets.masthead import Masthead

if TYPE_CHECKING:
    from joytui.tui.export.exported import Exported
    from joytui.tui.people.owner import Subject

MINIMAL_WIDTH = 40
MINIMAL_HEIGHT = 10


class TooSmall(Widget):
    """Covers the body where the terminal is too small for it, and says what it needs."""

    DEFAULT_CSS = """
    TooSmall { display: none; layer: above; dock: top; width: 100%; height: 100%; background: $background; padding: 0 1; }
    Screen.-tiny TooSmall, Screen.-flat TooSmall { display: block; }
    """

    def render(self) -> Content:
        size = self.app.size
        return Content(
            f"joytui needs {MINIMAL_WIDTH}×{MINIMAL_HEIGHT} cells; this is {size.width}×{size.height}. q quits."
        )


class ConsoleScreen(CurrentSize, PacedScreen):
    """A mode's base screen. Subclasses name themselves (`MODE`) and yield their body."""

    MODE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [  # noqa: RUF012
        (0, "-tiny"),
        (MINIMAL_WIDTH, "-narrow"),
        (72, "-normal"),
        (110, "-wide"),
        (170, "-vast"),
    ]
    VERTICAL_BREAKPOINTS = [(0, "-flat"), (MINIMAL_HEIGHT, "-low"), (20, "-middle"), (34, "-tall")]  # noqa: RUF012

    def __init_subclass__(cls, **words: Any) -> None:
        if "BINDINGS" in vars(cls):
            cls.BINDINGS = named(cls.MODE, cls.BINDINGS)
        super().__init_subclass__(**words)

    def __init__(self) -> None:
        width, height = self.app.size  # told by the first resize, the classes would have every style made twice
        widths, heights = self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS
        super().__init__(classes=f"{_class_of(width, widths)} {_class_of(height, heights)}")

    @property
    def console(self) -> Console:
        return console_of(self)

    def exported(self) -> Exported | None:
        """What `x` writes into a file; None if nothing is here yet."""
        return None

    def view_values(self) -> dict[str, str]:
        """What a saved view keeps of this screen."""
        return {}

    def take_view(self, values: Mapping[str, str]) -> str:
        """As a saved view has it; returns what of it does not hold, "" mostly."""
        return ""

    def subject(self) -> Subject | None:
        """Whose card `P` opens; None if nobody is chosen."""
        return None

    def window_begin(self) -> datetime | None:
        """Where the time begins that is shown; None for a screen that shows none."""
        return None

    def now(self) -> datetime:
        """The console's clock, aware, in UTC."""
        return datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)

    def compose(self) -> ComposeResult:
        yield Masthead(self.MODE)
        yield AlertLine()
        yield from self.compose_body()
        yield TooSmall()
        yield KeyBar()

    def compose_body(self) -> Iterable[Widget]:
        """What is between the masthead and the keys; its own screen yields it here."""
        return ()


def _class_of(cells: int, breakpoints: list[tuple[int, str]]) -> str:
    """The class that Textual gives a screen of this width or height."""
    return next(name for least, name in reversed(breakpoints) if cells >= least)
