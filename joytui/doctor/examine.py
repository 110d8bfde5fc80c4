"""`examine`: the whole walk over one invocation of Codex, from its configuration to the last event of its answer.

Local checks first, by looking at Codex's world; then, unless given otherwise, one small request as Codex would send it.
The verdict is the fault that Codex meets first; every other one is a warning.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from datetime import timedelta

from joytui import __version__
from joytui.causes import CAUSES, ROW_TEXTS
from joytui.codex.look import look
from joytui.codex.world import Invocation, Issue, World
from joytui.core.clock import now, rfc3339
from joytui.core.records import (
    ROWS,
    SCHEMA_VERSION,
    CodexInfo,
    Evidence,
    Finding,
    Report,
    Status,
    Step,
    TableRow,
    TelemetryState,
)
from joytui.doctor.checked import asked_data, checked_with, newest_checked, version_told
from joytui.doctor.codex_words import Patience, per_request
from joytui.doctor.fix.refused import names_one_of, refused_in
from joytui.doctor.fix.registry import fix_for
from joytui.doctor.limits import Cancelled, Limit
from joytui.doctor.local_gateway import path_it_lacks
from joytui.doctor.steps import BY_ID, StepBook
from joytui.doctor.telemetry_state import telemetry_state

DEFAULT_TIMEOUT = 10.0
REMOTE_REACHED = "the app server answers"
_NOT_SENT = "not sent: local checks only"


def examine(
    invocation: Invocation,
    *,
    send: bool = True,
    timeout: float = DEFAULT_TIMEOUT,
    on_step: Callable[[Step], None] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Report:
    """Examines one invocation and reports. Synchronous; safe in a worker thread; ends within `timeout` seconds.

    `send` False: nothing leaves this machine. `on_step` hears of each step as it ends. `cancelled` is asked about ten
    times a second; a cancelled examination reports how far it came.
    """
    limit = Limit.after(timeout, cancelled)
    started = time.perf_counter()
    world = look(invocation)
    book = StepBook(on_step)
    _record_local(world, book, (time.perf_counter() - started) * 1000)
    if send and not world.problems and world.credential and world.credential.kind == "auth_command":
        from joytui.doctor.auth_command import with_command_key

        world = with_command_key(world, limit)
    judged, warnings = _judge(world, book, limit, send)
    judged = _with_history(world, judged)
    if judged.works is False:
        from joytui.doctor.unread import with_unread_file

        judged = with_unread_file(world, judged)
    if judged.works and "whole_turn" not in judged.details:
        warnings = _distinct([*warnings, *_too_large_for_the_budget(world)], None)
    if judged.cause:
        book.fail(judged.cause, judged.summary)
    for warning in warnings:
        if warning.cause:
            book.warn(warning.cause, warning.summary)
    _record_passed(book, judged)
    state = telemetry_state(world, limit, send=send and not cancelled())
    return _report(world, judged, warnings, book, "cancelled" if cancelled() else _not_run(send, judged), state)


def _not_run(send: bool, judged: Finding) -> str:
    if not send:
        return _NOT_SENT
    return "not needed" if judged.works else "not reached"


def _judge(world: World, book: StepBook, limit: Limit, send: bool) -> tuple[Finding, list[Finding]]:
    local = [of_issue(issue) for issue in world.problems]
    hints = [of_issue(issue) for issue in (*world.suspicions, *world.warnings)]
    if local:
        first, rest = local[0], [*local[1:], *hints]
        if send and world.plan is not None:
            from joytui.doctor.walk import explain_further

            rest += _guarded(lambda: explain_further(world, limit))
        return first, _distinct(rest, first.cause)
    if send and world.remote is not None:
        from joytui.doctor.remote_server import try_server

        try:
            return try_server(world, world.remote, limit, book, REMOTE_REACHED), _distinct(hints, None)
        except Cancelled:
            return Finding(None, None, summary="cancelled"), _distinct(hints, None)
    if not send and (lacks := path_it_lacks(world)):
        return Finding(False, "base-url-path", evidence=(lacks,), summary=lacks.what), _distinct(hints, "base-url-path")
    if not send or world.plan is None:
        return Finding(None, None, summary="nothing was sent"), _distinct(hints, None)
    from joytui.doctor.walk import try_request

    try:
        judged, more = try_request(world, limit, book)
    except Cancelled:
        return Finding(None, None, summary="cancelled"), _distinct(hints, None)
    return judged, _distinct([*more, *hints], judged.cause)


def _with_history(world: World, judged: Finding) -> Finding:
    """How Codex's last turns ended, by its own session files; where they went, if that explains empty logs.

    A failure of another cause is no reason for this verdict: it is in the details as "earlier_other_failure".
    """
    if judged.works:
        return judged
    from joytui.doctor.history import failure_told, fits, read_history, turns_told

    history = read_history(world.codex_home)
    if history is None:
        return judged
    where = f"{world.codex_home}/sessions"
    if judged.cause and CAUSES[judged.cause].phase == "elsewhere":
        judged = judged.with_evidence(Evidence(turns_told(history), where))
    failed = failure_told(history)
    if failed is None:
        return judged
    if judged.works is not None and not fits(history, judged.cause):
        return judged.with_details(earlier_other_failure=failed)
    return judged.with_evidence(Evidence(failed, where))


def _too_large_for_the_budget(world: World) -> list[Finding]:
    """Codex's last turn was refused for its price within a day: the doctor's own request is small and passes all the same."""
    from joytui.doctor.history import failure_told, newest_open, read_history

    history = read_history(world.codex_home)
    failure = newest_open(history) if history else None
    if history is None or failure is None or world.provider is None or failure.provider != world.provider.id:
        return []
    if failure.causes[:1] != ("insufficient-quota",) or failure.last < rfc3339(now() - timedelta(days=1)):
        return []
    told = f"{failure_told(history)}. The doctor's small request still passes, because a whole turn reserves more"
    evidence = (Evidence(told, f"{world.codex_home}/sessions"),)
    summary = "a small request passes, but Codex's last turn was refused"
    return [Finding(False, "insufficient-quota", evidence=evidence, summary=summary)]


def _guarded(ask: Callable[[], list[Finding]]) -> list[Finding]:
    try:
        return ask()
    except Cancelled:
        return []


def _distinct(found: Iterable[Finding], but: str | None) -> list[Finding]:
    """One of each cause, without the verdict's own."""
    kept: dict[str, Finding] = {}
    for judged in found:
        if judged.cause and judged.cause != but:
            kept.setdefault(judged.cause, judged)
    return list(kept.values())


