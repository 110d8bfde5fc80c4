"""A request through the gateway: FIELDS says all there is to say about each of its fields, in the order of the JSON.

What reads, sends, keeps, filters or lists requests is derived from FIELDS: the store's reads, the columns of `core.columnar`,
the rows on the wire, `joytui logs --json`, the filter language with its help, the columns of Logs. A new field is a line in
FIELDS (and in RequestRecord, and in what it comes with: Opened or Ended), a migration of the store, and the place that measures
it: gateway/visit.py, or gateway/turn_metadata.py for what Codex's headers tell.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:  # for the type alone: its patterns cost 4 ms, and the console reads requests before its first frame
    from joytui.core.redaction import Clean

from joytui.core.token_counts import TokenCounts

Kind = Literal["id", "time", "text", "list", "status", "count", "number", "cost", "source", "span", "flag"]
"""id: a text that hardly repeats. text: one that does. list: a few words of a fixed set (one text in a column and in the store:
`joined`). count: of tokens. number: from 1 up, None if nobody counted. cost: nano-credits (a decimal string of credits on the
wire). source: where the cost is from. span: milliseconds from when the request came. flag: yes or no."""

GATEWAY, TELEMETRY, ROLLOUT = "gateway", "telemetry", "rollout"
"""Who can tell of a request: a gateway that it passed, Codex's telemetry, the rollout file of its turn. In this order their
figures hold."""

_PREFIX, _TOLD = "req-", "codex-"
_DIGITS = 16


def request_id(number: int) -> str:
    """The gateway's own id of a request, from its number."""
    return f"{_PREFIX}{number:016x}"


def told_id(thread: str, number: int) -> str:
    """The id of a request that only Codex's telemetry reported. Codex names no turn in it, so the number stands for that."""
    return f"{_TOLD}{thread}-{number:016x}"


def request_number(text: str) -> int | None:
    """The number behind an own request id, or behind a `told_id`; None for any other text."""
    head, digits = text[:-_DIGITS], text[-_DIGITS:]
    if head != _PREFIX and not (head.startswith(_TOLD) and head.endswith("-")):
        return None
    try:
        number = int(digits, 16)
    except ValueError:
        return None
    return number if 0 <= number < 1 << 63 else None


def program(client: str) -> str:
    """The program of a User-Agent, without the machine that it runs on: its first word (`codex_exec/0.171.0`)."""
    return client.partition(" ")[0]


def joined(words: Iterable[str]) -> str | None:
    """A list as one text; None for an empty one. A comma in a word becomes a space."""
    return ",".join(word.replace(",", " ") for word in words) or None


def parted(text: str | None) -> tuple[str, ...]:
    """The list in such a text."""
    return tuple(text.split(",")) if text else ()


class Cell(NamedTuple):
    """A column of Logs: its title and width, and the width of the screen from which on there is room for it; None: it is
    there where the user asks for it."""

    title: str
    width: int
    room: int | None = None


class Field(NamedTuple):
    """One field. `help`: what it is, as the help of its filter term says. `terms`: by which it is found in the filter language;
    one that several fields share looks into all of them. `wire`: its name in JSON, where that is another.

    `listed`: whether `joytui logs --json` has it. `label`: what it is called where one request is shown; without one it is
    not shown, or together with others. `measured`: how, where the name does not say it.
    """

    name: str
    kind: Kind
    help: str
    terms: tuple[str, ...] = ()
    wire: str = ""
    listed: Literal["always", "if any", "never"] = "always"
    label: str = ""
    cell: Cell | None = None
    measured: str = ""

    @property
    def member(self) -> str:
        """Its name in JSON."""
        return self.wire or self.name


