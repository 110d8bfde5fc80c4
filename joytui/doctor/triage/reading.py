"""The door of triage: any bytes or text in, an answer out. Finds out what a ticket holds, and has it read."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from joytui.causes import CAUSES, Cause
from joytui.causes.noise import WELL, complains, says_well
from joytui.causes.questions import DOCTOR, IN_LOG, in_log
from joytui.core.joytoken import AUTO_MODEL
from joytui.core.redaction import Redactor, holds_key, visible
from joytui.doctor.triage.addresses import narrowed_by_addresses
from joytui.doctor.triage.answer import Answer, Facts, Guess, Kind, sureness
from joytui.doctor.triage.clean import bare_lines, bounded, decode, plain, without_commands, without_escapes
from joytui.doctor.triage.config_of_ticket import without_configuration
from joytui.doctor.triage.documents import Document, read_doctor_screen, read_json, read_lines
from joytui.doctor.triage.facts import facts_of
from joytui.doctor.triage.http_dump import read_dump
from joytui.doctor.triage.no_text import NOISE, NoText, is_noise, no_text
from joytui.doctor.triage.pasted_config import FAILED_RUN, NO_FAULT, decided_by_config, shown_by_config
from joytui.doctor.triage.reply import KEY_SEEN, reply_for
from joytui.doctor.triage.shell_of_ticket import fitted
from joytui.doctor.triage.signs import of_whole, sign
from joytui.doctor.triage.words import hear, noise_in

BUNDLE_LIMIT = 20_000_000
REPORT_ENTRY = "report.json"
NO_FAILURE = "the whole output of the failing command, and " + DOCTOR


def triage(data: str | bytes, secrets: Sequence[str] = ()) -> Answer:
    """Reads a ticket of any kind and length. Never raises for what it holds; nothing secret is in the answer.

    `secrets`: values that are known on this machine; shapes of secrets are masked in any case.
    """
    if isinstance(data, bytes) and data[:4] == b"PK\x03\x04":
        return _answer(_bundle(data), secrets)
    if found := no_text(data):
        return _answer(_unreadable(found), secrets)
    text = bounded(decode(data))
    return _answer(_read(text), secrets, text)


def _unreadable(found: NoText) -> Document:
    return Document("no-text", Guess((), found.ask), note=f"This is not text but {found.what}: joytui cannot read it.")


def _read(text: str) -> Document:
    if not any(bare_lines(text)):
        ask = "what the terminal showed, whether Codex ended by itself, and " + DOCTOR
        return Document("empty", replace(sign("silence"), ask=ask))
    shown, _ = without_commands(plain(text))
    own = text if shown == plain(text) else shown
    for reader, seen in ((_whole_json, text), (_doctor_screen, text), (read_lines, text), (read_dump, own)):
        if (document := reader(seen)) and not _went_well(document):
            return document
        if document:
            break
    else:
        document = _embedded(without_escapes(own))
    if document and not _went_well(document) and (document.kind != "error-body" or not _says_more(own)):
        return document
    heard = hear(text)
    if not heard.codex and is_noise(text):  # words that noise happens to hold are nobody's
        return _unreadable(NOISE)
    if document and _went_well(document) and not (heard.codex and heard.guess):
        heard = hear(beside := _prose(own))
        if heard.guess is None:
            return document if not complains(beside) else replace(document, guess=Guess((), FAILED_RUN), healthy=False)
    kind: Kind = "terminal" if heard.codex else "prose"
    if heard.guess is None and not heard.healthy and says_well(without_configuration(text)):
        return Document(kind, None, note=WELL)
    return Document(kind, heard.guess, heard.others, heard.healthy, healthy=bool(heard.healthy))


def _doctor_screen(text: str) -> Document | None:
    """What a doctor printed, with its lines indented. Only a cause that joytui's names is surer than what Codex says beside it."""
    shown = plain(text)
    document = read_doctor_screen(shown)
    if document is None or (document.kind == "joytui-report" and document.guess):
        return document
    beside = hear("\n".join(line for line in shown.split("\n") if line[:1].strip()))
    return Document("terminal", beside.guess, beside.others) if beside.codex and beside.guess else document


