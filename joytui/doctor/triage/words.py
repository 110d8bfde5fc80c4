"""Words to a guess: what Codex printed, as it was pasted.

Of several failures the first that decides counts, what is vague follows from it. Noise of healthy runs is no failure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

from joytui.causes import CAUSES
from joytui.causes.answers import KEY, ROUTE, classify, of_fields, read_words, status_in
from joytui.causes.error_bodies import fields_in
from joytui.causes.noise import NOISE, Noise
from joytui.causes.questions import DOCTOR, LOG
from joytui.core.joytoken import ROUTING_ERROR, UPSTREAM_ERROR
from joytui.doctor.triage.answer import MOST, Guess, guess
from joytui.doctor.triage.clean import Record, answered_behind, bounded, plain, records, squeezed, without_commands
from joytui.doctor.triage.config_of_ticket import without_configuration
from joytui.doctor.triage.server_log import Served, all_served, judged, requests_in
from joytui.doctor.triage.signs import Speaker, cut_short, has_sign, heard, of_whole, sign
from joytui.doctor.triage.status import Refused, decided, of_answer, of_refusal, on_key, on_route, refused, to_openai

MESSAGES = 1000
REPORT = 3000
"""Characters of a relay's report."""

_OPENAI = re.compile(r"url:?\(?(?:https|wss)://(?:api\.openai\.com|chatgpt\.com)/", re.I)
_IGNORED = re.compile(r"`([\w.\-\"]{1,200})`isignored")
_FALLBACK = "FallingbackfromWebSockets"
_VARIABLE = re.compile(r"(?:Missing|^)environmentvariable:`([^`]{0,300})(`?)")
_TYPED_OFF = re.compile(
    r"\b(?i:missing\s+(?:env\w{3,14}|umgebungs-?)\s*var\w{2,10})\W{1,4}([A-Z][A-Z0-9]*_[A-Z0-9_]+)([`'\"]?)"
    r"|\b(?i:(?:env\w{3,14}|umgebungs-?)\s*var\w{2,10})\W{1,4}(?P<name>[A-Z][A-Z0-9]*_[A-Z0-9_]+)[`'\"]?\s+(?i:(?:is |was |was reported )?(?:missing|not set|not found|unset|undefined|fehlt|nicht gesetzt))"
)
"""As people type it off a picture."""
_RETRY = re.compile(r"Reconnecting\.\.\.\s*\d{1,3}/\d{1,3}")
_ERROR = re.compile(r"^(?:ERROR|Error|error):?(?:\s+|$)(.*)", re.S)


@dataclass(frozen=True, slots=True)
class Heard:
    """What a text gave: the guess (None: no failure in it), and the guesses at other failures in the same text."""

    guess: Guess | None
    others: tuple[Guess, ...] = ()
    codex: bool = False  # the text looks like an output of Codex
    healthy: str = ""  # why what it shows is no failure


def hear(text: str) -> Heard:
    """The failure in a text of any kind."""
    whole = plain(bounded(text))
    text, bare = without_commands(whole)
    all_said = _with_bodies(_distinct(records(text)))
    if shown := of_whole(text):
        return Heard(shown, (), True)
    noises = [
        (record, noise)
        for record in all_said
        for noise in [noise_in(*record.forms[: 3 if len(record.text) < 2000 else 1])]
        if noise
    ]
    noisy = {record.text for record, _ in noises}
    said = [record for record in all_said if record.text not in noisy]
    ignored = _hinted(said)
    found = [(record, one) for record in said for one in [_of_record(record, ignored)] if one]
    if to_openai_guess := _openai(said):
        return Heard(to_openai_guess, (), True)
    requests = requests_in(text)
    if _ended_well(all_said, [record for record, one in found if not one.passing]):
        return Heard(None, (), True, "This run ended well: Codex answered. " + " ".join(_meanings(noises)))
    final = [one for _, one in found if not one.passing] or [one for _, one in found]
    if all(one.passing for _, one in found):
        if answered_behind(whole, "Falling back from WebSockets"):
            return Heard(None, (), True, WENT_ON)
        if final and answered_behind(whole, "Reconnecting..."):
            return Heard(None, (), True, TRIED_AGAIN)
    if final and not any(not one.passing for _, one in found) and any(_FALLBACK in r.tight for r in all_said):
        return Heard(sign("WebSockets given up").heard("Falling back from WebSockets"), (), True)
    if final:
        return _narrowed(_merged(final, text), text, requests)
    if warned := _warnings_alone(said):
        return Heard(warned, (), True)
    whole_text = "\n".join(record.text for record in (said if bare == whole else records(bare)))
    if relayed := _relayed(whole_text):
        return Heard(relayed, (), True)
    if logged := judged(requests):
        return Heard(logged, (), True)
    if cited := _cited(whole_text):
        return Heard(cited)
    whole_text = without_configuration(whole_text)
    if loosely := _loosely(whole_text, squeezed(whole_text)):
        return Heard(loosely)
    if noises:
        return Heard(None, (), True, " ".join(_meanings(noises)))
    if all_served(requests):
        return Heard(None, (), True, "The server's log shows answers to all of Codex's requests.")
    if bare != whole:
        return Heard(None, (), True, "Codex answers and runs commands: the failure is in the output of one of them.")
    return Heard(_silent(whole_text), (), bool(_BANNER.search(whole_text)))


