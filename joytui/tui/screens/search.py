"""Search while typing: keys, owners, models, threads, requests, commands; what has only an id is looked up at the gateway."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Literal

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import JoytuiError
from joytui.core.filters import worded
from joytui.tui.search.candidates import Candidate, Hit, found, of_gateway, of_store, unique
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient

HINT = "Type any part of a name or id. ⏎ goes there. An id that is not listed is looked up at the gateway."
NAME = 40


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
        return Found("request", worded("id", text))
    thread = worded("thread", text)
    return Found("thread", thread) if (await client.requests(thread, limit=1)).records else None


class SearchDialog(Dialog[None]):
    """`commands`: those of the screen below."""

    DIALOG_TITLE = "Search"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "search", "Go there"),
        Binding("down", "move(1)", "Next", show=False, priority=True),
        Binding("up", "move(-1)", "Previous", show=False, priority=True),
    ]

    class Known(Message):
        """What the gateway has names for."""

        def __init__(self, candidates: Sequence[Candidate]) -> None:
            super().__init__()
            self.candidates = candidates

    class Answered(Message):
        def __init__(self, text: str, found: Found | None, problem: str = "") -> None:
            super().__init__()
            self.text = text
            self.found = found
            self.problem = problem

    def __init__(self, commands: Sequence[Candidate] = ()) -> None:
        super().__init__()
        self._candidates = list(commands)
        self._hits: list[Hit] = []

    def compose_dialog(self) -> ComposeResult:
        yield Input(placeholder="a key, a person, a model, a thread, a request id, a command", id="id")
        yield OptionList(id="hits")
        yield Static(HINT, classes="note", id="hint")
        yield Static(id="outcome")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.query_one(OptionList).can_focus = False
        self._candidates = unique([*self._candidates, *of_store(self.console.store)])
        if self.console.client is not None:
            self.run_worker(self._learn(self.console.client), group="learn", exit_on_error=False)
        self._show()

    async def _learn(self, client: ConsoleClient) -> None:
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        try:
            self.post_message(self.Known(await of_gateway(client, now)))
        except JoytuiError as error:
            self.post_message(self.Answered("", None, error.what))

    def on_search_dialog_known(self, message: Known) -> None:
        self._candidates = unique([*message.candidates, *self._candidates])
        self._show()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._say("", "")
        self._show()

    def _show(self) -> None:
        options = self.query_one(OptionList)
        self._hits = found(self.query_one(Input).value.strip().strip('"'), self._candidates)
        options.clear_options()
        options.add_options(Option(hit_line(hit)) for hit in self._hits)
        options.display = bool(self._hits)
        if self._hits:
            options.highlighted = 0

    def action_move(self, by: int) -> None:
        options = self.query_one(OptionList)
        if self._hits:
            options.highlighted = ((options.highlighted or 0) + by) % len(self._hits)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self._go(self._hits[event.option_index].candidate)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_search()

    def action_search(self) -> None:
        """To what is chosen; where nothing is found here, the gateway is asked for the id."""
        text = self.query_one(Input).value.strip().strip('"')
        if self._hits:
            self._go(self._hits[self.query_one(OptionList).highlighted or 0].candidate)
        elif text and self.console.client is None:
            self._say("✗ there is no gateway to search", "$error")
        elif text:
            self._say("Looking it up…", "$quiet")
            self.run_worker(self._search(self.console.client, text), exclusive=True, exit_on_error=False)

    def _go(self, chosen: Candidate) -> None:
        later = self.app.call_after_refresh
        self.dismiss(None)
        match chosen.kind:
            case "key":
                later(self.console.show_key, chosen.target)
            case "owner":
                later(self.console.show_owner, chosen.target)
            case "command":
                later(self.app.simulate_key, chosen.target)
            case _:
                later(self.console.show_logs, chosen.target)

    async def _search(self, client: ConsoleClient | None, text: str) -> None:
        assert client is not None
        try:
            self.post_message(self.Answered(text, await look_up(client, text)))
        except JoytuiError as error:
            self.post_message(self.Answered(text, None, error.what))

    def on_search_dialog_answered(self, message: Answered) -> None:
        if message.problem:
            self._say(f"✗ {message.problem}", "$error")
        elif message.found is None:
            self._say(f"▲ nothing found for {message.text}", "$warning")
        else:
            kind: Literal["key", "request"] = "key" if message.found.what == "key" else "request"
            self._go(Candidate(kind, message.text, "", message.found.target))

    def _say(self, text: str, style: str) -> None:
        self.query_one("#outcome", Static).update(Content.styled(visible(text, limit=300), style))


def hit_line(hit: Hit) -> Content:
    """Its kind, its name with what was typed marked, and what else is known."""
    one = hit.candidate
    text = Content(visible(one.text, limit=NAME).replace("\n", " "))
    for offset in hit.offsets:
        if offset < len(text.plain):
            text = text.stylize("bold $primary", offset, offset + 1)
    more = visible(one.more, limit=60).replace("\n", " ")
    return Content.assemble((f"{one.kind:<9}", "$quiet"), text, (f"  {more}", "$quiet"))
