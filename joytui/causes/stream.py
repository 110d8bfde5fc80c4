"""What is wrong with an answer that began well."""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, Sign
from joytui.causes.questions import DOCTOR, END_MISSING, LOG, WHOLE_MESSAGE

NO_STREAM: Final = (
    "not-an-event-stream",
    "stream-truncated",
    "error-in-200",
    "chat-stream-on-responses",
    "stream-invalid",
    "not-a-gateway",
    "response-failed",
    "upstream-error",
    "insufficient-quota",
    "policy-rejected",
    "rate-limited",
    "key-rejected",
    "model-not-found",
    "base-url-path",
)
"""What “stream closed before response.completed” is said for, the likeliest first."""

STREAM: Final = (
    Cause(
        id="not-an-event-stream",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("commands",),
        title="The gateway answers 200, but not with an event stream",
        explanation="Codex expects a stream of events and gets JSON, a page, or nothing. It retries and then says that the stream closed.",
        remedy="The gateway must stream on /responses. Put joytui's gateway in between if it cannot.",
        tell="`stream closed before response.completed`: seven causes share this text. Ask for `joytui doctor`.",
        signs=(
            Sign(
                tail="stream closed before response.completed",
                others=NO_STREAM,
                ask=DOCTOR,
                note="“stream closed before response.completed” is one text for seven causes; the gateway answered 200 in all of them.",
            ),
            Sign(
                tail="UTF8 error",
                others=("encoding-broken", "stream-invalid", "stream-truncated"),
                ask=f"the gateway's answer: {DOCTOR}",
            ),
            Sign(
                begins="stream disconnected before completion:",
                others=(
                    *NO_STREAM,
                    "connection-reset",
                    "stream-idle",
                    "base-url-invalid",
                    "redirected",
                    "response-incomplete",
                ),
                ask=END_MISSING,
            ),
            Sign(
                people=r"stream|disconnect",
                others=(*NO_STREAM, "stream-idle", "connection-reset"),
                ask=f"{WHOLE_MESSAGE}, or {DOCTOR}",
                broad=4,
            ),
            Sign(name="200 without an event stream", others=("not-a-gateway",), ask=DOCTOR),
            Sign(
                whole=(
                    r"stream closed before response\.completed",
                    r"^(?!.*unexpected status [45]\d\d).*(?:\b200\b[^\n]{0,40}application/json|<!doctype html|<html\b|[\"']object[\"']: ?[\"'](?:response|chat\.completion)[\"'])",
                ),
            ),
        ),
    ),
    Cause(
        id="chat-stream-on-responses",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("commands",),
        title="The gateway sends Chat Completions chunks where Codex expects Responses events",
        explanation="The route exists but speaks the other protocol.",
        remedy="Put joytui's gateway in between: `joytui gateway start --upstream <base_url> --upstream-api chat`.",
        tell="`stream closed before response.completed`, although text arrives.",
        signs=(
            Sign(name="200 with chunks of Chat Completions"),
            Sign(
                whole=(
                    r"stream closed before response\.completed|stream disconnected before completion",
                    r"[\"']object[\"']: ?[\"']chat\.completion\.chunk[\"']",
                )
            ),
        ),
    ),
    Cause(
        id="error-in-200",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=(),
        title="The gateway reports an error inside a 200 answer",
        explanation="Codex ignores such an error and only says that the stream closed.",
        remedy="Act on the quoted error.",
        tell="`stream closed before response.completed`. The real text is in the answer's body.",
        signs=(
            Sign(
                error=("server_error",), others=("gateway-error", "upstream-error"), ask=f"the HTTP status, and {LOG}"
            ),
            Sign(name="200 with an error", others=("stream-truncated",), ask=DOCTOR),
        ),
    ),
    Cause(
        id="stream-truncated",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=(),
        title="The answer breaks off",
        explanation="The stream ends before response.completed, because of a proxy's time limit or a gateway that gives up.",
        remedy="Check the time limits of proxies and load balancers, and the gateway's logs.",
        tell="`stream closed before response.completed` or `error decoding response body`.",
        signs=(
            Sign(
                tail="Transport error: network error",
                codex=r"error decoding response body|Transport error: network error",
                others=("connection-reset", "encoding-broken"),
                ask=DOCTOR,
            ),
            Sign(
                whole=(
                    r"error decoding response body|stream closed before response\.completed|unexpected eof",
                    r"\b(?:after|nach|every|always at|genau)\b[^.\n]{0,24}\b(?:30|60|90|100|120|180|300|600) ?(?:s|sec\w*|seconds|sekunden)\b|(?:30|60|90|100|120|180|300) ?秒|\b(?:after|nach) (?:exactly |about |genau |etwa )?(?:1|one|a|2|two|5|five) minutes?\b",
                ),
                explanation="It always breaks off after the same time: a proxy or load balancer in front of the gateway limits how long an answer may take.",
                remedy="Raise that limit for /responses (in nginx: proxy_read_timeout, and proxy_buffering off).",
            ),
            Sign(
                name="200 without an end", others=("stream-invalid", "stream-idle"), ask="the whole stream, to its end"
            ),
        ),
    ),
    Cause(
        id="codex-fails",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=(),
        title="Codex itself fails although everything looked good",
        explanation="The doctor's own request got a good answer, but the installed Codex failed (--with-codex ran it). Its "
        "message fits no other cause.",
        remedy="Act on Codex's own message. `joytui report` packs what joytui saw, for whoever investigates it.",
        tell="Only `joytui doctor --with-codex` finds it: everything else looks good.",
        signs=(Sign(people=r"the installed Codex failed"),),
    ),
    Cause(
        id="encoding-broken",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("change",),
        title="Compression breaks the answer",
        explanation="Newer versions of Codex ask for compressed answers (zstd, gzip). Something between Codex and the gateway compresses "
        "in a way that Codex cannot read, or holds the stream back while it compresses.",
        remedy="Turn compression off for /responses at the gateway, or at the proxy or load balancer in front of it.",
        tell="Older versions of Codex work with the same settings, and so does curl, which asks for no compression.",
        details={"plain_works": bool, "encoding": str},
        signs=(
            Sign(
                codex=r"Unsupported Accept-Encoding",
                others=("not-an-event-stream", "stream-truncated"),
                ask=DOCTOR,
            ),
            Sign(
                whole=(
                    r"invalid gzip header|incorrect header check|corrupt (?:deflate|gzip|zstd)|unknown frame descriptor|z_data_error|content_decoding_failed"
                    r"|\b(?:zstd|gzip|brotli|deflate)\b[^\n]{0,60}\b(?:decod\w* (?:error|failed)|invalid|corrupt\w*|failed|unexpected)\b"
                    r"|\b(?:error|failed|cannot|unable)\b[^\n]{0,40}\b(?:decompress\w*|zstd|gunzip|brotli)\b",
                ),
            ),
        ),
    ),
    Cause(
        id="stream-idle",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("change",),
        title="The stream goes silent",
        explanation="No event came for stream_idle_timeout_ms. Comments (keep-alive pings) do not count for Codex.",
        remedy="Raise stream_idle_timeout_ms, or let the gateway send real events while it waits.",
        tell="Codex prints `idle timeout waiting for SSE`.",
        signs=(Sign(tail="idle timeout waiting for SSE"),),
    ),
    Cause(
        id="stream-invalid",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("commands",),
        title="The gateway's events are not in the format that Codex reads",
        explanation="For example response.completed without an id, or usage with Chat Completions names.",
        remedy="The gateway must send Responses events; joytui's gateway does.",
        tell="Codex prints `failed to parse ResponseCompleted`, or that the stream closed.",
        signs=(
            Sign(tail="failed to parse ResponseCompleted"),
            Sign(
                whole=(
                    r"unsupported call:|unsupported custom tool call:|(?:tool|function) call\b[^\n]{0,40}\bunknown namespace",
                ),
                explanation=(
                    "The model's tool call comes back under a name that Codex did not offer: something on the way changed or dropped "
                    "the tool's namespace. Built-in tools work, those of MCP servers do not."
                ),
                remedy="Tell whoever runs the relay: it must return the fields name and namespace of a tool call as Codex sent them; joytui's gateway does.",
            ),
        ),
    ),
    Cause(
        id="stream-output-missing",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=("commands",),
        title="The answer is complete, but Codex shows nothing",
        explanation="Codex takes text from response.output_item.done only. The gateway sends it only in deltas, or at the end.",
        remedy="The gateway must send output_item.done; joytui's gateway does.",
        tell="Codex ends without an error and without an answer.",
        signs=(
            Sign(
                people=r"(?:empty|no|blank) (?:answer|response|output|reply)|prints nothing|says nothing",
                others=("no-response", "connection-timeout", "not-an-event-stream"),
                ask=DOCTOR,
                broad=4,
            ),
            Sign(
                whole=(
                    r"\b(?:prints?|shows?|says?|returns?) nothing\b|\b(?:empty|blank|no) (?:answer|response|output|reply|text)\b|没有(?:任何)?(?:输出|内容|回复)|空(?:白)?(?:回复|输出|答案)|leere Antwort|respuesta vacía|空の(?:応答|回答)",
                    r"^(?!.*(?:event: ?|[\"']type[\"']: ?[\"'])response\.output_item\.done).*(?:output_text\.delta|only (?:in |as )?deltas?\b|output_item\.done)",
                ),
            ),
            Sign(name="completed without a message", others=("not-an-event-stream",), ask=DOCTOR),
        ),
    ),
    Cause(
        id="response-failed",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=(),
        title="The gateway ends the answer with response.failed",
        explanation="The stream itself is fine; it says that this response failed.",
        remedy="Act on the quoted error.",
        tell="Codex prints the message of the error.",
        signs=(Sign(codex=r"response\.failed event received"),),
    ),
    Cause(
        id="response-incomplete",
        row="other",
        step="stream",
        phase="stream",
        fixed_by=(),
        title="The gateway ends the answer as incomplete",
        explanation="A token limit or a content filter ended it early.",
        remedy="Ask the operator which limit applies to this key or model.",
        tell="Codex prints `Incomplete response returned`.",
        signs=(Sign(tail="Incomplete response returned"),),
        details={"reason": str},
    ),
)