TRIED_AGAIN = "Codex lost the connection, tried again by itself, and answered. That is no failure."
WENT_ON = "Codex tried a WebSocket first, went on over HTTP, and answered. That is no failure."


def noise_in(*forms: str) -> Noise | None:
    """The noise that one message is, in any of its forms; None if it is none. Nothing that names a failure of the run is noise."""
    if any(map(_FINAL.search, forms)):
        return None
    return next((noise for pattern, noise in _noises() if any(map(pattern.search, forms))), None)


_FINAL = re.compile(
    r"unexpected status (?:(?!426)\d|426\b.{0,300}?url:\s*http)|exceeded retry|missing environment|no longer supported|Error loading",
    re.I | re.S,
)


@cache
def _noises() -> tuple[tuple[re.Pattern[str], Noise], ...]:
    return tuple((re.compile(noise.pattern, re.I), noise) for noise in NOISE)


def _meanings(noises: Sequence[tuple[Record, Noise]]) -> list[str]:
    return list(dict.fromkeys(noise.meaning for _, noise in noises))


_LOG_LINE = re.compile(r"^(?:ERROR|WARN|INFO)\s+\w+(?:::\w+)+")


def _ended_well(said: Sequence[Record], failures: Sequence[Record]) -> bool:
    """Whether Codex's answer and its count of tokens are behind all that looks like a failure."""
    places = {record.text: number for number, record in enumerate(said)}
    answered = [n for n, record in enumerate(said) if re.match(r"codex\n\S", record.text)]
    counted = [n for n, record in enumerate(said) if record.text.startswith("tokens used")]
    if not answered or not counted or counted[-1] < answered[-1]:
        return False
    return all(_LOG_LINE.match(one.text) and places.get(one.text, len(said)) < counted[-1] for one in failures)


def _with_bodies(said: Sequence[Record]) -> list[Record]:
    """A body with the status line that is before it: one message, though each looks like the beginning of one."""
    joined: list[Record] = []
    for record in said:
        before = joined[-1] if joined else None
        if before and record.text[:1] in "{<" and _STATUS_AT_END.search(before.text[-80:]):
            joined[-1] = replace(
                before,
                text=f"{before.text} {record.text}",
                tight=before.tight + record.tight,
                loose=f"{before.loose} {record.loose}",
                hard=f"{before.hard} {record.hard}",
            )
        else:
            joined.append(record)
    return joined


_STATUS_AT_END = re.compile(r"\b[45]\d\d\b[^\n\d]{0,40}:?\s*$")


def _surface(text: str) -> bool:
    """Whether the ticket says that something else than the shell with the variable starts this Codex."""
    return bool(_SURFACE.search(text))