def _went_well(document: Document) -> bool:
    """Whether an exchange with the gateway was good, or a body complete: Codex may fail all the same, and other words say so."""
    return document.healthy and document.kind in ("http-dump", "error-body")


def _prose(text: str) -> str:
    """The lines that somebody may have written, without those of commands, bodies and headers."""
    return "\n".join(line for line in text.split("\n") if not _PRINTED.match(line))


_PRINTED = re.compile(r"^\s*(?:[$#%❯>*<{}\[\]\"]|[\w-]{1,40}:\s|HTTP/)")


def _says_more(text: str) -> bool:
    """Whether the words around a body decide, or say what it is a body of."""
    text = plain(text)
    return bool(of_whole(text) or _STATUS_BEFORE_BODY.search(text)) or any(
        noise_in(line) for line in text.split("\n")[:LINES]
    )


LINES = 2000
SHORT = 6
_STATUS_BEFORE_BODY = re.compile(r"\b[45]\d\d\b[^\n\d{]{0,40}\n?\s*\{")


def _whole_json(text: str) -> Document | None:
    trimmed = text.strip()
    if trimmed[:1] not in "{[":
        return None
    try:
        data = json.loads(trimmed)
    except (ValueError, RecursionError):
        return None
    return read_json(data)


def _embedded(text: str) -> Document | None:
    """A JSON document inside other words: a body or a report that was pasted into a sentence or a code fence."""
    decoder = json.JSONDecoder()
    start, tries = text.find("{"), 0
    while start >= 0 and tries < 40:
        tries += 1
        try:
            data, end = decoder.raw_decode(text, start)
        except (ValueError, RecursionError):
            if _BODY_START.match(text, start):
                return None  # a body that was broken over lines: what is behind it is not the failure
            start = text.find("{", start + 1)
            continue
        if isinstance(data, dict) and (document := read_json(data)) and not _codex_prints_it(text, start):
            return document
        start = text.find("{", end)
    return None


def _codex_prints_it(text: str, start: int) -> bool:
    """A body after `ERROR:` or `unexpected status …:` is part of a message of Codex, which says more."""
    before = text[max(0, start - MESSAGE) : start].rpartition("\n\n")[2]
    return bool(_UNEXPECTED.search(before)) or before.rstrip().lower().endswith("error:")


MESSAGE = 600
_BODY_START = re.compile(r'\{\s*"(?:error|detail)"')
_UNEXPECTED = re.compile(r"unexpected[\s>│]+status")


