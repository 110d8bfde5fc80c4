"""The walk as lines: the guide's five rows and `other`, each with its steps under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joytui.tui.doctor.snapshot import DoctorSnapshot

if TYPE_CHECKING:
    from joytui.core.records import Report, Row, Status, Step

# The rows as joytui.causes has them (a test holds the two together): the first frame shows them, and waits for no import.
ROW_NAMES: dict[Row, str] = {
    "401": "401 Unauthorized",
    "403": "403 Forbidden",
    "402": "402 Payment Required",
    "model-not-found": "Model not found",
    "no-logs": "No JoyToken logs",
    "other": "Everything else",
}

GLYPHS: dict[str, str] = {
    "pass": "✓",
    "warn": "▲",
    "fail": "✗",
    "skip": "–",
    "unknown": "?",
    "waiting": "·",
    "running": "◌",
}

_WORST: tuple[Status, ...] = ("fail", "warn", "unknown", "pass", "skip")


@dataclass(frozen=True, slots=True)
class WalkLine:
    """One line. `status` is a key of GLYPHS, `right` the duration, `step` None on a row's own line."""

    row: Row
    status: str
    text: str
    right: str = ""
    step: Step | None = None

    @property
    def glyph(self) -> str:
        return GLYPHS.get(self.status, "?")


def walk_lines(snapshot: DoctorSnapshot) -> tuple[WalkLine, ...]:
    """All lines, in the order of the guide's table."""
    lines: list[WalkLine] = []
    calm = snapshot.report is not None and snapshot.phase == "done" and no_codex(snapshot.report)
    for row, symptom in ROW_NAMES.items():
        steps = [s for s in snapshot.steps if s.row == row]
        status = _row_status(snapshot, row, steps)
        lines.append(WalkLine(row, _calmed(status) if calm else status, symptom))
        lines.extend(
            WalkLine(row, _calmed(s.status) if calm or not needed(s) else s.status, s.title, duration(s), s)
            for s in steps
        )
    return tuple(lines)


def needed(step: Step) -> bool:
    """False for a step that a good answer made needless: nothing is open there."""
    return step.status != "unknown" or step.summary != "not needed"


def no_codex(report: Report) -> bool:
    """Neither a Codex on PATH nor a configuration: not a fault, just a machine without Codex."""
    return report.codex.path is None and report.verdict.cause in ("config-missing", "codex-not-found")


def _calmed(status: str) -> str:
    """On a machine without Codex nothing is wrong: what would be a fault elsewhere is only not there."""
    return "skip" if status in ("fail", "warn", "unknown") else status


def _row_status(snapshot: DoctorSnapshot, row: Row, steps: Iterable[Step]) -> str:
    if snapshot.report is not None and snapshot.phase == "done":
        for entry in snapshot.report.table:
            if entry.row == row:
                return entry.status
    seen = {s.status for s in steps}
    for status in _WORST:
        if status in seen:
            return status
    return "running" if snapshot.running else "waiting"


def duration(step: Step) -> str:
    """A step's time as a person reads it; nothing for what did not run or took no time worth naming."""
    if step.status == "skip" or step.duration_ms < 0.5:
        return ""
    if step.duration_ms < 1000:
        return f"{step.duration_ms:.0f} ms"
    return f"{step.duration_ms / 1000:.1f} s"