_SURFACE = re.compile(
    r"\bvs ?code\b|visual studio|\bcursor\b|windsurf|jetbrains|intellij|pycharm|webstorm|\bxcode\b|\bzed\b|\b(?:ide|editor)\b|\bextensions?\b|\bplug-?ins?\b"
    r"|\b(?:codex|desktop|mac|macos|windows|gui) app\b|\bapp (?:in|on|mode|with)\b|\bthe app\b|\bdesktop\b|\bwsl\b|windows ?subsystem|\bcron(?:tab|job)?\b|\bsystemd\b|\blaunchd\b|\bfrom the dock\b"
    r"|\bspotlight\b|\bfinder\b|start menu|\bssh\b|\bdocker\b|\bdev ?container|\bcontainer\b|github actions|\bjenkins\b|\bgitlab\b|\bci\b|\btmux\b|\bservice\b|\bscheduled task\b"
    r"|\bprocess completed with exit code\b|^##\[|::error|^[\w.-]{1,40}-\d{1,3}\s{1,20}\||\bexited with code \d"
    r"|\b(?:started|launched|run|invoked|called|spawned) (?:from|by|through|via) (?!(?:the |a |my )?(?:terminal|shell|bash|zsh|console|command))|\bscheduler\b|\bshortcuts?\b|\bautomator\b|\braycast\b|\balfred\b"
    r"|\bagent panel\b|\bACP\b|\bjupyter\b|\bairflow\b|\bn8n\b|\bsupervisord?\b|\bpm2\b|\bstderr: "
    r"|\bjob failed: exit code\b|\"kubernetes\"|\bpods?/|\bkubectl\b|\w\.app\b|\bdock\b|dans (?:le|mon) terminal[^.\n]{0,30}(?:fonctionne|marche)|en (?:la|el|mi) terminal[^.\n]{0,20}funciona"
    r"|插件|扩展|编辑器|桌面|应用程序|拡張機能|エディタ|Erweiterung|extensión|расширени"
    r"|\bsetx\b|\b(?:works|is set|fine|ok) (?:fine )?in (?:the |my |a |every )?(?:terminal|shell|console|cmd|powershell|bash|zsh)\b|终端[^。\n]{0,16}(?:有值|可以|正常|没问题)"
    r"|ターミナル[^。\n]{0,8}(?:動|使え)|im terminal[^.\n]{0,20}(?:läuft|geht|funktioniert|klappt)",
    re.I | re.M,
)


def _relayed(text: str) -> Guess | None:
    """A relay's report of its upstream's refusal, which takes several lines: the status, and the words behind it; or a body
    whose beginning was not copied."""
    fields = fields_in(text[:REPORT])
    status = fields.get("status") or (400 if fields and "{" not in text else None)
    return of_answer(classify(of_fields(fields, status))).heard(text) if status else None


_CITED = re.compile(
    r"\"([^\"\n]{12,300})\"|“([^“”\n]{12,300})”|(?<!`)`([^`\n]{12,300})`(?!`)|「([^「」\n]{6,300})」|『([^『』\n]{6,300})』|«([^«»\n]{12,300})»"
)


def _cited(text: str) -> Guess | None:
    """A message that somebody quotes in a sentence, where its words decide."""
    for found in _CITED.finditer(text[:REPORT]):
        words = found[found.lastindex or 0]
        refusal = classify(read_words(400, words))
        if refusal.told:
            return decided(refusal).heard(words)
    return None


def _loosely(text: str, tight: str) -> Guess | None:
    """What people write about a failure in their own words, or what is left of a message that was cut: never a single cause."""
    if route := _route_in_words(text):
        return route
    found = heard("people", text, tight if len(tight) < 400 else "")
    if found is None:
        return None
    words, hint = found
    line = text[max(0, words.start() - 80) : words.end() + 80] if words.string is text else text[:200]
    return hint.heard(" ".join(line.split()))


def _route_in_words(text: str) -> Guess | None:
    """An address with a 404 beside it, where that decides."""
    url = _ASKED.search(text) if _NOT_THERE.search(text) else None
    found = on_route(Refused(404, "", url[0])) if url else None
    return found.heard(text) if found and len(found.causes) == 1 else None


_ASKED = re.compile(r"https?://\S{1,200}/responses\b(?!/)")
_NOT_THERE = re.compile(r"\b404\b|\bnot found\b", re.I)
_BANNER = re.compile(r"OpenAI Codex|^session id:|codex exec\b", re.M)


def _silent(text: str) -> Guess | None:
    """A run of Codex with a beginning, and neither an answer nor an error."""
    if not _BANNER.search(text) or re.search(r"^codex$", text, re.M):
        return None
    return sign("silence").heard("a run without an answer and without an error")


