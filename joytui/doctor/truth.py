"""`--with-codex`: one bounded run of the installed Codex, and its outcome decides (about 0.3 s and one request).

Never the default: it costs a request. It is not run where Codex would take the key to OpenAI.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from joytui.causes import CAUSES
from joytui.client.codex_process import CodexRun, run_codex
from joytui.codex.look import look
from joytui.codex.versions import rules_for
from joytui.codex.world import Invocation, World
from joytui.core.errors import UnreachableError
from joytui.core.json_object import json_object
from joytui.core.records import Evidence, Finding, Report
from joytui.core.redaction import Redactor, visible
from joytui.doctor.examine import table_of, worded
from joytui.doctor.says import triage

LIMIT_S = 60.0
WORDS_KEPT = 200  # lines of stderr
PROMPT = "say hi"


@dataclass(frozen=True, slots=True)
class Truth:
    """What Codex did. `works` None: it did not end within the limit. `says`: its own final words."""

    works: bool | None
    says: str | None
    exit_code: int | None
    seconds: float


def compare(report: Report, invocation: Invocation, say: Callable[[str], None]) -> Report:
    """The report with Codex's own outcome in `verdict.details["with_codex"]`, and a line of evidence."""
    world = look(replace(invocation, codex_version=None))
    reason = _why_not(world)
    if reason is not None:
        say(f"Codex was not run: {reason}")
        return _with(report, {"ran": False, "why": reason}, f"Codex was not run: {reason}")
    truth = _run(world)
    outcome = {True: "answered", False: "failed", None: f"did not end within {LIMIT_S:g} s"}[truth.works]
    clean = Redactor(world.secrets)
    says = clean.text(truth.says) if truth.says else None
    decided = _decided(report, world, truth.works, says)
    agrees = decided is report
    told = f"the installed Codex {outcome} in {truth.seconds:.1f} s" + ("" if agrees else ": this decides")
    facts = {
        "ran": True,
        "works": truth.works,
        "says": says,
        "exit_code": truth.exit_code,
        "agrees": agrees,
        "seconds": truth.seconds,
    }
    return _with(decided, facts, told + (f": {says[:200]}" if says else ""))


def _decided(report: Report, world: World, works: bool | None, says: str | None) -> Report:
    """The report as Codex's own outcome decides it; the same one where they agree, or where Codex did not end."""
    verdict = report.verdict
    if works is True and verdict.works is not True:
        good = worded(world, Finding(True, None, summary="Codex answered"))
        steps = tuple(replace(step, status="warn") if step.status == "fail" else step for step in report.steps)
        former = (verdict,) if verdict.cause else ()
        return replace(report, verdict=good, warnings=(*former, *report.warnings), steps=steps, table=table_of(steps))
    if works is False and verdict.cause is None:
        candidates = triage(says).candidates if says else ()
        cause = candidates[0].id if len(candidates) == 1 else "codex-fails"
        summary = (says or "Codex gave no answer").split("\n")[0]
        refused = {"refused_model": world.plan.model} if cause == "model-not-found" and world.plan else {}
        told = Finding(False, cause, evidence=verdict.evidence, codex_says=says, details=refused, summary=summary)
        found = worded(world, told)
        steps = tuple(
            replace(step, status="fail", summary=summary) if step.id == CAUSES[cause].step else step
            for step in report.steps
        )
        return replace(report, verdict=found, steps=steps, table=table_of(steps))
    return report


def _with(report: Report, facts: Mapping[str, Any], told: str) -> Report:
    verdict = report.verdict
    evidence = (*verdict.evidence, Evidence(told, "codex exec"))
    return replace(
        report, verdict=replace(verdict, evidence=evidence, details={**verdict.details, "with_codex": dict(facts)})
    )