def of_issue(issue: Issue) -> Finding:
    """A fault that was found by looking, as a finding."""
    details = {**issue.details, **({"key": issue.key} if issue.key else {})}
    if issue.cause == "base-url-invalid":
        details = {
            "codex_requests": 0,
            "codex_gives_up_after_s": per_request(None, Patience()).gives_up_after_s,
            **details,
        }
    elif issue.effect == "refuses":
        details = {"codex_requests": 0, "codex_gives_up_after_s": 0.0, **details}
    evidence = (Evidence(issue.summary, issue.where or "environment"),)
    return Finding(
        False, issue.cause, evidence=evidence, codex_says=issue.message, details=details, summary=issue.summary
    )


# --- steps ------------------------------------------------------------------------------------------------------------


def _record_local(world: World, book: StepBook, duration_ms: float) -> None:
    """The steps that looking settles, in order; what they found is in the problems and suspicions."""
    failed = {CAUSES[issue.cause].step: issue for issue in reversed(world.problems)}
    summaries = _local_summaries(world)
    if world.binary is None:
        book.record("codex.found", "warn", f"no Codex on PATH; the rules of {world.version} were applied")
    else:
        book.record(
            "codex.found", "pass", f"codex {world.binary.version or '?'} ({world.binary.kind}) at {world.binary.path}"
        )
    book.record("codex.version", *version_told(world))
    for step_id in summaries:
        issue = failed.get(step_id)
        if issue is not None:
            book.record(step_id, "fail", issue.summary, duration_ms if step_id == "config.loads" else 0.0)
            if issue is world.problems[0]:
                return
        elif summaries[step_id]:
            book.record(step_id, "pass", summaries[step_id], duration_ms if step_id == "config.loads" else 0.0)


def _local_summaries(world: World) -> dict[str, str]:
    effective = world.effective
    model = effective.get("model")
    provider = world.provider
    credential = world.credential
    key = (
        f"{credential.variable or credential.kind} from {credential.origin}" if credential and credential.origin else ""
    )
    used = [layer.path for layer in world.layers if layer.state == "used" and layer.path]
    return {
        "config.found": world.config_file,
        "config.loads": f"read {', '.join(used)}" if used else "defaults only",
        "provider.selected": f"{provider.id} ({'built in' if provider.builtin else 'config.toml'})" if provider else "",
        "provider.url": world.plan.url if world.plan else "",
        "model.named": f"{model.value} ({model.origin})" if model else "",
        "key.named": str(credential.variable or credential.kind) if credential and credential.kind != "none" else "",
        "key.value": f"{key}, {credential.fingerprint}" if credential and key and credential.fingerprint else key,
    }


_AFTER_ANSWER = (
    "gateway.route",
    "gateway.key",
    "gateway.policy",
    "gateway.budget",
    "gateway.model",
    "gateway.request",
    "gateway.service",
    "stream",
)


