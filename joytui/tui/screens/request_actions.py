"""What can be done with the selected request on Logs: copy, replay, mark, compare."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from joytui.core.errors import JoytuiError
from joytui.core.records import RequestRecord

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.tui.screens.ask import Confirm
    from joytui.tui.screens.logs import LogsScreen


def replay_question(record: RequestRecord) -> Confirm:
    """What a replay sends, with which key and at what cost."""
    from joytui.tui.screens.ask import Confirm

    text = (
        f"Sends one small prompt for {record.model or 'auto'} to {record.endpoint}. The request's own text is not kept, so "
        f"it is not sent.\n\nA key is made for it with the policy of {record.key or 'no key'} and revoked afterwards. It "
        "costs what a short answer costs."
    )
    return Confirm("Ask the same model again?", text, "Replay")


class Replayed(Message):
    """What came of a replay, in words; `request` is the one that was asked again, None where nothing was sent."""

    def __init__(self, request: RequestRecord | None, words: str, *, error: bool) -> None:
        super().__init__()
        self.request = request
        self.words = words
        self.error = error


async def _replay(target: MessagePump, client: ConsoleClient, record: RequestRecord) -> None:
    """The body of a worker."""
    from joytui.client.replay import replay
    from joytui.tui.logs.curl import body

    try:
        done = await replay(client, record.endpoint, {**body(record), "stream": False}, key_id=record.key_id)
    except JoytuiError as error:
        target.post_message(Replayed(None, error.what, error=True))
        return
    words = f"replay: {done.status} after {done.seconds:.1f} s"
    words += f", {done.message}" if done.message else "; = on its row compares it with the first"
    words += f"; {done.left_over}" if done.left_over else ""
    target.post_message(Replayed(record, words, error=done.status >= 400))


class RequestActions:
    """A part of the Logs screen."""

    kept_marks: Mapping[str, RequestRecord] = MappingProxyType({})

    def action_copy_id(self) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        if (record := screen.selected()) is not None:
            screen.console.copy(record.request_id, "The request id")

    def action_copy_curl(self) -> None:
        from joytui.tui.logs.curl import curl

        screen: LogsScreen = self  # type: ignore[assignment]
        if (record := screen.selected()) is not None:
            url = screen.console.link_state.base_url.removesuffix("/openai/v1")
            screen.console.copy(curl(record, url), "The request as curl, with a small body in place of its own,")

    # Marks

    def action_mark(self) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        record = screen.selected()
        if record is None:
            return
        marked = self._marked()
        if marked.pop(record.id, None) is not None:
            self.mark(*marked.values())
        else:
            self.mark(*[*marked.values()][-1:], record)

    def mark(self, *records: RequestRecord) -> None:
        """These and no others are marked. They are kept: a request may leave the list before it is compared."""
        screen: LogsScreen = self  # type: ignore[assignment]
        screen.kept_marks = {record.id: record for record in records}
        screen.view.marked = tuple(screen.kept_marks)
        screen.view.refresh()
        screen.show_context()

    def _marked(self) -> dict[str, RequestRecord]:
        """The marked requests as they are now, or as they were when they were seen last."""
        screen: LogsScreen = self  # type: ignore[assignment]
        shown, kept = screen.view.shown, screen.kept_marks
        places = {id: shown.find(id) for id in screen.view.marked}
        return {id: kept[id] if place is None else shown.record(place) for id, place in places.items()}

    def action_compare(self) -> None:
        from joytui.tui.screens.compare import CompareDialog

        screen: LogsScreen = self  # type: ignore[assignment]
        records = self._marked()
        selected = screen.selected()
        if len(records) < 2 and selected is not None:
            records.setdefault(selected.id, selected)
        if len(records) < 2:
            screen.console.tell("space marks a request; = compares it with another", error=True)
            return
        left, right = sorted(records.values(), key=lambda record: record.time)
        screen.console.push_screen(CompareDialog(left, right, screen.view.zone))

    # Replay

    def action_replay(self) -> None:
        from joytui.tui.logs.curl import sendable

        screen: LogsScreen = self  # type: ignore[assignment]
        record = screen.selected()
        if record is None:
            return
        if screen.console.client is None:
            screen.console.tell("there is no gateway to ask", error=True)
        elif not sendable(record):
            screen.console.tell(f"only prompts can be sent again, not {record.endpoint}", error=True)
        else:
            screen.console.push_screen(replay_question(record), lambda yes: self._start_replay(record) if yes else None)

    def _start_replay(self, record: RequestRecord) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        client = screen.console.client
        if client is not None:
            screen.console.tell("asking again…")
            screen.run_worker(_replay(screen, client, record), group="replay", exclusive=True, exit_on_error=False)

    def on_replayed(self, message: Replayed) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        if message.request is not None:
            self.mark(message.request)
        screen.console.tell(message.words, error=message.error)
