"""JSON of a ticket: a doctor's report, codex doctor's, an error body, the lines of `codex exec --json` or of a rollout."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from joytui.causes import CAUSES
from joytui.causes.answers import KEY, ROUTE, classify, of_fields, other_header, status_in
from joytui.causes.error_bodies import error_fields
from joytui.doctor.triage.answer import Facts, Guess, Kind, guess
from joytui.doctor.triage.clean import bare_lines
from joytui.doctor.triage.codex_doctor import read_codex_doctor, read_codex_doctor_screen
from joytui.doctor.triage.signs import of_error as open_by
from joytui.doctor.triage.signs import sign
from joytui.doctor.triage.status import decided, of_answer
from joytui.doctor.triage.words import hear

LINES = 200_000
BROKEN = 40
PIECES = 20_000
_DECODER = json.JSONDecoder(strict=False)
_EVENTS = ("thread.started", "turn.started", "turn.completed", "turn.failed", "item.started", "item.completed", "error")


@dataclass(frozen=True, slots=True)
class Document:
    """What a ticket turned out to be, and what it leaves open. `healthy`: it shows a Codex that works."""

    kind: Kind
    guess: Guess | None
    others: tuple[Guess, ...] = ()
    note: str = ""
    facts: Facts | None = None
    healthy: bool = False


def read_json(data: Any) -> Document | None:
    """A whole JSON document, None if it is none that we know."""
    if isinstance(data, list) and len(data) == 1:
        data = data[0]
    if not isinstance(data, dict):
        return None
    if data.get("kind") == "joytui-report" and isinstance(data.get("doctor"), dict):
        return _of_bundle(data)
    if isinstance(data.get("verdict"), dict) and "schema_version" in data:
        return _of_report(data, "joytui-report")
    if "checks" in data and ("overallStatus" in data or "codexVersion" in data):
        return Document("codex-doctor", *read_codex_doctor(data))
    if _is_event(data):
        return _of_events([data])
    if data.get("object") == "response" and data.get("status") == "completed" and not data.get("error"):
        return Document("error-body", None, note="This is a complete answer.", healthy=True)
    if isinstance(data.get("code"), int) and "message" in data and not {"data", "type", "object", "error"} & set(data):
        return _of_catalog(data)
    return _of_error(data)


def _is_event(data: Mapping[str, Any]) -> bool:
    """A line of `codex exec --json`; an error of another vendor has the same type, and its words deeper."""
    return data.get("type") in _EVENTS and not (data.get("type") == "error" and isinstance(data.get("error"), dict))


def _of_report(data: Mapping[str, Any], kind: Kind) -> Document:
    verdict = data["verdict"]
    codex = data.get("codex")
    version = codex.get("version") if isinstance(codex, dict) else None
    facts = Facts(version if isinstance(version, str) else None)
    cause = verdict.get("cause")
    if isinstance(cause, str) and cause in CAUSES:
        details = verdict.get("details")
        found = guess(cause).heard(_evidence(verdict))
        return Document(
            kind,
            Guess(found.causes, "", found.words, "", False, details if isinstance(details, dict) else {}),
            facts=facts,
        )
    if verdict.get("works") is True:
        return Document(kind, None, note=_FOUND_WORKING, facts=facts, healthy=True)
    said = verdict.get("title")
    ask = "`joytui doctor --json` without --no-send: this report did not ask the gateway"
    return Document(
        kind, Guess((), ask), note=f"The doctor did not decide: {said if isinstance(said, str) else ''}", facts=facts
    )


_HEADLINE = re.compile(r"^\W{0,6}([^\n\[]{4,200}?) {1,3}\[([a-z][a-z0-9-]{2,40}), row [\w-]{2,20}\]", re.M)
_WORKS = re.compile(r"^\W{0,6}Codex works through the gateway\s*$", re.M)


def read_doctor_screen(text: str) -> Document | None:
    """What `joytui doctor` prints for a person: its headline names the cause. Codex's own doctor narrows less."""
    found = _HEADLINE.search(text)
    if found and found[2] in CAUSES:
        return Document("joytui-report", guess(found[2]).heard(found[1]))
    if _WORKS.search(text):
        return Document("joytui-report", None, note=_FOUND_WORKING, healthy=True)
    read = read_codex_doctor_screen(text)
    return Document("codex-doctor", *read) if read else None


