"""A question or an answer over the screen: a frame with a title, closed by escape."""

from __future__ import annotations

from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen

from joytui.tui.console import Console, console_of
from joytui.tui.current_size import CurrentSize

T = TypeVar("T")
CLOSES = "[@click=screen.close]esc closes[/]"
"""For the mouse, too."""


class Dialog(CurrentSize, ModalScreen[T]):
    """Subclasses set DIALOG_TITLE and yield their content from `compose_dialog`. Escape closes with None."""

    CSS_PATH = "../dialogs.tcss"
    # Below the width of a dialog and some of what lies behind it, the dialog takes the whole width: a strip of letters at
    # its side says nothing. On a low screen it leaves out its blank lines.
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (90, "-broad")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-low"), (32, "-tall")]  # noqa: RUF012
    DIALOG_TITLE: ClassVar[str] = ""
    BOX: ClassVar[type[VerticalScroll]] = VerticalScroll
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "Close")]

    @property
    def console(self) -> Console:
        return console_of(self)

    def compose(self) -> ComposeResult:
        with self.BOX(id="dialog", can_focus=False) as box:
            box.border_title = Content(self.dialog_title())  # as it is: a name may look like markup
            box.border_subtitle = CLOSES
            yield from self.compose_dialog()

    def on_mount(self) -> None:
        # Textual applies the breakpoints when a resize comes, and a real terminal sends none for a new screen.
        width, height = self.app.size
        self.set_class(width < self.HORIZONTAL_BREAKPOINTS[1][0], "-slim")
        self.set_class(height < self.VERTICAL_BREAKPOINTS[1][0], "-low")

    def dialog_title(self) -> str:
        return self.DIALOG_TITLE

    def compose_dialog(self) -> ComposeResult:
        """The dialog's content, in order."""
        yield from ()

    def action_close(self) -> None:
        self.dismiss(None)
