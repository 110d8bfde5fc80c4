"""The part of the walk that leaves this machine: the test request and the questions after it."""

from __future__ import annotations

import re
from dataclasses import replace
from urllib.parse import urlsplit

from joytui.causes import CAUSES
from joytui.causes.answers import KEY, ROUTE, ErrorAnswer, classify, read_answer
from joytui.codex.daemon import asks_the_daemon
from joytui.codex.providers import OPENAI_HOSTS
from joytui.codex.urls import path_of
from joytui.codex.world import World
from joytui.core.joytoken import BASE_PATH
from joytui.core.records import Evidence, Finding
from joytui.doctor.encodings import (
    asked_plainly,
    asks_for_compression,
    broken_encoding,
    is_readable,
    may_be_compression,
)
from joytui.doctor.faults import NetFault
from joytui.doctor.foretold import foretell
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.local_gateway import path_it_lacks
from joytui.doctor.model_list import model_list
from joytui.doctor.probe import Probe, Sent, patience_of
from joytui.doctor.resolve import key_suspicions, resolve, route_cause
from joytui.doctor.steps import StepBook
from joytui.doctor.transport import of_fault
from joytui.doctor.whole_turn import least_turn, whole_turn

FURTHER_LIMIT = 1.5


def try_request(world: World, limit: Limit, book: StepBook) -> tuple[Finding, list[Finding]]:
    """The test request and its judgement, and what else was met. Raises Cancelled."""
    assert world.plan is not None, "only with a request to send"
    try:
        probe = Probe(world, world.plan, limit, book)
    except NetFault as fault:
        return of_fault(fault, patience_of(world, world.plan)), doubtful_path(world)
    except ValueError as error:
        evidence = (Evidence(str(error), world.config_file),)
        return Finding(False, "base-url-invalid", evidence=evidence, summary=str(error)), []
    if probe.route.target.host in OPENAI_HOSTS:
        return Finding(None, None, summary="nothing was sent"), []
    sent = probe.test()
    try:
        judged = _compression(probe, sent) or resolve(probe, sent)
    except OutOfTime:
        judged = sent.judgement
    judged = settled(judged)
    if judged.works:
        judged = _for_a_turn(probe, sent, judged)
    if judged.works:
        probe.warnings.extend(model_list(probe, joytui="whole_turn" in judged.details))
    judged = _with_costs(probe, judged)
    judged = _stale_daemon(world, judged)
    _record_logs(probe, book)
    more = [] if probe.request_ids else doubtful_path(world)
    return judged, [*(settled(warning) for warning in probe.warnings), *more]


def _compression(probe: Probe, sent: Sent) -> Finding | None:
    """A failure that comes of compressing: nothing but the wish for it is taken away, and the answer is good, or cannot be read."""
    judged, plan = sent.judgement, probe.plan
    if judged.works or sent.delivery is None or not asks_for_compression(plan):
        return None
    answer = sent.delivery.answer
    label = answer.header("content-encoding")
    worded = sent.refusal is not None and sent.refusal.answer.is_error
    if not may_be_compression(answer.status, label, sent.body, worded=worded):
        return None
    plain = replace(probe, plan=asked_plainly(plan))
    again = plain.send(plain.codex_body())
    if again.judgement.works:
        return broken_encoding(judged, label, answer.target.url, plain_works=True)
    broken = sent.outcome is not None and sent.outcome.end == "broken"
    spoilt = answer.status < 300 and label is not None and not is_readable(label, sent.body, broken=broken)
    same = spoilt and again.judgement.cause == judged.cause
    return broken_encoding(judged, label, answer.target.url, plain_works=False) if same else None


def settled(judged: Finding) -> Finding:
    """An open question that there was no time (or no need) to answer gets its likeliest answer."""
    likely = {KEY: "key-rejected", ROUTE: "responses-unsupported"}.get(judged.cause or "")
    return replace(judged, cause=likely) if likely else judged


def _for_a_turn(probe: Probe, sent: Sent, judged: Finding) -> Finding:
    """A good answer is good for a whole turn only where what is left pays for one."""
    turn, warnings = whole_turn(probe, sent, judged)
    probe.warnings.extend(warnings)
    if not turn.works:
        probe.book.record("stream", "pass", "the small request was answered completely")
    return turn


def _with_costs(probe: Probe, judged: Finding) -> Finding:
    if not probe.request_ids:
        return judged
    more: dict[str, object] = {"test_requests": len(probe.request_ids), "request_id": probe.request_ids[0]}
    if probe.usage:
        more["test_usage"] = dict(probe.usage)
    return judged.with_details(**more)


