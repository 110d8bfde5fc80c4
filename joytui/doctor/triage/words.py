"""Words to a guess: what Codex printed, as it was pasted. The last failure of a run counts, what leads to it is support."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from joytui.causes import CAUSES
from joytui.causes.questions import DOCTOR, LOG
from joytui.core.joytoken import ROUTING_ERROR, UPSTREAM_ERROR
from joytui.doctor.answers import KEY, ROUTE, ErrorAnswer, classify, read_answer
from joytui.doctor.triage.answer import MOST, Guess, guess
from joytui.doctor.triage.clean import Record, bounded, plain, records, squeezed
from joytui.doctor.triage.signs import cut_short, has_sign, heard, sign
from joytui.doctor.triage.status import Refused, of_refusal, on_key, on_route, refused, to_openai

MESSAGES = 3000

_OPENAI = re.compile(r"url:(?:https|wss)://(?:api\.openai\.com|chatgpt\.com)/", re.I)
_IGNORED = re.compile(r"`([\w.\-\"]{1,200})`isignored")
_FALLBACK = "FallingbackfromWebSockets"
_VARIABLE = re.compile(r"Missingenvironmentvariable:`([^`]{0,300})(`?)")
_RETRY = re.compile(r"Reconnecting\.\.\.\s*\d{1,3}/\d{1,3}")
_ERROR = re.compile(r"^(?:ERROR|Error|error):?(?:\s+|$)(.*)", re.S)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a text gave: the guess (None: no failure in it), and the guesses at other failures in the same text."""

    guess: Guess | None
    others: tuple[Guess, ...] = ()
    codex: bool = False  # the text looks like an output of Codex


def hear(text: str) -> Heard:
    """The failure in a text of any kind."""
    said = _distinct(records(plain(bounded(text))))
    ignored = _hinted(said)
    found = [one for record in said for one in [_of_record(record, ignored)] if one]
    if to_openai_guess := _openai(said):
        return Heard(to_openai_guess, (), True)
    final = [one for one in found if not one.passing] or found
    if final and not any(one for one in found if not one.passing) and any(_FALLBACK in r.tight for r in said):
        return Heard(sign("WebSockets given up").heard("Falling back from WebSockets"), (), True)
    if final:
        return _merged(final)
    if warned := _warnings_alone(said):
        return Heard(warned, (), True)
    whole = "\n".join(record.text for record in said)
    if loosely := _loosely(whole, squeezed(whole)):
        return Heard(loosely)
    return Heard(_silent(whole), (), bool(_BANNER.search(whole)))


def _loosely(text: str, tight: str) -> Guess | None:
    """What people write about a failure in their own words, or what is left of a message that was cut: never a single cause."""
    found = heard("people", text, tight if len(tight) < 400 else "")
    if found is None:
        return None
    words, hint = found
    line = text[max(0, words.start() - 80) : words.end() + 80] if words.string is text else text[:200]
    return hint.heard(" ".join(line.split()))


_BANNER = re.compile(r"OpenAI Codex|^session id:|codex exec\b", re.M)


def _silent(text: str) -> Guess | None:
    """A run of Codex with a beginning, and neither an answer nor an error."""
    if not _BANNER.search(text) or re.search(r"^codex$", text, re.M):
        return None
    return sign("silence").heard("a run without an answer and without an error")


def _distinct(said: Sequence[Record]) -> list[Record]:
    """Each message once, at its last place; the last ones of a text that has very many."""
    last = {record.text: record for record in reversed(said)}
    return list(last.values())[:MESSAGES][::-1]


def _merged(found: Sequence[Guess]) -> Heard:
    """The last guess, narrowed by nothing and widened where a text holds two different failures."""
    last = found[-1]
    different = [one for one in found[:-1] if not set(one.causes) & set(last.causes)]
    if not different:
        same = [one for one in found if set(one.causes) <= set(last.causes)]
        best = min(reversed(same), key=lambda one: len(one.causes))
        return Heard(last if best.causes == last.causes else _wider(last, best), (), True)
    distinct = {one.causes: one for one in different}
    if len(last.causes) == 1:  # two failures in one ticket: none of them is the one cause for sure
        other = different[-1]
        last = Guess(
            (*last.causes, *other.causes[:2]), f"which of the failures is meant, and {DOCTOR}", last.words, last.note
        )
    return Heard(last, tuple(distinct.values()), True)


def _wider(last: Guess, best: Guess) -> Guess:
    """The same set with those in front that an earlier message of the run named more exactly."""
    causes = tuple(dict.fromkeys((*best.causes, *last.causes)))
    return Guess(causes, best.ask or last.ask, last.words or best.words, last.note or best.note, False, last.details)


# --- one message ------------------------------------------------------------------------------------------------------


def _of_record(record: Record, ignored: tuple[str, ...]) -> Guess | None:
    if record.warning:
        return None
    if variable := _missing_variable(record):
        return variable.heard(record.text)
    retry = bool(_RETRY.search(record.text))
    if said := refused(record.text):
        return _websocket(said) or replace(of_refusal(said, ignored), passing=retry)
    if known := heard("codex", record.tight) or heard("curl", record.tight):
        return _with_ignored(known[1], ignored).heard(record.text, passing=retry)
    if retry:
        return _retrying(record.text).heard(record.text, passing=True)
    return _raw_body(record)


def _websocket(said: Refused) -> Guess | None:
    """A refused WebSocket is not yet a failure: Codex goes on over HTTP."""
    if said.url and said.url.startswith("ws"):
        return sign("WebSockets given up")
    return None


