"""Two requests side by side."""

from __future__ import annotations

from datetime import tzinfo

from textual.app import ComposeResult

from joytui.core.request import RequestRecord
from joytui.tui.logs.compare_text import compare
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted


class CompareDialog(Dialog[None]):
    """The older one is at the left."""

    DIALOG_TITLE = "Two requests; ≠ marks differences"
    CSS = "CompareDialog #dialog { width: 110; }"

    def __init__(self, left: RequestRecord, right: RequestRecord, zone: tzinfo | None) -> None:
        super().__init__()
        self._pair = left, right
        self._zone = zone

    def compose_dialog(self) -> ComposeResult:
        table = Fitted(id="table")
        table.show(lambda width: compare(*self._pair, width=width, zone=self._zone))
        yield table