def _distinct(said: Sequence[Record]) -> list[Record]:
    """Each message once, at its last place; the first and the last ones of a text that has very many."""
    last = {_OWN_ID.sub("", record.text): record for record in reversed(said)}
    once = list(last.values())[::-1]
    return once if len(once) <= MESSAGES else once[: MESSAGES // 2] + once[-MESSAGES // 2 :]


_OWN_ID = re.compile(r"(?:request id|cf-ray): \S{1,100}")


def _merged(found: Sequence[Guess], text: str) -> Heard:
    """The first failure that decides; otherwise the last, with those in front that an earlier message names more exactly."""
    found = [_elsewhere(one, text) for one in found]
    last = found[-1]
    sure = list({one.causes: one for one in found if len(one.causes) == 1}.values())
    if len(sure) == 1:
        others = {one.causes: one for one in found if sure[0].causes[0] not in one.causes}
        return Heard(sure[0], tuple(others.values()), True)
    different = {one.causes: one for one in found if not set(one.causes) & set(last.causes)}
    if len(sure) > 1:  # none of them is the one cause for sure
        first, *rest = sure
        causes = (*first.causes, *(one.causes[0] for one in rest[:2]))
        return Heard(
            Guess(causes, f"which of the failures is meant, and {DOCTOR}", first.words, first.note), tuple(rest), True
        )
    same = [one for one in found if set(one.causes) <= set(last.causes)]
    best = min(reversed(same), key=lambda one: len(one.causes))
    return Heard(last if best.causes == last.causes else _wider(last, best), tuple(different.values()), True)


def _elsewhere(one: Guess, text: str) -> Guess:
    """A variable that is missing where no shell starts Codex: those of the shell do not reach it."""
    if one.causes != sign("a variable").causes:
        return one
    if re.search(r"^[^\n]{0,60}[$#%❯] ?sudo\b[^\n]{0,40}\bcodex\b|\bsudo codex\b", text, re.M):
        return replace(sign("a variable that sudo drops"), words=one.words)
    if _NOT_EXPORTED.search(text) and not _IN_ENVIRONMENT.search(text):
        return replace(sign("a variable that is not exported"), words=one.words)
    if not _surface(text):
        return one
    return replace(sign("a variable where no shell starts Codex"), words=one.words)


def _narrowed(heard: Heard, text: str, requests: list[Served]) -> Heard:
    """What a program said elsewhere in the ticket, a server's log or a quoted message, where it is one of the causes left open."""
    found = heard.guess
    if found is None or len(found.causes) < 2:
        return heard
    logged = judged(requests)
    if logged and len(logged.causes) == 1 and (logged.causes[0] in found.causes or logged.causes == _NO_ROUTE):
        return replace(heard, guess=replace(logged, words=found.words))
    for words in _program_words(text):
        refusal = classify(read_words(400, words))
        if refusal.told and refusal.cause in found.causes:
            return replace(heard, guess=replace(decided(refusal).heard(words), note=found.note))
    return heard


_NO_ROUTE = ("responses-unsupported",)
_LOGGED = re.compile(
    r"\b(?:ERROR|ERR|WARN|WARNING|INFO|DEBUG)\b|\b(?:log|logs|logged|says|said|Protokoll)\b[^\n:：]{0,30}[:：]|(?:日志|ログ)[^\n:：]{0,20}[:：]|^\S{0,3}\d{4}[-/]\d\d"
)


_OF_CODEX = re.compile(
    r"unexpected\s+status|exceeded retry|stream (?:disconnected|error)|Reconnecting|^\W*(?:ERROR|Error)\b"
)
_IN_JSON = re.compile(r"[\"'\\]\s*:\s*$|^\s*:")


def _program_words(text: str) -> Iterator[str]:
    """What the lines beside Codex's own messages quote, and those of logs among them."""
    for line in text[:REPORT].split("\n"):
        if _OF_CODEX.search(line):
            continue
        for found in _CITED.finditer(line):
            if not (_IN_JSON.search(line[: found.start()]) or _IN_JSON.search(line[found.end() :])):
                yield found[found.lastindex or 0]
        if _LOGGED.search(line):
            yield line


# A variable of this kind that is given a value at the beginning of a line or of a quoted command, without being exported.
_NOT_EXPORTED = re.compile(
    r"(?:^|[`\"']|[$❯%#>] )(?:set (?:-g |-U )?(?!-)[A-Z][A-Z0-9_]*_(?:KEY|TOKEN) [^\s=]|[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)=[^\s`]{3,200}\s*(?:[`\"']|$))",
    re.M,
)
_IN_ENVIRONMENT = re.compile(r"\b(?:env|printenv)\b|\b(?:export|declare -x)\s+[A-Z]")
"""Such a line may be of what `env` prints, or of a file of variables (.env); and what is exported afterwards is exported."""


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
        forms = [other.message for form in record.forms if (other := refused(form))]
        found = of_refusal(said, ignored, forms)
        return _websocket(said) or replace(found, passing=retry)
    if _holds_body(record.tight) and (body := _raw_body(record)):
        return body  # the words in it are the gateway's, not Codex's
    if known := [one[1] for speaker in _PROGRAMS if (one := heard(speaker, record.tight))]:
        surest = min(known, key=lambda one: len(one.causes))
        if len(surest.causes) > 1 and (told := _words_of_a_stream(record)):
            return told
        return _with_ignored(surest, ignored).heard(record.text, passing=retry)
    if told := _words_of_a_stream(record):
        return told
    if retry:
        return _retrying(record.text).heard(record.text, passing=True)
    return _raw_body(record)


_PROGRAMS: tuple[Speaker, ...] = ("codex", "curl")
_STREAM = re.compile(r"stream (?:disconnected before completion|error)\s*:\s*(.*)", re.S | re.I)


def _words_of_a_stream(record: Record) -> Guess | None:
    """The message of a failed response, which Codex puts behind its own words, where it decides."""
    for text in record.forms:
        found = _STREAM.search(text)
        refusal = classify(read_words(400, found[1])) if found else None
        if refusal and refusal.told:
            return decided(refusal).heard(record.text)
    return None


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
        return guess(*ignored, *known.causes[:2], ask="the named line as ignored", note=known.note)
    return known


def _missing_variable(record: Record) -> Guess | None:
    found = _VARIABLE.search(record.tight) or _TYPED_OFF.search(record.text)
    if not found:
        return None
    if re.search(r"variable:\s+`[^`\s]+\s+[^`\s][^`]*`", record.hard):
        return sign("a name with a blank in it")
    if re.search(r"variable:\s+`[^`\s]*\s[^`]*`", record.text):  # or a line that was broken in it
        return sign("a variable with a blank in it")
    name, whole = found[found.lastgroup or 1], found[2]
    if re.fullmatch(r"\$\{?[A-Za-z_]\w*\}?|%[A-Za-z_]\w*%|(?i:\$?env[:.]|process\.env\.)\w+", name):
        return sign("a variable with a sign before its name")
    if name.startswith("GOOGLE_"):
        return sign("a variable of Google")
    if not whole and found.re is _VARIABLE:
        return sign("a variable that is cut")
    looks_secret = re.match(r"(?i)(?:jt|sk|pk|ghp)[-_]|<|‹", name) or (len(name) > 20 and re.search(r"\d", name))
    if looks_secret:
        return sign("a variable that looks like a key")
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        return sign("a variable that cannot be one")
    unset = sign("a variable")
    return replace(unset, ask=unset.ask.format(variable=name))


# What the body of an error begins with; a line of a log or of `codex exec --json` is JSON, too.
_BODY = re.compile(
    r'\[?\{["\'](?:errors?|detail|message|code|statusCode|status_code)["\']:|\{"(?:object|type)":"error",(?!"message")|\{"object":"error"',
    re.I,
)


def _holds_body(tight: str) -> bool:
    """Whether a message is the body of an error, or has one within it."""
    return bool(_BODY.match(re.sub(r"^(?:ERROR|Error|error):?", "", tight))) or '{"error":{' in tight


def _raw_body(record: Record) -> Guess | None:
    """Codex shows the body of a 400 as it is, without status or address."""
    found = _ERROR.match(record.text)
    bare = _holds_body(record.tight) and bool(fields_in(record.text))
    if not found and not bare:
        return None
    body = found.group(1).strip() if found else record.text
    if not body:
        return sign("an error without words").heard(record.text)
    if cut := cut_short(squeezed(body)):
        return cut.heard(record.text)
    bodies = [_ERROR.sub(r"\1", form).strip() for form in record.forms]
    if not bare:
        bodies.append(record.text)
    refusals = [classify(read_words(status_in(fields_in(words)), words)) for words in bodies]
    refusal = min(refusals, key=lambda one: (not one.told, one.cause == "request-rejected"))
    answer = refusal.answer
    said = Refused(answer.status, answer.message)
    if answer.type in (UPSTREAM_ERROR, ROUTING_ERROR) and not refusal.told:
        return sign("an upstream's error in a body of status 400").heard(record.text)
    if refusal.told:
        return decided(refusal).heard(record.text)
    if refusal.cause == KEY:
        return on_key(said, answer).heard(record.text)
    if refusal.cause == ROUTE:
        return on_route(said).heard(record.text)
    if record.text.startswith("Error:") and not answer.is_error:  # so it begins before a run, `ERROR:` in one
        return sign("Error: before a run").heard(record.text)
    if not answer.is_error and refusal.cause == "request-rejected" and not body.startswith(("{", "<", "[")):
        return sign("an error in words of its own").heard(record.text)
    details = {name: refusal.details[name] for name in ("policy", "quota") if name in refusal.details}
    balanced = body.count("{") <= body.count("}")
    coded = isinstance(answer.code, str) and not answer.code.isdigit() and not body.endswith(answer.code)
    if (balanced or coded) and (answer.is_error or body.startswith("{")):
        return guess(refusal.cause, **details).heard(record.text)
    name = "a body of status 400"
    near = sign(name, of=refusal.cause).causes if has_sign(name, of=refusal.cause) else ("request-rejected",)
    return guess(refusal.cause, *near, ask=LOG, **details).heard(record.text)


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
