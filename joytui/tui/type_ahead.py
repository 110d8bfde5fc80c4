"""What is typed behind a key that opens a line belongs to that line, however fast it came.

Textual gives a key to the widget that has the focus when it is read, and looks at bindings when the key has gone up to the App.
The keys of one burst (a slow connection, a macro) are all given before the first one is acted upon: of "/text" each letter would
run as a command of the screen below the line that the slash opened.
"""

from __future__ import annotations

from collections import deque
from time import monotonic
from typing import Any

from textual import events
from textual.widgets import Input

from joytui.tui.textual_private import HookedApp

BURST_S = 0.3


class TypeAheadApp(HookedApp):
    """An App that hands a key on to the line which has the focus by the time that the key comes up."""

    def __init__(self, **words: Any) -> None:
        super().__init__(**words)
        self._handed_on: deque[events.Key] = deque(maxlen=64)
        self._letter_at = 0.0

    async def on_key(self, event: events.Key) -> None:
        """A key that no widget took. A letter would not come up here if the line had had it; Enter goes behind the letters."""
        line = self.focused
        if not isinstance(line, Input) or any(event is key for key in self._handed_on):
            return
        if event.is_printable:
            self._letter_at = monotonic()
        elif monotonic() - self._letter_at > BURST_S:
            return
        again = events.Key(event.key, event.character)
        again.set_sender(line)  # what the App itself has sent would not come up to it
        self._handed_on.append(again)
        line.post_message(again)
        event.prevent_default()
        event.stop()
