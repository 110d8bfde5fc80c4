"""What the four screens share: the frame around a body, and the width classes that the stylesheets use."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widget import Widget

from joytui.tui.widgets.keybar import KeyBar
from joytui.tui.widgets.masthead import Masthead

if TYPE_CHECKING:
    from joytui.tui.app import ConsoleApp

MINIMAL_WIDTH = 40
MINIMAL_HEIGHT = 10


class ConsoleScreen(Screen[None]):
    """A mode's base screen. Subclasses name themselves (`MODE`) and yield their body."""

    MODE: ClassVar[str] = ""
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (72, "-normal"), (110, "-wide"), (170, "-vast")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (20, "-middle"), (34, "-tall")]  # noqa: RUF012

    @property
    def console(self) -> ConsoleApp:
        return cast("ConsoleApp", self.app)

    def compose(self) -> ComposeResult:
        yield Masthead(self.MODE)
        yield from self.compose_body()
        yield KeyBar()

    def compose_body(self) -> Iterable[Widget]:
        raise NotImplementedError
