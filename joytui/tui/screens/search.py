"""Search across the screens for one id: a request, a thread, a key; goes where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from joytui.core.errors import JoytuiError
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient


@dataclass(frozen=True, slots=True)
class Found:
    """What has this id, and where it is shown: a key's id on Keys, a filter in Logs."""

    what: Literal["key", "request", "thread"]
    target: str


async def look_up(client: ConsoleClient, text: str) -> Found | None:
    """A key by id, hint or name, a request by any of its ids, a thread. Raises JoytuiError."""
    folded = text.casefold()
    for key in await client.keys():
        if folded in (key.id.casefold(), key.name.casefold(), key.hint.casefold()):
            return Found("key", key.id)
    if await client.request(text) is not None:
        return Found("request", f"id:{_quoted(text)}")
    filter_text = f"thread:{_quoted(text)}"
    return Found("thread", filter_text) if (await client.requests(filter_text, limit=1)).records else None


def _quoted(text: str) -> str:
    return f'"{text}"' if any(c in text for c in ' ,"') else text


class SearchDialog(Dialog[None]):
    DIALOG_TITLE = "Search"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "search", "Go there")]

    class Answered(Message):
        def __init__(self, text: str, found: Found | None, problem: str = "") -> None:
            super().__init__()
            self.text = text
            self.found = found
            self.problem = problem

    def compose_dialog(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static("Id or name", classes="label")
            yield Input(placeholder="a request id, a thread id, a key's id or name", id="id")
        yield Static("⏎ goes to the request or thread in Logs, or to the key.", classes="note")
        yield Static(id="outcome")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_search()

    def action_search(self) -> None:
        text = self.query_one(Input).value.strip().strip('"')
        if not text:
            return
        if self.console.client is None:
            self._say("✗ there is no gateway to search at", "$error")
            return
        self._say("Searching…", "$quiet")
        self.run_worker(self._search(self.console.client, text), exclusive=True, exit_on_error=False)

    async def _search(self, client: ConsoleClient, text: str) -> None:
        try:
            self.post_message(self.Answered(text, await look_up(client, text)))
        except JoytuiError as error:
            self.post_message(self.Answered(text, None, error.what))

    def on_search_dialog_answered(self, message: Answered) -> None:
        if message.problem:
            self._say(f"✗ {message.problem}", "$error")
        elif message.found is None:
            self._say(f"▲ nothing here is called {message.text}", "$warning")
        else:
            self.dismiss(None)
            if message.found.what == "key":
                self.app.call_after_refresh(self.console.show_key, message.found.target)
            else:
                self.app.call_after_refresh(self.console.show_logs, message.found.target)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#outcome", Static).update(Content.styled(visible(text, limit=300), style))
