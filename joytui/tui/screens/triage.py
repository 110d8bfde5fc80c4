"""Triage: paste what a ticket holds on the left, read the cause, the question and the reply on the right.

Only the ids in the ticket are asked about, at the gateway of this console."""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widgets import TextArea

from joytui.core.errors import JoytuiError
from joytui.doctor.triage.lookup import holds_ids, look_up, not_asked
from joytui.tui.doctor.triage_text import answered
from joytui.tui.lines import quoted
from joytui.tui.state import LinkState
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted, Maker
from joytui.tui.widgets.hints import Hints

if TYPE_CHECKING:
    from joytui.doctor.triage import Answer

HINT = "Paste what Codex printed, JSON lines, an error body, `curl -v`, or the user's own words."
NO_GATEWAY = "this console has no gateway yet"
PAUSE_S = 0.15


class Read(Message):
    """A text was read. `number` tells the newest reading from those that typing overtook."""

    def __init__(self, number: int, answer: Answer) -> None:
        super().__init__()
        self.number = number
        self.answer = answer


class TriageDialog(Dialog[None]):
    """Reads while the user types or pastes; nothing is kept, and nothing but an id is asked of the console's gateway."""

    DIALOG_TITLE = "Triage: from a ticket to its cause"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+r", "copy_reply", "Copy reply", priority=True, tooltip="copy the reply to send"),
        Binding("ctrl+l", "empty", "Empty", priority=True, tooltip="clear the text, for the next ticket"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.answer: Answer | None = None
        self._number = 0

    def compose_dialog(self) -> ComposeResult:
        with Horizontal(id="sides"):
            yield TextArea(id="ticket", tab_behavior="focus", soft_wrap=True)
            with VerticalScroll(id="result"):
                yield Fitted(id="answer")
        yield Hints(("^r", "copies the reply"), ("^l", "clears"), ("tab", "goes to the answer"))

    def on_mount(self) -> None:
        self._show(quoted(HINT))
        self.query_one("#ticket").focus()
        self.watch(self.app, "link_state", self._link_changed, init=False)

    def _show(self, make: Maker) -> None:
        self.query_one("#answer", Fitted).show(make)

    def on_text_area_changed(self) -> None:
        self._number += 1
        number = self._number
        self.set_timer(PAUSE_S, lambda: self._start(number))

    def _start(self, number: int) -> None:
        if number != self._number:
            return
        text = self.query_one(TextArea).text
        if not text.strip():
            self.answer = None
            self._show(quoted(HINT))
            return
        body = _Reading(self, number, text)
        self.run_worker(body, thread=True, group="triage", exclusive=True, exit_on_error=False)

    def on_read(self, message: Read) -> None:
        if message.number != self._number:
            return
        self.answer = message.answer
        self._show(partial(answered, message.answer))
        if message.answer.looked_up is None:
            self._look_up()

    def _link_changed(self, state: LinkState) -> None:
        if (
            state.connected
            and self.answer is not None
            and (self.answer.looked_up is None or not self.answer.looked_up.story)
        ):
            self._look_up()

    def _look_up(self) -> None:
        """A ticket that names a request is answered from its record, where this console's gateway has it."""
        if self.answer is not None and holds_ids(self.answer.facts):
            body = self._looked_up(self.answer, self._number)
            self.run_worker(body, group="lookup", exclusive=True, exit_on_error=False)

    async def _looked_up(self, answer: Answer, number: int) -> None:
        client = self.console.client
        try:
            found = await look_up(client, answer, os.environ) if client else not_asked(answer, NO_GATEWAY)
        except JoytuiError as error:
            found = not_asked(answer, error.what)
        self.post_message(Read(number, found))

    def action_copy_reply(self) -> None:
        if self.answer is None:
            self.notify("paste something first", timeout=3)
            return
        self.console.copy(self.answer.reply, "The reply")

    def action_empty(self) -> None:
        self.query_one(TextArea).clear()
        self.query_one("#ticket").focus()


class _Reading:
    """Reads in a thread and posts the answer. Touches no widget."""

    def __init__(self, dialog: TriageDialog, number: int, text: str) -> None:
        self._dialog, self._number, self._text = dialog, number, text

    def __call__(self) -> None:
        from joytui.core.known_secrets import secrets_of_environment
        from joytui.doctor.triage import triage

        answer = triage(self._text, secrets_of_environment(os.environ))
        self._dialog.post_message(Read(self._number, answer))
