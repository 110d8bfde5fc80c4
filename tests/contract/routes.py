"""What the gateway serves: its routes with who may ask them, its description, real answers of each, counters, streams."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx

from tests.contract.compare import missing
from tests.contract.product import Running
from tests.contract.shapes import Reading
from tests.contract.traffic import TICKET

Data = dict[str, Any]
WORDS = ("description", "title")
"""What the description tells people, and no program."""

CONSOLE: tuple[tuple[str, str, Any], ...] = (
    ("GET", "/status", None),
    ("GET", "/keys", None),
    ("POST", "/keys", {"name": "made", "labels": ["x"], "policy": {"daily_limit": "5"}}),
    ("POST", "/keys/check", {"key": "ada"}),
    ("GET", "/keys/{id:ada}", None),
    ("PATCH", "/keys/{id:made}", {"owner": "Bo"}),
    ("POST", "/keys/{id:made}/disable", None),
    ("POST", "/keys/{id:made}/enable", None),
    ("POST", "/keys/{id:made}/revoke", None),
    ("POST", "/keys", {"name": "turned", "policy_name": "team"}),
    ("POST", "/keys/{id:turned}/rotate", {"old_expires_at": "2999-12-31T00:00:00Z"}),
    ("GET", "/requests?limit=2", None),
    ("GET", "/requests?limit=1000", None),
    ("GET", f"/requests/{{id:{TICKET}}}", None),
    ("GET", "/usage?by=key&by=day", None),
    ("GET", "/latency", None),
    ("GET", "/models?key=cheap", None),
    ("GET", "/models", None),
    ("GET", "/wallet", None),
    ("GET", "/wallet/entries?limit=100", None),
    ("GET", "/wallet/entries?limit=1", None),
    ("PUT", "/wallet/{tier:economy}", {"balance": "5", "note": "x"}),
    ("POST", "/wallet/{tier:economy}/credit", {"amount": "0.5"}),
    ("PUT", "/wallet/{tier:economy}", {"balance": None}),
    ("GET", "/policies", None),
    ("PUT", "/policies/{name:other}", {"daily_limit": "5"}),
    ("GET", "/upstreams", None),
    ("DELETE", "/upstreams/lessons?model=m", None),
    ("POST", "/teams", {"name": "core"}),
    ("POST", "/teams/{name:core}/owners", {"owner": "Bo"}),
    ("GET", "/teams", None),
    ("DELETE", "/teams/{name:core}/owners?owner=Bo", None),
    ("GET", "/audit?limit=1", None),
    ("POST", "/tokens", {"name": "wall"}),
    ("GET", "/tokens", None),
    ("DELETE", "/tokens/{id:READER}", None),
)
"""The console API below /console/v1, in an order in which each answer is a good one ({id:made}: the parameter, and its value;
READER: the id of the token that may only read)."""


def told(shell: Running) -> Data:
    """The routes of the running gateway; shapes of answers are noted beside those of the commands."""
    return {
        "console": _console(shell),
        "model requests": {what: _told(answer) for what, answer in shell.answers.items()},
        "public": _public(shell),
        "metrics": _metrics(shell),
        "description": _description(shell.http.get("/openapi.json").json()),
    }


def _console(shell: Running) -> Data:
    """Which status nobody gets, a token that may only read, and the admin's."""
    made = _ask(shell, "POST", "/tokens", {"name": "reader"}, shell.bearer()).json()
    statuses: Data = {}
    for method, template, body in CONSOLE:
        path = template.replace("READER", made["id"])
        named = f"{method} /console/v1" + re.sub(r"\{(\w+):[^}]*\}", r"{\1}", template).partition("?")[0]
        everyone = {"nobody": {}, "reader": shell.bearer(made["token"]), "admin": shell.bearer()}
        answers = {who: _ask(shell, method, path, body, headers) for who, headers in everyone.items()}
        statuses[named] = {who: answer.status_code for who, answer in answers.items()}
        for answer in answers.values():
            what = named if answer.is_success else "an error of the console API"
            if answer.content:
                shell.see(what, answer.json(), Reading(literal=("cost_source",)))
    _tail(shell)
    return statuses


