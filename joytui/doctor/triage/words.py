"""Words to a guess: what Codex printed, as it was pasted. The last failure of a run counts, what leads to it is support."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from joytui.doctor.answers import KEY, ROUTE, classify
from joytui.doctor.triage.answer import DOCTOR, MOST, Guess, guess
from joytui.doctor.triage.clean import Record, bounded, plain, records, squeezed
from joytui.doctor.triage.loose import loosely
from joytui.doctor.triage.sayings import CONFIG, CONNECTING, CURL, NO_STREAM, SILENT, saying
from joytui.doctor.triage.status import KEY_ASK, Refused, of_refusal, on_key, on_route, refused, to_openai

MESSAGES = 3000

_OPENAI = re.compile(r"url:(?:https|wss)://(?:api\.openai\.com|chatgpt\.com)/", re.I)
_IGNORED = re.compile(r"`([\w.\-\"]{1,200})`isignored")
_FALLBACK = "FallingbackfromWebSockets"
_VARIABLE = re.compile(r"Missingenvironmentvariable:`([^`]{0,300})(`?)")
_RETRY = re.compile(r"Reconnecting\.\.\.\s*\d{1,3}/\d{1,3}")
_ERROR = re.compile(r"^(?:ERROR|Error|error):?(?:\s+|$)(.*)", re.S)
_WEBSOCKET = guess(
    "provider-not-selected",
    "env-key-missing",
    "websocket-fallback",
    "key-rejected",
    "key-unset",
    passing=True,
    ask=CONFIG,
)


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
        return Heard(_WEBSOCKET.heard("Falling back from WebSockets"), (), True)
    if final:
        return _merged(final)
    if warned := _warnings_alone(said):
        return Heard(warned, (), True)
    whole = "\n".join(record.text for record in said)
    if found_loosely := loosely(whole, squeezed(whole)):
        return Heard(found_loosely)
    return Heard(_silent(whole), (), bool(_BANNER.search(whole)))


_BANNER = re.compile(r"OpenAI Codex|^session id:|codex exec\b", re.M)


def _silent(text: str) -> Guess | None:
    """A run of Codex with a beginning, and neither an answer nor an error."""
    if not _BANNER.search(text) or re.search(r"^codex$", text, re.M):
        return None
    return guess(*SILENT, ask="whether Codex ended by itself, and " + DOCTOR).heard(
        "a run without an answer and without an error"
    )


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
    known = saying(record.tight) or saying(record.tight, CURL)
    if known:
        return _with_ignored(known, ignored).heard(record.text, passing=retry)
    if retry:
        return _retrying(record.text).heard(record.text, passing=True)
    return _raw_body(record)


def _websocket(said: Refused) -> Guess | None:
    """A refused WebSocket is not yet a failure: Codex goes on over HTTP."""
    if said.url and said.url.startswith("ws"):
        return _WEBSOCKET
    return None


def _retrying(text: str) -> Guess:
    """Codex says why it tries again only with --json. Where it stays at the first attempt, it sleeps a Retry-After."""
    refusals = (
        "base-url-path",
        "responses-unsupported",
        "key-rejected",
        "upstream-error",
        "policy-rejected",
        "base-url-invalid",
    )
    asleep = ("rate-limited", "no-response", "upstream-error")
    first = re.search(r"\.\.\.\s*1/\d", text)
    return guess(*(asleep if first else refusals), *(refusals if first else asleep), ask="`codex exec --json`, whose retry lines carry the reason")  # fmt: skip


def _with_ignored(known: Guess, ignored: tuple[str, ...]) -> Guess:
    """A connection fault beside an ignored base_url: Codex wanted to reach OpenAI, not the gateway."""
    if ignored and "connection-refused" in known.causes:
        return guess(*ignored, *known.causes[:2], ask="the line that is named as ignored", note=known.note)
    return known


def _missing_variable(record: Record) -> Guess | None:
    found = _VARIABLE.search(record.tight)
    if not found:
        return None
    if re.search(r"variable:\s+`[^`]*\s[^`]*`", record.text):  # a space in the name, or a line that was broken in it
        return guess(
            "env-key-invalid", "key-unset", "key-shadowed-by-dotenv", ask="the line env_key = … of config.toml"
        )
    name, whole = found.group(1), found.group(2)
    if name.startswith("GOOGLE_"):
        return guess("provider-not-selected", "provider-overridden", ask=CONFIG)
    if not whole:
        return guess(
            "key-unset",
            "env-key-invalid",
            "key-shadowed-by-dotenv",
            "env-key-is-secret",
            "key-stale-daemon",
            ask=KEY_ASK,
        )
    looks_secret = re.match(r"(?i)(?:jt|sk|pk|ghp)[-_]|<|‹", name) or (len(name) > 20 and re.search(r"\d", name))
    if looks_secret:
        return guess("env-key-is-secret", "env-key-invalid", "key-unset", ask="the line env_key = … (without the key)")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return guess("env-key-invalid", "env-key-is-secret", "key-unset", ask="the line env_key = … of config.toml")
    ask = f"whether `echo ${{#{name}}}` in that very terminal prints more than 0, and whether ~/.codex/.env exists"
    return guess("key-unset", "key-shadowed-by-dotenv", "key-stale-daemon", "env-key-invalid", ask=ask)


def _raw_body(record: Record) -> Guess | None:
    """Codex shows the body of a 400 as it is, without status or address."""
    found = _ERROR.match(record.text)
    if not found:
        return None
    body = found.group(1).strip()
    if not body:
        return guess("request-rejected", "response-failed", "model-not-found", ask=DOCTOR).heard(record.text)
    if cut := _cut(squeezed(body)):
        return cut.heard(record.text)
    refusal = classify(400, {}, _document(body).encode("utf-8", "replace"))
    if refusal.cause == "request-rejected" and record.loose != record.text:
        refusal = classify(400, {}, _document(_ERROR.sub(r"\1", record.loose).strip()).encode("utf-8", "replace"))
    said = Refused(400, refusal.message)
    if refusal.error.get("type") in ("upstream_error", "routing_error"):
        return guess(
            "upstream-error", "upstream-key-rejected", "request-rejected", ask="the gateway's log of it"
        ).heard(record.text)
    if refusal.cause == KEY:
        return on_key(said, refusal.error).heard(record.text)
    if refusal.cause == ROUTE:
        return on_route(said).heard(record.text)
    if record.text.startswith("Error:") and not refusal.error:  # so it begins before a run, `ERROR:` in one
        return guess("config-type", "config-unreadable", "codex-flag-unsupported", "requirements-violated", "request-rejected", "response-failed", ask="the whole message, and " + CONFIG).heard(record.text)  # fmt: skip
    if not refusal.error and refusal.cause == "request-rejected" and not body.startswith(("{", "<", "[")):
        return guess("request-rejected", "response-failed", "model-not-found", "error-in-200", ask=DOCTOR).heard(
            record.text
        )
    near = {"model-not-found": ("request-rejected",), "request-rejected": ("response-failed", "model-not-found")}
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    return guess(refusal.cause, *near.get(refusal.cause, ("request-rejected",)), ask="the gateway's log of it", **details).heard(record.text)  # fmt: skip


def _document(body: str) -> str:
    """The JSON document that a body begins with, without what was pasted after it; the body where it begins with none."""
    if body[:1] not in "{[":
        return body
    try:
        return body[: json.JSONDecoder(strict=False).raw_decode(body)[1]]
    except (ValueError, RecursionError):
        return body


_BEGINNINGS = (
    ("unexpectedstatus", guess("key-rejected", "responses-unsupported", "policy-rejected", "insufficient-quota", "base-url-path", "model-not-found", "upstream-error", "key-malformed", "key-header-dropped", "env-key-missing", "edge-blocked", ask="the whole message: its end is missing")),
    ("streamdisconnectedbeforecompletion:", guess(*NO_STREAM, "connection-reset", "stream-idle", "base-url-invalid", "redirected", "response-incomplete", ask="the whole message: its end is missing")),
    ("Missingenvironmentvariable:", guess("key-unset", "env-key-invalid", "key-shadowed-by-dotenv", "env-key-is-secret", "key-stale-daemon", ask=KEY_ASK)),
    ("exceededretrylimit,laststatus:", guess("rate-limited", "insufficient-quota", "key-rejected", "policy-rejected", ask="the whole message: its end is missing")),
    ("Reconnecting...waitingfornetwork", guess(*CONNECTING, ask=DOCTOR)),
    ("Connectionfailed:errorsendingrequest", guess(*CONNECTING, ask=DOCTOR)),
    ("We'recurrentlyexperiencinghighdemand", guess("gateway-error", "upstream-error", "insufficient-quota", ask=DOCTOR)),
)  # fmt: skip


def _cut(tight: str) -> Guess | None:
    """A message of Codex whose end is missing: what all the messages leave open that begin so."""
    for start, found in _BEGINNINGS:
        rest = tight.removeprefix(start)
        if len(tight) >= 3 and (
            start.startswith(tight) or (rest != tight and any(end.startswith(rest) for end in _ENDS))
        ):
            return found
    return None


_ENDS = (
    "streamclosedbeforeresponse.completed",
    "idletimeoutwaitingforSSE",
    "Transporterror:networkerror",
    "errorsendingrequest",
    "buildererror",
    "failedtoparseResponseCompleted",
    "toomanyredirects",
    "UTF8error",
    "Incompleteresponsereturned",
)


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
    note = "The address in the message is OpenAI's: the gateway was never asked, so its logs stay empty."
    if falling_back or "wss://" in tight:
        found = guess("provider-not-selected", "provider-overridden", "config-missing", "base-url-missing", "provider-undefined", ask=CONFIG + ", and how codex is started", note=note)  # fmt: skip
    else:
        found = guess(
            "base-url-missing", "provider-not-selected", "provider-overridden", "config-missing", ask=CONFIG, note=note
        )
    hinted = [cause for cause in _hinted(said) if cause in found.causes]
    return Guess(tuple(dict.fromkeys((*hinted, *found.causes))), found.ask, words[:400], note)


def _warnings_alone(said: Sequence[Record]) -> Guess | None:
    tight = "\n".join(record.tight for record in said)
    if _FALLBACK in tight:
        return guess("websocket-fallback", "provider-not-selected", ask=CONFIG).heard("Falling back from WebSockets")
    if "project-localconfigkeys" in tight:
        return guess("project-keys-ignored", "provider-not-selected", ask=CONFIG).heard("project-local config keys")
    named = _IGNORED.findall(tight)
    if not named:
        return None
    return guess("unknown-keys", *_hinted(said), ask="the line that is named as ignored").heard(
        f"`{named[0]}` is ignored"
    )


_MEANT = (
    (re.compile(r"envkey|apikey|keyenv|envvar|bearer|token"), "env-key-missing"),
    (re.compile(r"baseurl|apibase|endpoint|apiurl|^url$|^host$|^uri$"), "base-url-missing"),
    (re.compile(r"modelprovide?r?$|^provider$"), "provider-not-selected"),
)


def _hinted(said: Sequence[Record]) -> tuple[str, ...]:
    """What the keys that Codex ignores were meant to be."""
    names = [name for record in said for name in _IGNORED.findall(record.tight)]
    folded = [re.sub(r"[^a-z]", "", name.rsplit(".", 1)[-1].lower()) for name in names]
    meant = [cause for name in folded for pattern, cause in _MEANT if pattern.search(name)]
    return tuple(dict.fromkeys(meant))[:MOST]
