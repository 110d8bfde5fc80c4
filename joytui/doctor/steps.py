"""The declared steps of the walk, what each needs, and the book that records how they went.

A step that needs a failed one is skipped: one root cause, never a list of twenty red lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from joytui.causes import CAUSES
from joytui.core.records import Row, Status, Step
from joytui.doctor.faults import NetFault


@dataclass(frozen=True, slots=True)
class Spec:
    """One step: its stable id, its row, what it looks at, and the ids that must not have failed. `short`: the title in at most
    22 characters, where it is longer itself."""

    id: str
    row: Row
    title: str
    needs: tuple[str, ...] = ()
    short: str = ""


SPECS: tuple[Spec, ...] = (
    Spec("codex.found", "other", "Codex is installed"),
    Spec("codex.version", "other", "joytui knows this version of Codex", short="Its version is known"),
    Spec("config.found", "no-logs", "config.toml is where Codex looks", short="config.toml in place"),
    Spec("config.loads", "other", "Codex accepts its configuration", short="Configuration loads"),
    Spec(
        "provider.selected",
        "no-logs",
        "The gateway's provider is selected",
        ("config.loads",),
        short="Provider is selected",
    ),
    Spec(
        "provider.url",
        "no-logs",
        "base_url leads to /openai/v1",
        ("config.loads", "provider.selected"),
        short="base_url is right",
    ),
    Spec("model.named", "model-not-found", "A model is named", ("config.loads",)),
    Spec(
        "key.named",
        "401",
        "env_key names the key's variable",
        ("config.loads", "provider.selected"),
        short="Key variable is named",
    ),
    Spec(
        "key.value",
        "401",
        "The key is set and clean",
        ("config.loads", "provider.selected", "key.named"),
        short="Key is set and clean",
    ),
    Spec("net.dns", "no-logs", "The host name resolves", ("provider.url",), short="Host name resolves"),
    Spec("net.proxy", "no-logs", "The proxy allows the connection", ("provider.url",), short="Proxy lets through"),
    Spec("net.tcp", "no-logs", "The gateway accepts connections", ("net.dns",), short="Connection accepted"),
    Spec("net.tls", "no-logs", "The certificate is valid", ("net.tcp", "net.proxy"), short="Certificate is good"),
    Spec("net.answer", "other", "The gateway answers", ("net.tcp", "net.proxy", "net.tls")),
    Spec(
        "gateway.route",
        "other",
        "The gateway has the route that Codex uses",
        ("net.answer",),
        short="Codex's route exists",
    ),
    Spec(
        "gateway.key",
        "401",
        "The gateway accepts the key",
        ("net.answer", "gateway.route"),
        short="Gateway takes the key",
    ),
    Spec(
        "gateway.policy",
        "403",
        "The key's policy allows the request",
        ("net.answer", "gateway.key"),
        short="Policy allows it",
    ),
    Spec(
        "gateway.budget",
        "402",
        "Wallet, quota and budget are sufficient",
        ("net.answer", "gateway.policy"),
        short="Enough credits",
    ),
    Spec(
        "gateway.model",
        "model-not-found",
        "The gateway knows the model",
        ("net.answer", "gateway.key"),
        short="Model is known",
    ),
    Spec(
        "gateway.request",
        "other",
        "The gateway accepts Codex's request",
        ("net.answer", "gateway.key"),
        short="Request is accepted",
    ),
    Spec("gateway.service", "other", "Gateway and provider work", ("net.answer",), short="Gateway in order"),
    Spec(
        "stream",
        "other",
        "The answer streams as Codex reads it",
        ("gateway.request", "gateway.service"),
        short="Answer streams",
    ),
    Spec("logs", "no-logs", "The request shows in the gateway's logs", ("net.answer",), short="Request is in the logs"),
)
BY_ID: Mapping[str, Spec] = {spec.id: spec for spec in SPECS}


@dataclass(slots=True)
class StepBook:
    """Records each step once and tells `on_step`. A later word on a step replaces a pass by what is worse."""

    on_step: Callable[[Step], None] | None = None
    steps: dict[str, Step] = field(default_factory=dict)

    def record(
        self,
        step_id: str,
        status: Status,
        summary: str,
        duration_ms: float = 0.0,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        """Records a step; one that is worse already stays."""
        spec = BY_ID[step_id]
        before = self.steps.get(step_id)
        if before is not None and _WEIGHT[before.status] > _WEIGHT[status]:
            return
        duration = max(duration_ms, before.duration_ms if before else 0.0)
        step = Step(step_id, spec.row, spec.title, status, round(duration, 1), summary, dict(details or {}))
        self.steps[step_id] = step
        if self.on_step:
            self.on_step(step)

    @contextmanager
    def watch(self, step_id: str) -> Iterator[Callable[[str], None]]:
        """Times a step: passes with what is noted, fails with the NetFault that goes through."""
        started = time.perf_counter()
        words: list[str] = []
        try:
            yield words.append
        except NetFault as fault:
            status: Status = "fail" if CAUSES[fault.cause].step == step_id else "unknown"
            self.record(step_id, status, fault.summary, _ms(started))
            raise
        except BaseException:
            self.record(step_id, "unknown", "stopped", _ms(started))
            raise
        self.record(step_id, "pass", words[-1] if words else "", _ms(started))

    def fail(
        self, cause: str, summary: str, duration_ms: float = 0.0, details: Mapping[str, Any] | None = None
    ) -> None:
        """Fails the step that this cause belongs to."""
        self.record(CAUSES[cause].step, "fail", summary, duration_ms, details)

    def warn(self, cause: str, summary: str) -> None:
        """Warns at the step that this cause belongs to."""
        self.record(CAUSES[cause].step, "warn", summary)

    def finish(self, not_run: str) -> tuple[Step, ...]:
        """All steps in order; those that did not run are skipped (with the step that stopped them) or unknown."""
        for spec in SPECS:
            if spec.id in self.steps:
                continue
            blocker = self._blocker(spec)
            if blocker is not None:
                self.record(spec.id, "skip", f"not reached, after “{BY_ID[blocker].title}” failed")
            else:
                self.record(spec.id, "unknown", not_run)
        return tuple(self.steps[spec.id] for spec in SPECS)

    def _blocker(self, spec: Spec) -> str | None:
        for need in spec.needs:
            step = self.steps.get(need)
            if step is not None and step.status == "fail":
                return need
            if (step is None or step.status in ("skip", "unknown")) and (deeper := self._blocker(BY_ID[need])):
                return deeper
        return None


_WEIGHT: Mapping[Status, int] = {"skip": 0, "unknown": 1, "pass": 2, "warn": 3, "fail": 4}


def _ms(started: float) -> float:
    return (time.perf_counter() - started) * 1000