def _retrying(text: str) -> Guess:
    """Codex says why it tries again only with --json. Where it stays at the first attempt, it sleeps a Retry-After."""
    return sign("the first retry" if re.search(r"\.\.\.\s*1/\d", text) else "a later retry")


def _with_ignored(known: Guess, ignored: tuple[str, ...]) -> Guess:
    """A connection fault beside an ignored base_url: Codex wanted to reach OpenAI, not the gateway."""
    if ignored and any(CAUSES[cause].phase == "connect" for cause in known.causes):
        return guess(*ignored, *known.causes[:2], ask="the line that is named as ignored", note=known.note)
    return known


def _missing_variable(record: Record) -> Guess | None:
    found = _VARIABLE.search(record.tight)
    if not found:
        return None
    if re.search(r"variable:\s+`[^`\s]*\s[^`]*`", record.text):  # a space in the name, or a line that was broken in it
        return sign("a variable with a blank in it")
    name, whole = found.group(1), found.group(2)
    if name.startswith("GOOGLE_"):
        return sign("a variable of Google")
    if not whole:
        return sign("a variable that is cut")
    looks_secret = re.match(r"(?i)(?:jt|sk|pk|ghp)[-_]|<|‹", name) or (len(name) > 20 and re.search(r"\d", name))
    if looks_secret:
        return sign("a variable that looks like a key")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return sign("a variable that cannot be one")
    unset = sign("a variable")
    return replace(unset, ask=unset.ask.format(variable=name))


def _raw_body(record: Record) -> Guess | None:
    """Codex shows the body of a 400 as it is, without status or address."""
    found = _ERROR.match(record.text)
    if not found:
        return None
    body = found.group(1).strip()
    if not body:
        return sign("an error without words").heard(record.text)
    if cut := cut_short(squeezed(body)):
        return cut.heard(record.text)
    refusal = classify(_answer_with(body))
    if refusal.cause == "request-rejected" and record.loose != record.text:
        refusal = classify(_answer_with(_ERROR.sub(r"\1", record.loose).strip()))
    answer = refusal.answer
    said = Refused(400, answer.message)
    if answer.type in (UPSTREAM_ERROR, ROUTING_ERROR):
        return sign("an upstream's error in a body of status 400").heard(record.text)
    if refusal.cause == KEY:
        return on_key(said, answer).heard(record.text)
    if refusal.cause == ROUTE:
        return on_route(said).heard(record.text)
    if record.text.startswith("Error:") and not answer.is_error:  # so it begins before a run, `ERROR:` in one
        return sign("Error: before a run").heard(record.text)
    if not answer.is_error and refusal.cause == "request-rejected" and not body.startswith(("{", "<", "[")):
        return sign("an error in words of its own").heard(record.text)
    name = "a body of status 400"
    near = sign(name, of=refusal.cause).causes if has_sign(name, of=refusal.cause) else ("request-rejected",)
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    return guess(refusal.cause, *near, ask=LOG, **details).heard(record.text)


def _answer_with(body: str) -> ErrorAnswer:
    """A 400 with this body."""
    return read_answer(400, {}, _document(body).encode("utf-8", "replace"))


def _document(body: str) -> str:
    """The JSON document that a body begins with, without what was pasted after it; the body where it begins with none."""
    if body[:1] not in "{[":
        return body
    try:
        return body[: json.JSONDecoder(strict=False).raw_decode(body)[1]]
    except (ValueError, RecursionError):
        return body


# --- the whole run ----------------------------------------------------------------------------------------------------


def _openai(said: Sequence[Record]) -> Guess | None:
    """Requests that went to OpenAI's own address, which is a matter of configuration whatever the answer was."""
    tight = "\n".join(record.tight for record in said)
    falling_back = _FALLBACK in tight
    lookup = "failedtolookupaddress" in tight
    urls = _OPENAI.search(tight) or any(to_openai(one.url) for r in said if (one := refused(r.text)))
    if not urls and not (falling_back and lookup):
        return None
    words = next((r.text for r in reversed(said) if _OPENAI.search(r.tight) or "failedtolookup" in r.tight), "")
    found = sign("WebSockets of OpenAI" if falling_back or "wss://" in tight else "the address of OpenAI")
    hinted = [cause for cause in _hinted(said) if cause in found.causes]
    return Guess(tuple(dict.fromkeys((*hinted, *found.causes))), found.ask, words[:400], found.note)


def _warnings_alone(said: Sequence[Record]) -> Guess | None:
    tight = "\n".join(record.tight for record in said)
    if _FALLBACK in tight:
        return sign("WebSockets given up and nothing else").heard("Falling back from WebSockets")
    if "project-localconfigkeys" in tight:
        return sign("keys of a project and nothing else").heard("project-local config keys")
    named = _IGNORED.findall(tight)
    if not named:
        return None
    ignored = sign("ignored keys and nothing else")
    return guess(*ignored.causes, *_hinted(said), ask=ignored.ask).heard(f"`{named[0]}` is ignored")


def _hinted(said: Sequence[Record]) -> tuple[str, ...]:
    """What the keys that Codex ignores were meant to be."""
    names = [name for record in said for name in _IGNORED.findall(record.tight)]
    folded = [re.sub(r"[^a-z]", "", name.rsplit(".", 1)[-1].lower()) for name in names]
    known = [(cause.id, cause.ignored_key.pattern) for cause in CAUSES.values() if cause.ignored_key]
    meant = [cause for name in folded for cause, pattern in known if re.search(pattern, name)]
    return tuple(dict.fromkeys(meant))[:MOST]
