"""What the console has said since it was opened, the newest first: nothing that was missed is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo

from textual.app import ComposeResult
from textual.content import Content

from joytui.tui.lines import hanging
from joytui.tui.shown import visible
from joytui.tui.state import MOODS, Said
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted


class MessagesDialog(Dialog[None]):
    DIALOG_TITLE = "Messages"

    def __init__(self, said: Sequence[Said]) -> None:
        super().__init__()
        self._said = said

    def compose_dialog(self) -> ComposeResult:
        text = Fitted()
        text.show(lambda width: messages(self._said, self.console.options.zone, width))
        yield text


def messages(said: Sequence[Said], zone: tzinfo | None, width: int) -> Content:
    """Each with its time, the newest first."""
    if not said:
        return Content("No messages yet. Errors and warnings stay in the last line until you press a key.")
    return Content("\n").join(_line(one, zone, width) for one in reversed(said))


def _line(said: Said, zone: tzinfo | None, width: int) -> Content:
    glyph, style = MOODS[said.mood]
    moment = f"{datetime.fromtimestamp(said.at_ms / 1000, zone):%a %H:%M:%S}  "
    body = hanging(visible(said.text).replace("\n", " "), glyph, "", width - len(moment), style, margin=len(moment))
    return Content.assemble((moment, "$quiet"), body)
