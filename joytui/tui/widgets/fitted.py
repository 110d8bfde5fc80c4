"""Text that is made for the width it gets: the function runs when the widget draws, so no layout has to be guessed."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from joytui.tui.lines import flowed

Maker = Callable[[int], Content]


class Fitted(Widget):
    """Draws `make(width)`. Its height follows the lines where the stylesheet says `auto`; `one_line`: it is one, whatever it
    says, so a change moves nothing else."""

    DEFAULT_CSS = "Fitted { height: auto; }"

    def __init__(self, *, id: str | None = None, classes: str | None = None, one_line: bool = False) -> None:
        super().__init__(id=id, classes=classes)
        self._one_line = one_line
        self._make: Maker | None = None
        self._made: tuple[int, Content] | None = None

    def show(self, make: Maker) -> None:
        """Replaces the function, and draws again where it makes something else: a screen that stands still writes nothing."""
        before = self._made
        self._make, self._made = make, None
        if before is None or not self.made(before[0]).is_same(before[1]):
            self.refresh(layout=not self._one_line)

    def flow(self, *parts: Content) -> None:
        """Shows parts one after another, as many in a line as fit."""
        self.show(lambda width: flowed(parts, width))

    def made(self, width: int) -> Content:
        """The content for a width, made once."""
        if self._make is None or width <= 0:
            return Content("")
        if self._made is None or self._made[0] != width:
            self._made = (width, self._make(width))
        return self._made[1]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return self.made(width).get_height({}, width) if width > 0 else 0

    def render(self) -> Content:
        return self.made(self.content_size.width)
