"""A window that is dragged on a slow machine, or before a terminal that does not read, sends sizes faster than they can be laid out."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.app import App


class CurrentSize:
    """A screen that is laid out for the size that the terminal has now, and for none that it had.

    Textual (8.2) lays a screen out at each Resize and, where its size is not that of the layout before, sends the screen a Resize of the
    same size again. Two of different sizes at the same time trigger each other forever, and nothing else happens.
    """

    app: App[Any]

    def on_resize(self, event: events.Resize) -> None:
        if event.size != self.app.size:  # the Resize of the size that it has now is still to come
            event.stop()
            event.prevent_default()