def _stale_daemon(world: World, judged: Finding) -> Finding:
    """The interactive Codex asks through its background server, whose key may be another than the one just tried."""
    daemon = world.credential.daemon if world.credential else None
    if daemon is None or world.command.subcommand != "" or not judged.works or not asks_the_daemon(world.command):
        return judged
    if daemon.key_state not in ("different", "unset"):
        return judged
    what = "has no key" if daemon.key_state == "unset" else "has another key"
    evidence = (
        Evidence(f"the background server (pid {daemon.pid}) {what} in its environment", f"/proc/{daemon.pid}/environ"),
        Evidence("with the key of this shell the gateway answers", judged.evidence[0].where if judged.evidence else ""),
    )
    return Finding(
        False,
        "key-stale-daemon",
        evidence=evidence,
        details={"pid": daemon.pid},
        summary=f"Codex's background server {what}",
    )


def _record_logs(probe: Probe, book: StepBook) -> None:
    if not probe.request_ids:
        return
    from joytui.doctor.logs import look_up

    status, summary = look_up(probe.route.target.origin, probe.request_ids[0], probe.limit)
    book.record("logs", status, summary)


def explain_further(world: World, limit: Limit) -> list[Finding]:
    """What else is wrong behind a local fault: the way to the gateway, and its answer to an empty request (no tokens)."""
    assert world.plan is not None, "only with a request to send"
    short = limit.within(FURTHER_LIMIT)
    try:
        probe = Probe(world, world.plan, short, StepBook())
        if probe.route.target.host in OPENAI_HOSTS:
            return []
        probe.route.open(short).stream.close()
    except NetFault as fault:
        return [of_fault(fault, patience_of(world, world.plan)), *doubtful_path(world)]
    except (ValueError, OutOfTime):
        return []
    return _further(probe)


_ABOUT_THE_BODY = ("gateway.request", "gateway.model")


def _further(probe: Probe) -> list[Finding]:
    """What the gateway would answer: asked of joytui's own without a request, of another by an empty one."""
    base = urlsplit(probe.route.target.path).path.rpartition("/responses")[0]
    told = foretell(probe.asker, probe.plan.model, least_turn(probe)) if base == BASE_PATH else None
    if told is not None:
        no = ErrorAnswer(told.status, told.error_type, message=told.message)
        return [] if told.allowed else _refusals(probe, no, "a turn would get")
    found = probe.asker.post_empty(probe.route.target.path)
    judged = _refusals(probe, read_answer(found[0], {}, found[1]), "an empty request gets") if found else []
    return [one for one in judged if one.cause and CAUSES[one.cause].step not in _ABOUT_THE_BODY]


def _refusals(probe: Probe, answer: ErrorAnswer, who: str) -> list[Finding]:
    """The causes that such a request meets: the route, the key (where there is one), policy, budget, the gateway itself."""
    if 200 <= answer.status < 400:
        return []
    refusal = classify(answer)
    told = f"HTTP {answer.status}" + (f": {answer.message[:200]}" if answer.message else "")
    evidence = (Evidence(f"{who} {told}", probe.route.target.url),)
    if refusal.cause == ROUTE:
        found = route_cause(probe)
        return [Finding(False, found.cause, evidence=evidence, details=found.details(), summary=told)]
    if refusal.cause == KEY:
        return _key_too(probe, told, evidence)
    return [Finding(False, refusal.cause, evidence=evidence, details=refusal.details, summary=told)]


def _key_too(probe: Probe, told: str, evidence: tuple[Evidence, ...]) -> list[Finding]:
    """A refused key beside another fault: a suspicion names it already, and a key that is not there is no refused one."""
    credential = probe.world.credential
    if key_suspicions(probe.world) or credential is None or credential.header is None:
        return []
    return [Finding(False, "key-rejected", evidence=evidence, summary=told)]


def doubtful_path(world: World) -> list[Finding]:
    """Where the gateway cannot be asked: a base_url whose path is none that a gateway has."""
    if world.plan is None or world.provider is None or world.provider.builtin:
        return []
    if lacks := path_it_lacks(world):
        return [Finding(False, "base-url-path", evidence=(lacks,), summary=lacks.what)]
    path = path_of(world.plan.base_url.strip()).rstrip("/")
    if re.fullmatch(r"(?:/[\w.\-]+)*/v\d+", path) and not re.search(r"/v\d+/.*v\d+$", path):
        return []
    told = f"base_url has the path {path or '/'}, not {BASE_PATH}"
    where = world.provider.fields["base_url"].origin
    return [Finding(False, "base-url-path", evidence=(Evidence(told, where),), summary=told)]