def _record_passed(book: StepBook, judged: Finding) -> None:
    """After an answer: the gateway's steps before the one that failed have passed; all of them if nothing failed."""
    if "net.answer" not in book.steps or book.steps["net.answer"].status not in ("pass", "warn"):
        return
    failed_step = CAUSES[judged.cause].step if judged.cause else None
    if failed_step is not None and failed_step not in _AFTER_ANSWER:
        return
    if judged.works is None and judged.cause is None:
        return
    for step_id in _AFTER_ANSWER:
        if step_id == failed_step:
            return
        if failed_step in ("gateway.request", "gateway.service") and step_id in (
            "gateway.policy",
            "gateway.budget",
            "gateway.model",
        ):
            continue  # the gateway need not have come as far as these
        book.record(step_id, "pass", _PASSED[step_id])


_PASSED = {
    "gateway.route": "the route is there",
    "gateway.key": "the key was not refused",
    "gateway.policy": "policy did not refuse",
    "gateway.budget": "no limit refused",
    "gateway.model": "the model is known",
    "gateway.request": "the request was accepted as Codex sends it",
    "gateway.service": "the gateway works",
    "stream": "a complete answer, as Codex reads it",
}


# --- the report -------------------------------------------------------------------------------------------------------


def _report(
    world: World,
    judged: Finding,
    warnings: list[Finding],
    book: StepBook,
    not_run: str,
    telemetry: TelemetryState | None,
) -> Report:
    from joytui.doctor.report import redacted

    steps = book.finish(not_run)
    refused = refused_in((judged, *warnings))
    report = Report(
        schema_version=SCHEMA_VERSION,
        joytui_version=__version__,
        generated_at=rfc3339(now()),
        codex=CodexInfo(
            world.version if world.version_known else None,
            world.binary.path if world.binary else None,
            world.codex_home,
            world.command.shown,
            checked_with(world.version) if world.version_known else None,
            newest_checked(),
            asked_data(world),
        ),
        effective=world.effective,
        verdict=worded(world, judged, refused),
        warnings=tuple(worded(world, warning, refused) for warning in warnings),
        table=table_of(steps),
        steps=steps,
        telemetry=telemetry,
    )
    return redacted(report, world.secrets)


def _good_words(judged: Finding) -> tuple[str, str]:
    if judged.summary == REMOTE_REACHED:
        return (
            "The app server of --remote answers",
            "Codex uses that server's own configuration, key and gateway: run joytui doctor there if a turn fails.",
        )
    if judged.works:
        return "Codex works through the gateway", "A request like Codex's own got a complete answer."
    if judged.summary == "nothing was sent":
        return (
            "Nothing wrong was found on this machine",
            "No request was sent, so the gateway's answer is not known yet.",
        )
    if judged.summary == "cancelled":
        return "Stopped before an answer", "The examination was cancelled."
    return "Not decided in time", f"{judged.summary}. Try again with a longer --timeout."


def worded(world: World, found: Finding, refused: Collection[str] = ()) -> Finding:
    """The finding in the words of its cause, with what fixes it on this machine. `refused`: what no fix of the report may name."""
    if found.cause is None:
        title, explanation = _good_words(found)
        return replace(found, title=title, explanation=explanation)
    cause = CAUSES[found.cause].as_met(found.details)
    fix = fix_for(cause.id, world, found.details)
    if names_one_of(fix, refused):
        found = found.with_details(refused=sorted(refused))
        fix = fix_for(cause.id, world, found.details)
    if fix.changes and cause.otherwise:
        fix = replace(fix, summary=f"{fix.summary}\n{cause.otherwise}")
    return replace(found, row=cause.row, title=cause.title, explanation=cause.explanation, fix=fix)


def table_of(steps: tuple[Step, ...]) -> tuple[TableRow, ...]:
    """The guide's table by what the steps found."""
    rows = []
    for row in ROWS:
        own = [step for step in steps if BY_ID[step.id].row == row]
        status, summary = _row_state(own)
        text = ROW_TEXTS[row]
        rows.append(TableRow(row, text.symptom, text.check, status, tuple(step.id for step in own), summary))
    return tuple(rows)


_WORST: tuple[Status, ...] = ("fail", "warn")


def _row_state(own: list[Step]) -> tuple[Status, str]:
    for status in _WORST:
        for step in own:
            if step.status == status:
                return status, step.summary
    if any(step.status == "skip" for step in own):
        return "skip", next(step.summary for step in own if step.status == "skip")
    passed = [step for step in own if step.status == "pass"]
    open_steps = [
        step for step in own if step.status == "unknown" and step.summary != "not needed" and step.id != "logs"
    ]
    if open_steps and not (passed and all(s.id.startswith("net.") for s in open_steps)):
        return "unknown", open_steps[-1].summary
    return ("pass", passed[-1].summary) if passed else ("unknown", own[-1].summary if own else "")
