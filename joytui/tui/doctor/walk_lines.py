"""The walk as lines: the guide's five rows and `other`, each with its steps under it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.shown import fit_line, visible

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
    """One line. `status` is a key of GLYPHS, `right` the duration, `step` None on a row's own line; `short` is what stands for
    the text where that does not fit."""

    row: Row
    status: str
    text: str
    right: str = ""
    step: Step | None = None
    short: str = ""

    @property
    def glyph(self) -> str:
        return GLYPHS.get(self.status, "?")

    def fitted(self, room: int) -> tuple[str, str]:
        """The text and the duration for this many cells. The whole title goes before the duration, the short title before half a
        one."""
        for text, right in ((self.text, self.right), (self.short, self.right), (self.text, ""), (self.short, "")):
            if text and len(text) + (len(right) + 1 if right else 0) <= room:
                return text, right
        return fit_line(self.short or self.text, max(1, room)), ""


def walk_lines(snapshot: DoctorSnapshot) -> tuple[WalkLine, ...]:
    """All lines, in the order of the guide's table."""
    lines: list[WalkLine] = []
    calmed = _calmed(snapshot)
    for row, symptom in ROW_NAMES.items():
        steps = [s for s in snapshot.steps if s.row == row]
        status = _row_status(snapshot, row, steps)
        lines.append(WalkLine(row, "skip" if status in calmed else status, symptom))
        lines.extend(_step_line(s, calmed) for s in steps)
    return tuple(lines)


def _step_line(step: Step, calmed: frozenset[str]) -> WalkLine:
    from joytui.doctor.steps import BY_ID

    spec = BY_ID.get(step.id)
    status = "skip" if step.status in calmed else step.status
    title = visible(step.title).replace("\n", " ")
    return WalkLine(step.row, status, title, duration(step), step, spec.short if spec and spec.title == title else "")


def no_codex(report: Report) -> bool:
    """Neither a Codex on PATH nor a configuration: not a fault, just a machine without Codex."""
    return report.codex.path is None and report.verdict.cause in ("config-missing", "codex-not-found")


def _calmed(snapshot: DoctorSnapshot) -> frozenset[str]:
    """Which results are nothing to look at: on a machine without Codex what would be a fault elsewhere is only not there, and
    beside a turn that works what was not needed (a proxy, a certificate) is no question."""
    report = snapshot.report
    if report is None or snapshot.phase != "done":
        return frozenset()
    if no_codex(report):
        return frozenset({"fail", "warn", "unknown"})
    return frozenset({"unknown"}) if report.verdict.works else frozenset()


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
