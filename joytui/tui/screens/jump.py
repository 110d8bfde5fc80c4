"""Jump keys: every pane that takes the focus gets a letter; pressing it goes there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Static

from joytui.tui.current_size import CurrentSize

LETTERS = "asdfghjkl"


def panes(screen: Screen[Any]) -> list[Widget]:
    """The panes of a screen that take the focus and can be seen, from the top left."""
    found = [widget for widget in screen.focus_chain if widget.region.area and widget.is_on_screen]
    return sorted(found, key=lambda widget: (widget.region.y, widget.region.x))[: len(LETTERS)]


class JumpOverlay(CurrentSize, ModalScreen[None]):
    """Letters over the panes; any other key takes them away."""

    DEFAULT_CSS = """
    JumpOverlay .letter { position: absolute; width: 5; height: 1; background: $primary; color: $background; text-style: bold; }
    """

    def __init__(self, found: Sequence[Widget]) -> None:
        super().__init__()
        self._panes = dict(zip(LETTERS, found, strict=False))

    def compose(self) -> ComposeResult:
        for letter, pane in self._panes.items():
            label = Static(Content(f"  {letter}  "), classes="letter")
            label.styles.offset = (pane.region.x + 1, pane.region.y)
            yield label

    def on_key(self, event: events.Key) -> None:
        event.stop()
        pane = self._panes.get(event.key)
        self.dismiss(None)
        if pane is not None:
            self.app.call_after_refresh(pane.focus)
