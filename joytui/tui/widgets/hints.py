"""The keys of a dialog and what they do, as many in a line as fit."""

from __future__ import annotations

from joytui.tui.lines import hint
from joytui.tui.widgets.fitted import Fitted


class Hints(Fitted):
    """Pairs of a key and what it does."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        super().__init__(classes="note")
        self.flow(*(hint(*pair) for pair in pairs))