FIELDS: tuple[Field, ...] = (
    Field("id", "id", "the gateway's own id", ("id",)),
    Field("time", "time", "when it came", measured="by the gateway's clock, when its head was read"),
    Field("key", "text", "the key's name", ("key",)),
    Field("key_id", "text", "the key's id", ("key_id",)),
    Field("model", "text", "the model that was asked for", ("model", "asked")),
    Field("model_used", "text", "the model that answered", ("model", "used")),
    Field("provider", "text", "the upstream's provider", ("provider",), cell=Cell("provider", 12)),
    Field("tier", "text", "economy, standard or premium", ("tier",), cell=Cell("tier", 8, 150)),
    Field("endpoint", "text", "the path that was called", ("endpoint",)),
    Field("status", "status", "the HTTP status", measured="null while it runs, 499 when the client disconnected"),
    Field("error_type", "text", "the error's type (policy_rejected, …)", ("type",)),
    Field("error_message", "text", "what the error says"),
    Field("cause", "text", "why it was refused: a cause id of the doctor", ("cause",)),
    Field("input_tokens", "count", "input tokens", ("tokens", "input"), cell=Cell("tokens", 11, 56)),
    Field("cached_input_tokens", "count", "cached input tokens", ("cached",), cell=Cell("cached", 7),
          measured="a part of input_tokens"),
    Field("output_tokens", "count", "output tokens", ("tokens", "output")),
    Field("reasoning_tokens", "count", "reasoning tokens", ("reasoning",), measured="a part of output_tokens"),
    Field("cost_nano", "cost", "credits: cost>0.5", ("cost",), "cost_credits", cell=Cell("cost", 9, 72)),
    Field("cost_source", "source", "where the cost is from: upstream, estimated or none"),
    Field("ttft_ms", "span", "time to the first token: ttft>2s", ("ttft",), cell=Cell("first", 6, 120),
          measured="from when the request came until the first content"),
    Field("latency_ms", "span", "time to the end: latency>800ms", ("latency",), cell=Cell("took", 6, 62),
          measured="from when the request came until the end"),
    Field("stream", "flag", "whether the answer is streamed"),
    Field("request_id", "id", "the client's request id, or the own one", ("id",), measured="X-Request-ID"),
    Field("upstream_id", "id", "the upstream's request id", ("id",), label="upstream id"),
    Field("thread_id", "text", "the Codex thread", ("thread",), label="thread", cell=Cell("thread", 36),
          measured="thread-id, or session-id"),
    Field("client", "text", "the program that asked (its User-Agent)", ("client",), label="client"),
    Field("ip", "text", "the address it came from", ("ip",), label="from", cell=Cell("from", 15)),
    Field("notes", "text", "what the gateway changed or noticed", listed="if any", label="notes"),
    Field("queue_ms", "span", "time in the gateway", listed="never",
          measured="from when the request came until it was handed to the upstream (its body read, checked, reserved)"),
    Field("first_byte_ms", "span", "time to the first byte", listed="never",
          measured="from when the request came until the head of the upstream's answer"),
    Field("turn_id", "text", "the Codex turn", ("turn",), listed="if any", label="turn",
          measured="turn_id in x-codex-turn-metadata: a turn's requests share it"),
    Field("owner", "text", "the key's owner", ("owner",), listed="if any", label="owner", cell=Cell("owner", 14)),
    Field("team", "text", "the owner's team", ("team",), listed="if any", label="team"),
    Field("project", "text", "the folder that Codex works in", ("project",), listed="if any", label="project", cell=Cell("project", 18),
          measured="workspaces in x-codex-turn-metadata"),
    Field("doctor", "flag", "whether joytui doctor sent it, as a test", listed="if any",
          measured="X-Joytui-Doctor, or how X-Request-ID begins, on a body as small as the doctor's"),
    Field("root_thread", "text", "the task: the root thread, which its sub-agents share", ("task",), listed="if any",
          label="task", measured="session-id, or session_id in x-codex-turn-metadata"),
    Field("parent_thread", "text", "the thread that started this sub-agent", ("parent",), listed="if any",
          label="parent thread", measured="x-codex-parent-thread-id"),
    Field("root_turn", "text", "the turn of the root thread that it belongs to", ("root_turn",), listed="if any",
          label="root turn", measured="root_turn_id in x-codex-turn-metadata"),
    Field("subagent", "text", "the kind of sub-agent", ("subagent",), listed="if any", label="sub-agent",
          measured="x-openai-subagent, or thread_source in x-codex-turn-metadata; null for the user's own threads"),
    Field("repo", "text", "the repository: host and path of the git origin", ("repo",), listed="if any",
          label="repository", measured="workspaces in x-codex-turn-metadata, without user and password"),
    Field("commit_hash", "text", "the commit that is checked out", ("commit",), "commit", listed="if any",
          label="commit", measured="workspaces in x-codex-turn-metadata"),
    Field("dirty", "flag", "whether files differ from that commit", listed="if any",
          measured="has_changes of workspaces in x-codex-turn-metadata"),
    Field("source", "text", "which source reported it first: gateway, telemetry or rollout", ("source",),
          measured="gateway where one saw it, else Codex's telemetry, else its rollout file"),
    Field("sources", "list", "all sources that reported it"),
    Field("branch", "text", "the git branch, where Codex's own files tell it", ("branch",), listed="if any", label="branch",
          measured="null at the gateway: no header names it"),
    Field("labels", "list", "the labels of the key", ("label",), listed="if any", measured="those that the key has now"),
    Field("attempts", "number", "how often Codex sent it", measured="retries and reconnects are one request; null from a rollout alone"),
    Field("differs", "text", "where the figures of Codex's telemetry differ from the gateway's", listed="if any", label="telemetry says"),
)  # fmt: skip

