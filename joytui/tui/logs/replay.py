"""Asking the same model again: the question before it, the worker that asks, and the message that it posts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from joytui.core.errors import JoytuiError
from joytui.core.request import RequestRecord

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.tui.screens.ask import Confirm


def replay_question(record: RequestRecord) -> Confirm:
    """What a replay sends, with which key and at what cost."""
    from joytui.tui.screens.ask import Confirm

    text = (
        f"Sends one small prompt for {record.model or 'auto'} to {record.endpoint}. The original prompt is not "
        f"stored, so it is not sent.\n\nThis makes a key with the policy of {record.key or 'no key'}, and revokes it afterwards. It "
        "costs as much as a short answer."
    )
    return Confirm("Ask the same model again?", text, "Replay")


class Replayed(Message):
    """What came of a replay, in words; `request` is the one that was asked again, None if nothing was sent."""

    def __init__(self, request: RequestRecord | None, words: str, *, error: bool) -> None:
        super().__init__()
        self.request = request
        self.words = words
        self.error = error


async def replay_worker(target: MessagePump, client: ConsoleClient, record: RequestRecord) -> None:
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