def _evidence(verdict: Mapping[str, Any]) -> str:
    listed = verdict.get("evidence")
    first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
    return (
        f"{first.get('what', verdict.get('title', ''))} ({first.get('where', '')})"
        if first
        else str(verdict.get("title", ""))
    )


_FOUND_WORKING = "The doctor found that this Codex works through the gateway."


def _of_bundle(data: Mapping[str, Any]) -> Document:
    """The doctor's verdict; where it sent nothing and found nothing, the last failure that Codex wrote down."""
    doctor = data["doctor"]
    read = _of_report(doctor, "bundle") if isinstance(doctor.get("verdict"), dict) else None
    if read and read.guess and read.guess.causes:
        return read
    failures = data.get("last_failures")
    listed = failures.get("failures") if isinstance(failures, dict) else None
    for failure in listed if isinstance(listed, list) else []:
        error = failure.get("error") if isinstance(failure, dict) else None
        if isinstance(error, str) and (heard := hear("ERROR: " + error)).guess:
            return Document(
                "bundle",
                heard.guess,
                note="Judged by the last failure that Codex recorded.",
                facts=read.facts if read else None,
            )
    return read or Document("bundle", None)


def _of_error(data: Mapping[str, Any]) -> Document | None:
    """An error body in JoyToken's shape, or in another usual one."""
    error = data.get("error")
    if isinstance(error, str):
        error = {"message": error}
    if not isinstance(error, dict):
        error = data if {"message", "type"} <= set(data) and isinstance(data.get("message"), str) else None
    if error is None and set(data) == {"detail"} and isinstance(data["detail"], str):
        error = {"message": data["detail"]}
    if error is None:
        return None
    return Document("error-body", of_error(error))


def of_error(error: Mapping[str, Any]) -> Guess:
    """What error.type, code and message leave open where the status is not known. Types: JoyToken's documentation."""
    fields = error_fields({"error": error})
    message = str(fields.get("message") or "")
    shown = f"{fields.get('type') or fields.get('code') or 'error'}: {message}"
    refusal = classify(of_fields(fields, status_in(fields)))
    if refusal.told:
        return decided(refusal).heard(shown)
    if re.search(r"\bkey\b", message, re.I) and error.get("type") == "upstream_error":
        return sign("an upstream's error about a key").heard(shown)
    found = open_by(fields.get("type")) or open_by(fields.get("code"))
    if found is None:
        question = None if re.fullmatch(r"4\d\d", str(fields.get("code"))) else _QUESTIONS.get(refusal.cause)
        found = sign(question) if question and not _says_which(refusal.answer.message) else of_answer(refusal)
    return found.heard(shown)


def _says_which(message: str) -> bool:
    """Whether the message shows what stood where the key belongs, or where the gateway looked for it."""
    return bool(re.search(r"\bprovided:", message)) or other_header(message) is not None


_QUESTIONS = {KEY: "a body about the key", ROUTE: "a body about the route"}


def _of_catalog(data: Mapping[str, Any]) -> Document:
    """JoyToken's catalog answers in its own envelope; Codex never asks it."""
    note = "This answer is from the model catalog, which Codex does not ask: it cannot explain why Codex fails."
    if data.get("code") == 0:
        return Document("error-body", None, note=note)
    return Document("error-body", sign("an error of the catalog").heard(str(data.get("message"))), note=note)


# --- lines ------------------------------------------------------------------------------------------------------------


def read_lines(text: str) -> Document | None:
    """The lines of `codex exec --json` or of a rollout, with other lines between them; None if there are none."""
    if '"type"' not in text:
        return None
    rows = _rows(text)
    if any(
        row.get("type") in ("session_meta", "event_msg", "turn_context", "response_item") and "payload" in row
        for row in rows
    ):
        return _of_rollout(rows)
    events = [row for row in rows if _is_event(row)]
    return _of_events(events) if events else None


def _rows(text: str) -> list[dict[str, Any]]:
    """The JSON objects that begin a line (or are in it), those too that were broken over several lines."""
    rows: list[dict[str, Any]] = []
    lines = bare_lines(text)[:LINES]
    for number, line in enumerate(lines):
        start = line.find('{"')
        if start < 0:
            continue
        whole = _decoded(line[start:])
        if whole is None:
            whole = _rejoined(line[start:], lines[number + 1 : number + 1 + BROKEN])
        if isinstance(whole, dict):
            rows.append(whole)
        else:
            rows += _cut_row(line[start:])
    return rows