SHARED_TERMS = {
    "model": "the model that was asked for, or the one used",
    "id": "own, client's or upstream's request id",
    "tokens": "input and output tokens: tokens>5k",
}
"""The help of terms that several fields have."""


def folder_name(path: str | None) -> str:
    """The last part of a project's folder, on either kind of system; "" where there is none."""
    return (path or "").replace("\\", "/").rstrip("/").rpartition("/")[2]


def names(*kinds: Kind) -> tuple[str, ...]:
    """The fields of these kinds."""
    return tuple(field.name for field in FIELDS if field.kind in kinds)


class Opened(NamedTuple):
    """What is known when a request is admitted or refused. `n` orders requests and means nothing else; `started_at` is when
    the request came. Text from outside is Clean."""

    n: int
    started_at: int
    key_id: str | None
    model: Clean | None
    endpoint: str
    stream: bool
    request_id: Clean | None
    thread_id: Clean | None
    project: Clean | None
    client: Clean | None
    ip: str | None
    turn_id: Clean | None = None
    doctor: bool = False
    root_thread: Clean | None = None
    parent_thread: Clean | None = None
    root_turn: Clean | None = None
    subagent: Clean | None = None
    repo: Clean | None = None
    commit_hash: Clean | None = None
    dirty: bool = False


class Ended(NamedTuple):
    """What is known at the end. `cost_source`: "upstream", "estimated" or "none".

    Times count from when the request came; `queue_ms` ends when it is handed to the upstream, `first_byte_ms` when the
    head of the upstream's answer is there.
    """

    model_used: Clean | None
    provider: Clean | None
    tier: Clean | None
    status: int
    error_type: Clean | None = None
    error_message: Clean | None = None
    cause: str | None = None
    finish: Clean | None = None
    input_tokens: int = 0
    cached_input_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    cost_nano: int = 0
    cost_source: str = "none"
    ttft_ms: float | None = None
    latency_ms: float | None = None
    upstream_id: Clean | None = None
    billing_id: Clean | None = None
    notes: Clean | None = None
    queue_ms: float | None = None
    first_byte_ms: float | None = None


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request through the gateway. Tokens are counts (together `tokens`), `cost_nano` nano-credits, times RFC 3339 UTC, latencies ms.

    What a field is, and how it is measured, is in FIELDS. None: it did not come so far, or an older gateway wrote the
    record. `status` is None while the request runs, and where no answer came or is known (`running`). `cause` is a cause id for a refusal.
    """

    id: str
    time: str
    key: str | None
    key_id: str | None
    model: str | None
    model_used: str | None
    provider: str | None
    tier: str | None
    endpoint: str
    status: int | None
    error_type: str | None
    error_message: str | None
    cause: str | None
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost_nano: int
    cost_source: Literal["upstream", "estimated", "none"]
    ttft_ms: float | None
    latency_ms: float | None
    stream: bool
    request_id: str
    upstream_id: str | None
    thread_id: str | None
    client: str | None
    ip: str | None
    notes: str | None = None
    queue_ms: float | None = None
    first_byte_ms: float | None = None
    turn_id: str | None = None
    owner: str | None = None
    team: str | None = None
    project: str | None = None
    doctor: bool = False
    root_thread: str | None = None
    parent_thread: str | None = None
    root_turn: str | None = None
    subagent: str | None = None
    repo: str | None = None
    commit_hash: str | None = None
    dirty: bool = False
    source: str | None = GATEWAY
    sources: tuple[str, ...] = (GATEWAY,)
    branch: str | None = None
    labels: tuple[str, ...] = ()
    attempts: int | None = 1
    differs: str | None = None

    @property
    def running(self) -> bool:
        """Whether its end is still to come: a gateway or a turn's file tells of no end yet, or telemetry has told of the head of an
        answer and no more. What ended without a status (no answer came) has an error's type."""
        if self.source == TELEMETRY:
            return self.latency_ms is None
        return self.status is None and self.error_type is None

    @property
    def tokens(self) -> TokenCounts:
        return TokenCounts(self.input_tokens, self.cached_input_tokens, self.output_tokens, self.reasoning_tokens)
