"""What can be done with the selected request on Logs: copy, replay, mark, compare."""

from __future__ import annotations

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
    """What came of a replay, in words; `request` is the one that was asked again, "" where nothing was sent."""

    def __init__(self, request: str, words: str, *, error: bool) -> None:
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
        target.post_message(Replayed("", error.what, error=True))
        return
    words = f"replay: {done.status} after {done.seconds:.1f} s"
    words += f", {done.message}" if done.message else "; = on its row compares it with the first"
    words += f"; {done.left_over}" if done.left_over else ""
    target.post_message(Replayed(record.id, words, error=done.status >= 400))


class RequestActions:
    """A part of the Logs screen."""

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
        marked = screen.view.marked
        if record.id in marked:
            self.mark(*(id for id in marked if id != record.id))
        else:
            self.mark(*marked[-1:], record.id)

    def mark(self, *ids: str) -> None:
        """These and no others are marked."""
        screen: LogsScreen = self  # type: ignore[assignment]
        screen.view.marked = ids
        screen.view.refresh()
        screen.show_context()

    def action_compare(self) -> None:
        from joytui.tui.screens.compare import CompareDialog

        screen: LogsScreen = self  # type: ignore[assignment]
        shown, marked = screen.view.shown, screen.view.marked
        places = [place for id in marked if (place := shown.find(id)) is not None]
        if len(places) < 2 and screen.view.cursor >= 0 and screen.view.cursor not in places:
            places.append(screen.view.cursor)
        if len(places) < 2:
            screen.console.tell("space marks a request; = compares it with another", error=True)
            return
        left, right = (shown.record(place) for place in sorted(places))
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
        if message.request:
            self.mark(message.request)
        screen.console.tell(message.words, error=message.error)
