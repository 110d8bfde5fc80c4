"""The part of the walk that leaves this machine: the test request and the questions after it."""

from __future__ import annotations

from dataclasses import replace

from joytui.codex.world import World
from joytui.core.records import Evidence
from joytui.doctor.answers import KEY, ROUTE
from joytui.doctor.faults import NetFault
from joytui.doctor.judgement import Judgement, of_fault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.probe import Probe, patience_of
from joytui.doctor.resolve import resolve, route_cause
from joytui.doctor.steps import StepBook

FURTHER_LIMIT = 1.5
OPENAI_HOSTS = ("api.openai.com", "chatgpt.com")


def try_request(world: World, limit: Limit, book: StepBook) -> tuple[Judgement, list[Judgement]]:
    """The test request and its judgement, and what else was met. Raises Cancelled."""
    assert world.plan is not None, "only with a request to send"
    try:
        probe = Probe(world, world.plan, limit, book)
    except NetFault as fault:
        return of_fault(fault, patience_of(world, world.plan)), []
    except ValueError as error:
        return Judgement(False, "base-url-invalid", str(error), (Evidence(str(error), world.config_file),)), []
    if probe.route.target.host in OPENAI_HOSTS:
        return Judgement(None, None, "nothing was sent"), []
    sent = probe.test()
    try:
        judged = resolve(probe, sent)
    except OutOfTime:
        judged = sent.judgement
    judged = settled(judged)
    judged = _with_costs(probe, judged)
    judged = _stale_daemon(world, judged)
    _record_logs(probe, book)
    return judged, [settled(warning) for warning in probe.warnings]


def settled(judged: Judgement) -> Judgement:
    """An open question that there was no time (or no need) to answer gets its likeliest answer."""
    likely = {KEY: "key-rejected", ROUTE: "responses-unsupported"}.get(judged.cause or "")
    return replace(judged, cause=likely) if likely else judged


def _with_costs(probe: Probe, judged: Judgement) -> Judgement:
    if not probe.request_ids:
        return judged
    more: dict[str, object] = {"test_requests": len(probe.request_ids), "request_id": probe.request_ids[0]}
    if probe.usage:
        more["test_usage"] = dict(probe.usage)
    return judged.with_details(**more)


def _stale_daemon(world: World, judged: Judgement) -> Judgement:
    """The interactive Codex asks through its background server, whose key may be another than the one just tried."""
    daemon = world.credential.daemon if world.credential else None
    if daemon is None or world.command.subcommand != "" or not judged.works:
        return judged
    if daemon.key_state not in ("different", "unset"):
        return judged
    what = "has no key" if daemon.key_state == "unset" else "has another key"
    evidence = (
        Evidence(f"the background server (pid {daemon.pid}) {what} in its environment", f"/proc/{daemon.pid}/environ"),
        Evidence("with the key of this shell the gateway answers", judged.evidence[0].where if judged.evidence else ""),
    )
    return Judgement(
        False, "key-stale-daemon", f"Codex's background server {what}", evidence, None, {"pid": daemon.pid}
    )


def _record_logs(probe: Probe, book: StepBook) -> None:
    if not probe.request_ids:
        return
    from joytui.doctor.logs import look_up

    status, summary = look_up(probe.route.target.origin, probe.request_ids[0], probe.limit)
    book.record("logs", status, summary)


def explain_further(world: World, limit: Limit, book: StepBook) -> list[Judgement]:
    """What else is wrong behind a local fault: the way to the gateway, and its route. Sends no key and no prompt."""
    assert world.plan is not None, "only with a request to send"
    quiet = StepBook()
    short = limit.within(FURTHER_LIMIT)
    try:
        probe = Probe(world, world.plan, short, quiet)
        probe.asker.key_headers = [(n, v) for n, v in probe.asker.key_headers if n.lower() != "authorization"]
        if probe.route.target.host in OPENAI_HOSTS:
            return []
        link = probe.route.open(short)
        link.stream.close()
    except NetFault as fault:
        return [of_fault(fault, patience_of(world, world.plan))]
    except (ValueError, OutOfTime):
        return []
    return _further_route(probe)


def _further_route(probe: Probe) -> list[Judgement]:
    path = probe.route.target.path
    if probe.asker.is_there(path) is not False:
        return []
    cause, right = route_cause(probe)
    where = probe.route.target.url
    details = {"right_base_url": right} if right else {}
    return [
        Judgement(
            False,
            cause,
            "the gateway has no such route",
            (Evidence("404 or 405 for an empty request", where),),
            None,
            details,
        )
    ]
