"""What is wrong with an answer that began well."""

from __future__ import annotations

from typing import Final

from joytui.core.causes.cause_record import Cause

STREAM: Final = (
    Cause(
        id="not-an-event-stream",
        row="other",
        title="The gateway answers 200, and not with an event stream",
        explanation="Codex asks for a stream of events and gets JSON, a page, or nothing. It retries and then says that the stream closed.",
        remedy="The gateway must stream on /responses. Put joytui's gateway between if it cannot.",
        tell="`stream closed before response.completed`: seven causes share this text. Ask for `joytui doctor`.",
    ),
    Cause(
        id="chat-stream-on-responses",
        row="other",
        title="The gateway sends Chat Completions chunks where Codex expects Responses events",
        explanation="The route exists and speaks the other protocol.",
        remedy="Put joytui's gateway between: `joytui gateway start --upstream <base_url> --upstream-api chat`.",
        tell="`stream closed before response.completed`, although text arrives.",
    ),
    Cause(
        id="error-in-200",
        row="other",
        title="The gateway reports an error inside a 200 answer",
        explanation="Codex ignores such an error and only says that the stream closed.",
        remedy="Act on the error that is quoted.",
        tell="`stream closed before response.completed`. The real text is in the answer's body.",
    ),
    Cause(
        id="stream-truncated",
        row="other",
        title="The answer breaks off",
        explanation="The stream ends before response.completed: a time limit of a proxy, or a gateway that gives up.",
        remedy="Look at the time limits of proxies and load balancers, and at the gateway's logs.",
        tell="`stream closed before response.completed` or `error decoding response body`.",
    ),
    Cause(
        id="stream-idle",
        row="other",
        title="The stream falls silent",
        explanation="No event came for stream_idle_timeout_ms. Comments (keep-alive pings) do not count for Codex.",
        remedy="Raise stream_idle_timeout_ms, or let the gateway send real events while it waits.",
        tell="Codex prints `idle timeout waiting for SSE`.",
    ),
    Cause(
        id="stream-invalid",
        row="other",
        title="The gateway's events are not in the form that Codex reads",
        explanation="For example response.completed without an id, or usage with Chat Completions names.",
        remedy="The gateway must send Responses events; joytui's gateway does.",
        tell="Codex prints `failed to parse ResponseCompleted`, or that the stream closed.",
    ),
    Cause(
        id="stream-output-missing",
        row="other",
        title="The answer is complete, and Codex shows nothing",
        explanation="Codex takes text from response.output_item.done only. The gateway sends it in deltas, or at the end, and not there.",
        remedy="The gateway must send output_item.done; joytui's gateway does.",
        tell="Codex ends without an error and without an answer.",
    ),
    Cause(
        id="response-failed",
        row="other",
        title="The gateway ends the answer with response.failed",
        explanation="The stream is in order and says that this response failed.",
        remedy="Act on the error that is quoted.",
        tell="Codex prints the message of the error.",
    ),
    Cause(
        id="response-incomplete",
        row="other",
        title="The gateway ends the answer as incomplete",
        explanation="A token limit or a content filter ended it early.",
        remedy="Ask the operator which limit applies to this key or model.",
        tell="Codex prints `Incomplete response returned`.",
    ),
)
