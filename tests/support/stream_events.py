"""Server-sent events of the Responses API, and of Chat Completions, as the behaviours of a stream put them together."""

from __future__ import annotations

from tests.support.behaviours import CREATED, DELTA, ITEM_ADDED, event

DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
TEXT = (CREATED, ITEM_ADDED, DELTA)


def completed(**response: object) -> bytes:
    """`response.completed` with another response."""
    return event("response.completed", response=response)


def failed(code: str | None, text: str = "nope", **more: object) -> bytes:
    """`response.failed` with an error code."""
    fault = {"code": code, "message": text, **more} if code else {"message": text}
    return event("response.failed", response={"id": "resp_1", "status": "failed", "error": fault})


def chat_chunk(**delta: object) -> bytes:
    """One chunk of Chat Completions."""
    return event(None, id="chatcmpl-1", object="chat.completion.chunk", choices=[{"index": 0, "delta": delta}])


def finished(item: dict[str, object]) -> bytes:
    """`response.output_item.done`: where Codex takes an item from."""
    return event("response.output_item.done", item=item)


def tool_call(name: str = "exec_command", arguments: str = '{"cmd":"true"}', **more: object) -> bytes:
    """A finished function call."""
    item = {"type": "function_call", "id": "fc_1", "name": name, "arguments": arguments, "call_id": "call_1", **more}
    return event("response.output_item.done", output_index=0, item=item)
