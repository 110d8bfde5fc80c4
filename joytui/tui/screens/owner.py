"""A person at a glance: keys, spending and its trend, refusals, the last turn; from there to the requests and the keys."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message

from joytui.core.errors import JoytuiError
from joytui.tui.people.owner import OwnerCard, Subject, read_owner
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from datetime import datetime

    from joytui.client.console import ConsoleClient

KEYS = "⏎ the requests · r what was refused · k the keys"


class OwnerDialog(Dialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "requests", "Requests"),
        Binding("r", "refused", "Refused"),
        Binding("k", "keys", "Keys"),
    ]

    class Found(Message):
        def __init__(self, card: OwnerCard | None, problem: str = "") -> None:
            super().__init__()
            self.card = card
            self.problem = problem

    def __init__(self, subject: Subject, now: datetime) -> None:
        super().__init__()
        self._subject, self._now = subject, now
        self._card: OwnerCard | None = None

    def dialog_title(self) -> str:
        return visible(self._subject.owner or self._subject.key or "", limit=60).replace("\n", " ")

    def compose_dialog(self) -> ComposeResult:
        text = Fitted(id="card")
        text.show(lambda width: Content("Looking…"))
        yield text

    def on_mount(self) -> None:
        if self.console.client is None:
            self.post_message(self.Found(None, "there is no gateway to ask"))
        else:
            self.run_worker(self._read(self.console.client), exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient) -> None:
        try:
            found = await read_owner(client, self._subject, self._now)
        except JoytuiError as error:
            self.post_message(self.Found(None, error.what))
        else:
            self.post_message(self.Found(found, "" if found else "this gateway no longer has this key or owner"))

    def on_owner_dialog_found(self, message: Found) -> None:
        text, found = self.query_one("#card", Fitted), message.card
        if found is None:
            words = Content.styled(f"✗ {visible(message.problem, limit=300)}", "$error")
            text.show(lambda width: words)
            return
        from joytui.tui.people.owner_text import card

        self._card = found
        box = self.query_one("#dialog")
        name = visible(found.owner or f"{found.keys[0].key.name} (no owner)", limit=60).replace("\n", " ")
        box.border_title = Content(name)
        box.border_subtitle = KEYS
        text.show(partial(card, found, self._now, self.console.options.zone))

    def action_requests(self) -> None:
        self._leave_for_logs("")

    def action_refused(self) -> None:
        self._leave_for_logs(" is:refused since:7d")

    def _leave_for_logs(self, more: str) -> None:
        if self._card is not None:
            self.dismiss(None)
            self.app.call_after_refresh(self.console.show_logs, self._card.requests + more)

    def action_keys(self) -> None:
        if self._card is not None:
            self.dismiss(None)
            self.app.call_after_refresh(self.console.show_key, self._card.keys[0].key.id)