def _bundle(data: bytes) -> Document:
    """A zip of `joytui report`: the doctor's report in it decides."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            info = archive.getinfo(REPORT_ENTRY)
            if info.file_size > BUNDLE_LIMIT:
                raise ValueError("too large")
            report = json.loads(archive.read(info))
    except (
        KeyError,
        ValueError,
        RecursionError,
        OSError,
        zipfile.BadZipFile,
        NotImplementedError,
        RuntimeError,
        EOFError,
    ):
        return Document("prose", None, note="This zip is no bundle of `joytui report`, or it is damaged.")
    document = read_json(report)
    return document or Document("prose", None, note="This zip is no bundle of `joytui report`.")


# --- the answer -------------------------------------------------------------------------------------------------------


def _answer(document: Document, secrets: Sequence[str], text: str = "") -> Answer:
    redactor = Redactor(secrets)
    document = _narrowed(document, text)
    if document.guess:
        document = replace(document, guess=_of_refused_auto(document.guess))

    def clean(words: str) -> str:
        return redactor.text(visible(redactor.text(words), limit=400))

    found = document.guess
    causes = tuple(replace(cause, remedy=_clean(redactor, fitted(cause.remedy, text))) for cause in _told(found))
    sure = sureness(found.causes if found else ())
    firsts = dict.fromkeys(name for other in document.others for name in other.causes[:1])
    also = [CAUSES[name] for name in firsts if found is None or name not in found.causes]
    rows = {cause.row for cause in causes[:3]}
    exposed = KEY_SEEN if holds_key(text) or any(secret in text for secret in secrets if len(secret) > SHORT) else ""
    notes = tuple(clean(note) for note in (exposed, document.note, found.note if found else "") if note)
    facts = _redacted(document.facts or facts_of(text), redactor)
    ask = clean(fitted(found.ask if found else "", text) or ("" if document.healthy else NO_FAILURE))
    if ask in IN_LOG and facts.request_ids:
        ask = in_log(facts.request_ids[-1])
    words = tuple(clean(one) for one in _heard(found, document.others))
    quote = clean(" ".join(found.said.split())) if found and sure == "decided" and len(found.said) > SHORT else ""
    return Answer(
        kind=document.kind,
        sure=sure,
        candidates=causes,
        row=rows.pop() if len(rows) == 1 else None,
        words=words,
        ask=ask if sure != "decided" else "",
        reply=_clean(redactor, reply_for(causes, sure, ask, notes, document, facts, quote)),
        notes=notes,
        also=tuple(also),
        facts=facts,
        details=redactor.data(_plain(dict(found.details) if found else {})),
        healthy=document.healthy,
    )


def _narrowed(document: Document, text: str) -> Document:
    """The document with what a configuration and addresses beside its words decide."""
    if not text or document.kind in ("codex-doctor", "joytui-report", "bundle", "rollout"):
        return document
    by_people = document.kind == "prose"
    found = decided_by_config(document.guess, shown_by_config(text), text, by_people=by_people)
    found = narrowed_by_addresses(found, text)
    if found and found.note == NO_FAULT and says_well(without_configuration(text)):
        return replace(document, guess=None, note=NO_FAULT, healthy=True)
    return document if found is document.guess else replace(document, guess=found, healthy=False)


_OTHER_AUTO = re.compile(r"\(?\buse auto\b[^)]*\)?|\bauto[- ](?:mode|req)\S*", re.I)


def _of_refused_auto(found: Guess) -> Guess:
    """The guess with `auto` as what was refused, where the words say so: no advice may name it then."""
    if found.causes[:1] != ("model-not-found",) or not _AUTO.search(_OTHER_AUTO.sub("", found.said or found.words)):
        return found
    return replace(found, details={**found.details, "refused_model": AUTO_MODEL})


_AUTO = re.compile(rf"\b{AUTO_MODEL}\b")


def _told(found: Guess | None) -> tuple[Cause, ...]:
    """The causes of a guess, the first in the words for the form that was seen of it."""
    causes = [CAUSES[name] for name in (found.causes if found else ())]
    if causes and found:
        causes[0] = causes[0].as_met(found.details).worded(found.explanation, found.remedy)
    return tuple(causes)


def _clean(redactor: Redactor, text: str) -> str:
    return redactor.text(visible(text))


def _heard(found: Guess | None, others: Sequence[Guess]) -> list[str]:
    said = [one.words for one in (found, *others) if one and one.words]
    return list(dict.fromkeys(said))[:5]


def _redacted(facts: Facts, redactor: Redactor) -> Facts:
    def one(text: str | None) -> str | None:
        return None if text is None else redactor.text(visible(text, limit=200))

    return Facts(
        one(facts.codex_version),
        one(facts.provider),
        one(facts.model),
        facts.statuses,
        tuple(str(one(url)) for url in facts.urls),
        tuple(str(one(request)) for request in facts.request_ids),
        tuple(str(one(thread)) for thread in facts.thread_ids),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in list(value.items())[:50]}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value[:50]]
    if isinstance(value, str):
        return visible(value, limit=400)
    return value if value is None or isinstance(value, (bool, int, float)) else str(value)