def _why_not(world: World) -> str | None:
    if world.binary is None:
        return "no codex on PATH"
    if world.remote is not None:
        return "it would start a turn on the server of --remote"
    if any(issue.effect == "misroutes" for issue in world.problems):
        return "with this configuration it would talk to OpenAI, not to the gateway"
    if any(issue.cause == "codex-flag-unsupported" for issue in world.problems):
        return "it does not know one of the arguments"
    return None


def arguments(world: World, folder: str) -> list[str]:
    """The command line of one request without retries, everything of the user's that shapes it kept."""
    command = world.command
    rules = rules_for(world.version)
    words = ["exec", "--json", "--skip-git-repo-check", "-s", "read-only"]
    if rules.runs_ephemeral:
        words.append("--ephemeral")
    if not any(layer.name == "project" and layer.state == "used" for layer in world.layers):
        words += ["-C", folder]
    for override in command.overrides:
        words += ["-c", override]
    if rules.endless_connection_retries:
        words += ["-c", "features.unbounded_connection_retries=false"]
    if world.provider is not None and not world.provider.builtin:
        name = (
            json.dumps(world.provider.id)
            if not world.provider.id.replace("-", "").replace("_", "").isalnum()
            else world.provider.id
        )
        for key in ("request_max_retries", "stream_max_retries"):
            words += ["-c", f"model_providers.{name}.{key}=0"]
    words += _flags(world)
    return [*words, PROMPT]


def _flags(world: World) -> list[str]:
    command = world.command
    words: list[str] = []
    for flag, value in (("-m", command.model), ("-p", command.profile), ("--local-provider", command.local_provider)):
        if value is not None:
            words += [flag, value]
    for flag, on in (
        ("--oss", command.oss),
        ("--ignore-user-config", command.ignore_user_config),
        ("--strict-config", command.strict_config),
    ):
        words += [flag] if on else []
    for name in command.enable:
        words += ["--enable", name]
    for name in command.disable:
        words += ["--disable", name]
    return words


def _run(world: World, limit_s: float = LIMIT_S) -> Truth:
    """Runs it once, in the invocation's own folder and environment."""
    assert world.binary is not None, "only with a Codex"
    heard = _Heard()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="joytui-truth-", ignore_cleanup_errors=True) as folder:
        turn = run_codex(
            [world.binary.path, *arguments(world, folder)],
            env={**world.invocation.env, **world.command.env},
            folder=str(world.invocation.cwd),
            limit_s=limit_s,
            on_line=heard.event,
            on_stderr=heard.words.append,
        )
        try:
            done = asyncio.run(turn)
        except UnreachableError as error:
            return Truth(None, error.what, None, 0.0)
    return heard.truth(done, round(time.monotonic() - started, 1))


@dataclass(slots=True)
class _Heard:
    """What Codex writes: with --json an event a line on stdout, words for a person on stderr."""

    answered: bool = False
    failure: str | None = None
    words: deque[str] = field(default_factory=lambda: deque(maxlen=WORDS_KEPT))

    def event(self, line: str) -> None:
        event = json_object(line) or {}
        kind, item, error = event.get("type"), event.get("item"), event.get("error")
        if kind == "item.completed" and isinstance(item, dict) and item.get("type") == "agent_message":
            self.answered = self.answered or bool(str(item.get("text") or "").strip())
        elif kind == "turn.failed" and isinstance(error, dict):
            self.failure = str(error.get("message") or "")
        elif kind == "error":
            self.failure = self.failure or str(event.get("message") or "")

    def truth(self, done: CodexRun, seconds: float) -> Truth:
        """What came of it. Without a failure in the events, the last line that begins as Codex's errors do, or the end of all words."""
        if done.timed_out:
            return Truth(None, None, None, seconds)
        failure = self.failure
        if failure is None and done.exit_code != 0:
            errors = [line for line in self.words if line.startswith(("Error", "ERROR"))]
            failure = errors[-1] if errors else "\n".join(self.words).strip()[-500:]
        works = done.exit_code == 0 and self.answered
        return Truth(works, visible(failure, limit=2000) if failure else None, done.exit_code, seconds)