def _rejoined(line: str, following: list[str]) -> Any:
    """A line with those that a terminal or a mail program broke off it; None if no number of them makes it whole."""
    tight = loose = line
    for piece in following:
        if piece.startswith('{"') or len(tight) > PIECES:
            return None
        tight, loose = tight + piece, f"{loose} {piece}"
        for joined in (tight, loose) if piece.endswith("}") else ():
            if (whole := _decoded(joined)) is not None:
                return whole
    return None


def _decoded(text: str) -> Any:
    """The JSON object at the beginning of a text, None if there is none."""
    try:
        return _DECODER.raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


def _cut_row(line: str) -> list[dict[str, Any]]:
    """A line of `codex exec --json` whose end (or whose shape) was lost: its message is taken as far as it goes."""
    kind = re.match(r'\{"type":\s*"(error|turn\.failed)"', line)
    message = re.search(r'"message":\s*"((?:[^"\\]|\\.){0,5000})', line)
    if not kind or not message or (kind[1] == "error" and re.search(r'"error":\s*\{', line)):
        return []
    words = message.group(1).replace('\\"', '"').replace("\\n", "\n")
    return [{"type": "error", "message": words}]


def _of_events(events: list[dict[str, Any]]) -> Document:
    """`codex exec --json` says more than the terminal: its retry lines carry the reason."""
    messages: list[str] = []
    answered = False
    for event in events:
        kind = event.get("type")
        answered = answered or kind == "turn.completed"
        if kind == "turn.started":
            messages, answered = [], False
        error = event.get("error")
        message = error.get("message") if isinstance(error, dict) else event.get("message")
        if kind in ("error", "turn.failed") and isinstance(message, str):
            messages.append(message)
    if answered and not any(event.get("type") == "turn.failed" for event in events[-2:]):
        silent = not any(_has_answer(event) for event in events)
        if silent:
            return Document("exec-json", sign("completed without a message").heard("turn.completed without a message"))
        return Document("exec-json", None, note="This run ended well: there is a completed turn.", healthy=True)
    heard = hear("\n\n".join(f"ERROR: {message}" for message in messages))
    if heard.guess is None:
        silent_run = sign("neither an answer nor an error")
        return Document("exec-json", silent_run, note="The run has neither an answer nor an error.")
    return Document("exec-json", heard.guess, heard.others)


def _has_answer(event: Mapping[str, Any]) -> bool:
    item = event.get("item")
    return (
        isinstance(item, dict) and item.get("type") in ("agent_message", "assistant_message") and bool(item.get("text"))
    )


def _of_rollout(rows: list[dict[str, Any]]) -> Document:
    """A session file of Codex: the last turn that failed, and the provider that it went to."""
    provider = version = None
    failure: tuple[str, Any] | None = None
    completed = False
    for row in rows:
        payload = row.get("payload")
        if not isinstance(payload, dict):
            continue
        if row.get("type") == "session_meta":
            provider, version = payload.get("model_provider"), payload.get("cli_version")
        settings = payload.get("thread_settings")
        if payload.get("type") == "thread_settings_applied" and isinstance(settings, dict):
            provider = settings.get("model_provider_id") or provider
        if payload.get("type") in ("task_complete", "turn_complete", "error"):
            error = payload if payload.get("type") == "error" else payload.get("error")
            completed = not isinstance(error, dict) and not (failure and not payload.get("last_agent_message"))
            if isinstance(error, dict) and isinstance(error.get("message"), str):
                failure = (error["message"], error.get("codex_error_info"))
    facts = Facts(str(version) if version else None, str(provider or "openai"))
    return _told_by_rollout(provider, failure, completed, facts)


def _told_by_rollout(provider: object, failure: tuple[str, Any] | None, completed: bool, facts: Facts) -> Document:
    to_openai = provider in (None, "openai")
    note = "Its turns went to provider `openai`, not to the gateway." if to_openai else ""
    if to_openai:
        found = sign("turns of provider openai").heard(failure[0] if failure else "model_provider = openai")
        return Document("rollout", found, note=note, facts=facts)
    if failure is None or completed:
        return Document(
            "rollout",
            None,
            note=f"No failed turn in it; its turns went to provider `{provider}`.",
            facts=facts,
            healthy=completed,
        )
    heard = hear("ERROR: " + failure[0])
    return Document("rollout", heard.guess, heard.others, facts=facts)
