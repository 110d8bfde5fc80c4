"""The records that pass between the packages: frozen data, no behaviour beyond their own JSON form.

The doctor's half (`Report` and what it holds) is the contract of `joytui doctor --json`, schema version 1.
The contract of `joytui logs --json` is in `core.request`, that of `joytui usage` in `core.token_counts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import Field, dataclass, field, fields, replace
from datetime import date, time
from typing import Any, Literal

Row = Literal["401", "403", "402", "model-not-found", "no-logs", "other"]
Status = Literal["pass", "warn", "fail", "skip", "unknown"]

ROWS: tuple[Row, ...] = ("401", "403", "402", "model-not-found", "no-logs", "other")
SCHEMA_VERSION = 1
NOT_IN_JSON: Mapping[str, bool] = {"json": False}
"""Metadata of a field that is no part of a record's JSON form."""


def to_json(value: Any) -> Any:
    """Any record as plain JSON data: dataclasses become objects, tuples lists. Field order is the declared one."""
    if hasattr(value, "__dataclass_fields__"):
        return {f.name: to_json(getattr(value, f.name)) for f in json_fields(value)}
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(v) for v in value]
    if isinstance(value, (date, time)):  # TOML has them, JSON has not
        return value.isoformat()
    return value


def json_fields(record: Any) -> tuple[Field[Any], ...]:
    """The fields of a record (or of its class) that its JSON form has."""
    return tuple(f for f in fields(record) if f.metadata.get("json", True))


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact that supports a finding. `where` is a place a person can open: "file:line", "environment", a URL."""

    what: str
    where: str


@dataclass(frozen=True, slots=True)
class Change:
    """One file. `old` None: it is not there yet. Both are the whole content, and may hold secrets: show a redacted diff.

    `secret_of`: the variable of the one line that changes where its value is a secret: the file is 0600 then, and no diff is shown.
    """

    path: str
    old: bytes | None = field(repr=False)
    new: bytes = field(repr=False)
    secret_of: str = ""


Action = Literal["stop-daemon", "start-gateway"]


@dataclass(frozen=True, slots=True)
class Fix:
    """What to do. `commands` can be pasted into a shell; `patch` is a unified diff, None if it would hold a secret.

    `safe`: applying it changes only what Codex does with this provider, and can be undone; else it wants a person's answer.

    What joytui does itself, if asked to, is in no report: it changes files (`then`: commands that remain for the user), or
    runs something (`pid`: the process that it is about).
    """

    summary: str
    commands: tuple[str, ...] = ()
    patch: str | None = field(default=None, repr=False)
    safe: bool = False
    changes: tuple[Change, ...] = field(default=(), repr=False, metadata=NOT_IN_JSON)
    then: tuple[str, ...] = field(default=(), metadata=NOT_IN_JSON)
    action: Action | None = field(default=None, metadata=NOT_IN_JSON)
    pid: int | None = field(default=None, metadata=NOT_IN_JSON)

    @property
    def automatic(self) -> bool:
        """Whether joytui can do it itself."""
        return bool(self.changes or self.action)


@dataclass(frozen=True, slots=True)
class Finding:
    """What the doctor concluded: one thing that is wrong (or, as a warning, will bite), with its proof and its fix; or, without
    a `cause`, that nothing is wrong or nothing was decided.

    `works`: this invocation gets answers through the gateway; None: not decided (nothing was sent, or no answer). The
    contract has it for the verdict only. `row`, `title` and `explanation` are the words of joytui.causes, put in last.
    `codex_says` is the text that Codex itself prints for it, None if Codex prints nothing.
    `details` holds machine-readable facts of this cause (`policy`, `quota`, `retry_after_s`, `codex_requests`, …).
    `summary`: what was met, in a line for the steps of the walk.
    """

    works: bool | None
    cause: str | None
    row: Row | None = None
    title: str = ""
    explanation: str = ""
    evidence: tuple[Evidence, ...] = ()
    codex_says: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    fix: Fix | None = None
    summary: str = field(default="", metadata=NOT_IN_JSON)

    def with_details(self, **more: Any) -> Finding:
        """The same finding with more details."""
        return replace(self, details={**self.details, **more})

    def with_evidence(self, *more: Evidence) -> Finding:
        """The same finding with more evidence, after what it has."""
        return replace(self, evidence=(*self.evidence, *more))


@dataclass(frozen=True, slots=True)
class Step:
    """One check of the walk. `id` is stable (for example "config.syntax"); durations are milliseconds."""

    id: str
    row: Row
    title: str
    status: Status
    duration_ms: float
    summary: str
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of the guide's troubleshooting table with what the walk found there."""

    row: Row
    symptom: str
    check: str
    status: Status
    steps: tuple[str, ...]
    summary: str


@dataclass(frozen=True, slots=True)
class EffectiveValue:
    """A configuration value as Codex will use it. `origin`: "file:line", "flag", "environment" or "default"."""

    value: Any
    origin: str
    layer: str


@dataclass(frozen=True, slots=True)
class CodexInfo:
    """The Codex that was examined. `version` and `path` are None if none was found on PATH.

    `checked`: {"exact", "older", "newer"}: whether joytui was checked with this version, else with which one before and after it.
    `newest_checked`: the newest that it was checked with. `asked`: {"of_binary": [what it answered], "loader", "why", "disagreements"};
    None if the installed Codex was not asked.
    """

    version: str | None
    path: str | None
    home: str
    args: tuple[str, ...]
    checked: Mapping[str, Any] | None = None
    newest_checked: str | None = None
    asked: Mapping[str, Any] | None = None


SurfaceVerdict = Literal["works", "key-missing", "other-value", "fails", "unknown"]


@dataclass(frozen=True, slots=True)
class SurfaceCell:
    """One place from which Codex may be started, and what it meets there.

    `surface`: its id ("cron", "vscode", …); `name`: what the user calls it. `verdict`: "works" (nothing that this machine shows
    stops Codex there), "key-missing", "other-value" (another key, proxy, CA, CODEX_HOME or gateway than here: `differs` names
    what), "fails" (`cause` says at what), "unknown". `why`: in words. `found`: how its environment was found out. `sure`: False
    where something that reading does not follow could change it.

    `key`: {"state": "set" | "unset" | "unknown", "origin", "fingerprint"}. `proxy`, `ca`: the variable that counts for a request.
    `files`: those that were read for it.
    """

    surface: str
    name: str
    verdict: SurfaceVerdict
    why: str
    found: str
    sure: bool
    cause: str | None
    key: Mapping[str, Any]
    codex_home: str | None
    proxy: str | None
    ca: str | None
    differs: tuple[str, ...]
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TelemetryState:
    """Codex's own telemetry. `on`: it goes to joytui; else somebody else's exporter is set. `arrives`: whether the gateway takes it;
    None: not asked. `summary`: the same in a line."""

    on: bool
    endpoint: str | None
    origin: str
    arrives: bool | None
    summary: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run of the doctor found: what `joytui doctor --json` prints.

    `surfaces`: only where they were asked for (`--surfaces`); no member of the JSON otherwise. `telemetry`: only where Codex has
    an exporter; no member otherwise.
    """

    schema_version: int
    joytui_version: str
    generated_at: str
    codex: CodexInfo
    effective: Mapping[str, EffectiveValue]
    verdict: Finding
    warnings: tuple[Finding, ...]
    table: tuple[TableRow, ...]
    steps: tuple[Step, ...]
    surfaces: tuple[SurfaceCell, ...] = ()
    telemetry: TelemetryState | None = None