def _ask(shell: Running, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
    path = re.sub(r"\{\w+:([^}]*)\}", r"\1", path)
    return shell.http.request(method, f"/console/v1{path}", json=body, headers=headers)


def _tail(shell: Running) -> None:
    """The live stream, as rows and by column."""
    for form in ("rows", "columns"):
        path = f"/console/v1/requests/stream?after=0&form={form}"
        with shell.http.stream("GET", path, headers=shell.bearer()) as answer:
            lines = answer.iter_lines()
            event = dict(line.split(": ", 1) for line in _until_blank(lines, "id"))
        data = json.loads(event["data"])
        if form == "columns":
            data = {"columns": dict.fromkeys(data["columns"], "")}  # how each is packed is decided by what is in it
        shell.see(f"GET /console/v1/requests/stream, {form}", data, Reading(literal=("requests[].cost_source",)))
        assert int(event["id"]) > 0


def _until_blank(lines: Iterator[str], first: str) -> Iterator[str]:
    for line in lines:
        if line.startswith(first):
            yield line
            break
    for line in lines:
        if not line:
            return
        yield line


def _told(answer: httpx.Response) -> Data:
    """Status, error type, and the headers that are ours."""
    headers = sorted(name for name in answer.headers if name.startswith("x-"))
    kind = answer.json()["error"]["type"] if answer.is_error else answer.headers["content-type"].partition(";")[0]
    return {"status": answer.status_code, "is": kind, "headers": headers}


def _public(shell: Running) -> Data:
    """What a client of the model API gets beside its answers."""
    mine = shell.bearer(shell.keys["fixed"])
    found = {}
    for path, headers in (
        ("/openai/v1/models", mine),
        ("/openai/v1/codex/models?client_version=0.171.0", mine),
        ("/openai/v1/codex/models", {}),
        ("/api/v1/models", {}),
        ("/api/v1/models?tier=premium", {}),
        ("/api/v1/models/meta", mine),
        ("/api/v1/pricing", mine),
        ("/api/v1/key/check?model=gpt-5.5", mine),
        ("/api/v1/key/check?model=gpt-5.5", shell.bearer(shell.keys["abroad"])),
        ("/healthz", {}),
        ("/healthz?nonce=n", {}),
        ("/openai/v1/nothing", mine),
        ("/openai/v1/responses", mine),
        ("/openai/v1/responses/compact", mine),
        ("/openai/v1/models", {}),
        ("/metrics", mine),
    ):
        answer = shell.http.get(path, headers=headers)
        known = "a key" if headers else "nobody"
        bare = path.partition("?")[0]
        found[f"GET {bare}, {known}"] = answer.status_code
        shell.see(f"GET {bare}" if answer.is_success else "an error of the model API", answer.json())
    for what in ("no key", "refused upstream", "tier"):
        shell.see("an error of the model API", shell.answers[what].json())
    _answers(shell)
    return found


def _answers(shell: Running) -> None:
    """Responses that the gateway makes of Chat Completions, whole and as events."""
    shell.see("POST /openai/v1/responses", shell.answers["responses"].json())
    for line in shell.answers["responses, streamed"].text.splitlines():
        if line.startswith("data: {"):
            event = json.loads(line.removeprefix("data: "))
            shell.see(f"POST /openai/v1/responses, {event['type']}", event)
    shell.see("POST /openai/v1/chat/completions", shell.answers["chat"].json())


def _metrics(shell: Running) -> Data:
    """The counters by name: their kind, and their labels."""
    text = shell.http.get("/metrics", headers=shell.bearer()).text
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
    labels = {name: set[str]() for name in kinds}
    for name, inner in re.findall(r"^(\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? \S+$", text, re.M):
        labels[name].update(re.findall(r"(\w+)=\"", inner))
    return {name: {"kind": kind, "labels": sorted(labels[name])} for name, kind in kinds.items()}


def _description(data: Data) -> Data:
    """What `/openapi.json` says to programs, without its words."""
    operations = {
        f"{method.upper()} {path}": _operation(told)
        for path, methods in data["paths"].items()
        for method, told in methods.items()
    }
    return {"operations": operations, "schemas": _without_words(data["components"]["schemas"])}


def _operation(told: Data) -> Data:
    query = {one["name"]: one["schema"] for one in told["parameters"] if one["in"] == "query"}
    answers = {status: _schema_of(one) for status, one in told["responses"].items()}
    needs = [name for one in told["security"] for name in one]
    body = told.get("requestBody")
    of_body = {"body": _schema_of(body), "body needed": body["required"]} if body else {}
    return {"needs": needs, "query": query, **of_body, "answers": answers}


def _schema_of(told: Data) -> str | None:
    reference: str = next(iter(told["content"].values())).get("schema", {}).get("$ref", "")
    return reference.rpartition("/")[2] or None


def _without_words(data: Any) -> Any:
    """Names of properties may be words themselves, so those of an object's "properties" all stay."""
    if isinstance(data, list):
        return [_without_words(one) for one in data]
    if not isinstance(data, dict):
        return data
    kept = {name: one for name, one in data.items() if name not in WORDS or isinstance(one, dict)}
    return {name: _without_words(one) for name, one in kept.items()}


def lost(old: Data, new: Data) -> Iterator[str]:
    """What clients that were written for the old routes miss in the new ones; a line each."""
    if not old:
        return
    yield from missing(old, new)
    before, now = (one["description"] for one in (old, new))
    bodies = {one["body"] for one in before["operations"].values() if "body" in one}
    for name in bodies & now["schemas"].keys():
        needed = set(now["schemas"][name].get("required", ())) - set(before["schemas"][name].get("required", ()))
        yield from (f"{name}: {one} has to be given now" for one in sorted(needed))
