"""What a store is asked when it is made, and ever after; and what of the answers must be the same then."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from joytui.core.errors import EXIT_USAGE
from joytui.core.token_counts import USAGE_GROUPS
from tests.contract.traffic import KEYS, TICKET
from tests.support import faketime
from tests.support.joytui_process import Machine

FOLDER = "{FOLDER}"
"""Stands in the files for the folder that they are in."""
NOBODY = "127.0.0.1:9"
"""Stands in the files for gateways that run no longer."""
SPAN = "--since 2026-01-01T00:00:00Z --until 2026-03-01T00:00:00Z"
OPENED = "2026-03"
"""What is stamped with a later time was written when the store was opened."""
LINES = (
    "logs --limit 0",
    *(f"logs --limit 0 --filter {text}" for text in ("status:4xx", "-is:error", "key:ada", "thread:01a2*", "cost>1")),
    f"logs --limit 3 {SPAN}",
    *(f"logs --request {text}" for text in (TICKET, "ticket-2", "ticket-4")),
    *(f"usage --by {by}" for by in USAGE_GROUPS),
    f"usage --by thread --by day --top 1 {SPAN}",
    f"usage --by key --by model --by hour {SPAN}",
    "usage --source codex --by project --by model",
    f"usage --reconcile {SPAN}",
    "keys list",
    *(f"keys check {name} --like small" for name in KEYS),
    "wallet show --entries 60",
    "triage --request ticket-2",
    "gateway settings",
    "gateway upstream-key where other",
    "doctor --report report.json",
    "report --check bundle.zip",
    "triage bundle.zip",
)
"""Commands; --json is added."""
UNDOING = ("setup --remove", "doctor --undo", "doctor --undo")
"""Commands that give Codex's configuration back, one after the other."""
PATHS = (
    "/console/v1/policies",
    "/console/v1/tokens",
    "/console/v1/status",
    "/console/v1/latency?since=2026-01-01T00:00:00Z&until=2026-03-01T00:00:00Z",
    "/console/v1/requests?limit=5",
)
OWN = "/api/v1/key/check?model=joytui-offline&input_bytes=9"
"""Asked with each of the keys."""

_COMPARED = {
    "logs --limit 0 --": ("id",),
    "keys check": ("allowed", "key_id", "status", "error_type", "cause"),
    OWN: ("allowed", "key_id", "status", "error_type", "cause"),
    "triage --request": ("cause", "row", "request", "key", "wallet", "thread_turns"),
    "report --check": ("clean", "leaks"),
    "triage bundle": ("kind", "sure", "cause", "row"),
    "/console/v1/status": ("keys", "requests", "last_seq", "wallets"),
}
"""What of an answer counts, where the rest hangs on more than on what is stored: prices, words, processes."""


def compared(asked: str, answer: Any) -> Any:
    """The part of an answer (JSON) that is to be the same ever after."""
    for begin, names in _COMPARED.items():
        if asked.startswith(begin):
            answer = [_only(names, one) for one in answer] if isinstance(answer, list) else _only(names, answer)
    if asked.startswith("gateway settings"):  # those of the file and of the environment; no defaults, no words
        given = [one for one in answer["settings"] if one["origin"] != "default"]
        answer = [_only(("name", "value", "origin"), one) for one in given]
    return _lasting(answer)


def _only(names: Collection[str], answer: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: one for name, one in answer.items() if name in names}


def _lasting(value: Any) -> Any:
    if isinstance(value, list):
        return [_lasting(one) for one in value]
    if isinstance(value, dict):
        return {name: _lasting(one) for name, one in value.items() if not _is_new(one)}
    return value


def _is_new(value: Any) -> bool:
    return isinstance(value, str) and OPENED <= value[:7] < "2900" and value[4:5] == "-" and value.endswith("Z")


def parsed(line: str, text: str) -> Any:
    """The JSON of a command; of several logs a line each."""
    return [json.loads(one) for one in text.splitlines()] if line.startswith("logs --limit") else json.loads(text)


def other_than(then: Any, now: Any, path: str = "") -> Iterator[str]:
    """Where today's answer is another than the one that was given then; members may have been added."""
    if isinstance(then, dict) and isinstance(now, dict):
        for name, one in then.items():
            if name not in now:
                yield f"{path}.{name}: gone"
            else:
                yield from other_than(one, now[name], f"{path}.{name}")
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (one, other) in enumerate(zip(then, now, strict=True)):
            yield from other_than(one, other, f"{path}[{place}]")
    elif then != now:
        yield f"{path}: was {json.dumps(then, ensure_ascii=False)[:300]}, is {json.dumps(now, ensure_ascii=False)[:300]}"


def command(machine: Machine, line: str, *more: str) -> Any:
    """The exit code of `joytui LINE --json`, and what it says; None if there is no such command. `more`: what is typed besides,
    for the same answer."""
    done = machine.call(*line.split(), "--json", *more)
    if done.code == EXIT_USAGE:
        return None
    assert done.out, (line, done)
    return {"code": done.code, "says": compared(line, parsed(line, done.out.replace(str(machine.folder), FOLDER)))}


def budgets(machine: Machine) -> Any:
    """What each key has spent and holds in the windows that are open."""
    return {one["id"]: one["budgets"] for one in machine.ask("keys", "list")["keys"]}


def clock_at(at: datetime) -> dict[str, str]:
    """The variables with which a process begins at this time; {} where there is no libfaketime."""
    found = faketime.library()
    if found is None:
        return {}
    clock = {"LD_PRELOAD": found, "FAKETIME": f"@{at:%Y-%m-%d %H:%M:%S}", "TZ": "UTC"}
    return {**clock, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1"}


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def own(http: httpx.Client, key: str) -> Any:
    """What a key hears of itself."""
    answer = http.get(OWN, headers=bearer(key))
    return {"code": answer.status_code, "says": compared(OWN, answer.json().get("data", {}))}


def tail(http: httpx.Client) -> Any:
    """The last rows that changed, as a console gets them that continues where it was."""
    after = http.get("/console/v1/status").json()["last_seq"] - 4
    with http.stream("GET", f"/console/v1/requests/stream?after={after}") as answer:
        data = next(line for line in answer.iter_lines() if line.startswith("data: "))
    rows = json.loads(data.removeprefix("data: "))["requests"]
    return {"after": after, "rows": [[row["seq"], row["id"], row["status"]] for row in rows]}


def undone(machine: Machine, line: str) -> Any:
    """A command that puts back, and what Codex's configuration says then."""
    code = machine.call(*line.split()).code
    config = machine.folder / "home" / ".codex" / "config.toml"
    return {"line": line, "code": code, "config.toml": config.read_bytes().decode() if config.exists() else None}


def replace_in_files(folder: Path, old: str, new: str) -> None:
    """Puts another path into all files that name the folder they are in, and into the columns of databases."""
    for path in folder.rglob("*"):
        if path.suffix in (".json", ".toml") and path.is_file():
            path.write_bytes(path.read_bytes().replace(old.encode(), new.encode()))
        elif path.match("cache/*.sqlite3"):
            with contextlib.closing(sqlite3.connect(path)) as connection, connection:
                if connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'rollup'").fetchone():
                    connection.execute("UPDATE rollup SET listing = replace(listing, ?, ?)", (old, new))


def newer_store(path: Path) -> Path:
    """A store of a joytui that is not written yet."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE tomorrow (x)")
        connection.execute("PRAGMA user_version = 999")
    return path
