"""What a line of the walk has to say when it is opened. Pure: Content in, Content out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from textual.content import Content

from joytui.tui.doctor import verdict_text as words
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.walk_lines import WalkLine, duration
from joytui.tui.lines import filled, hanging

if TYPE_CHECKING:
    from joytui.core.records import Finding, Step

_STATUS = {
    "pass": ("passed", "$success"),
    "warn": ("passed, with a warning", "$warning"),
    "fail": ("failed", "bold $error"),
    "skip": ("not reached", "$quiet"),
    "unknown": ("not checked yet", "$quiet"),
    "waiting": ("not checked yet", "$quiet"),
    "running": ("under way", "$warning"),
}


def about(line: WalkLine, snapshot: DoctorSnapshot, width: int) -> Content:
    """All that is known of this line, for a width in cells."""
    told = _of_step(line, line.step, snapshot, width) if line.step is not None else _of_row(line, snapshot, width)
    return Content("\n").join(told)


def _of_step(line: WalkLine, step: Step, snapshot: DoctorSnapshot, width: int) -> Iterable[Content]:
    works = bool(snapshot.report and snapshot.report.verdict.works)
    needless = line.status == "skip" and works
    state, style = ("not needed here", "$quiet") if needless else _STATUS.get(line.status, _STATUS["unknown"])
    took = f" · {duration(step)}" if duration(step) else ""
    yield Content.assemble((f"{line.glyph} {state}", style), (f"{took} · {step.id}", "$quiet"))
    findings = tuple(_findings(step, snapshot))
    if line.status in ("skip", "unknown") and not findings:
        yield from _paragraph(_why_not(step, snapshot, needless=needless), width)
    elif step.summary and step.summary not in {finding.title for finding in findings}:
        yield from _paragraph(words.clean(step.summary), width)
    for finding in findings:
        yield from _finding(finding, snapshot, width)


def _why_not(step: Step, snapshot: DoctorSnapshot, *, needless: bool) -> str:
    report = snapshot.report
    if needless:
        return "A whole test turn went through without it: no proxy, certificate or limit is in the way."
    if report is not None and report.verdict.cause is not None:
        return (
            f"The doctor stopped before this step: {words.clean(report.verdict.title)}. Once that is fixed, this is checked, "
            "too."
        )
    if not snapshot.sent:
        return "Only a test request can tell. r sends it, and says what it costs."
    return words.clean(step.summary) or "Nothing is known about this."


def _findings(step: Step, snapshot: DoctorSnapshot) -> Iterable[Finding]:
    """The verdict and the warnings that belong to this step."""
    from joytui.causes import CAUSES

    report = snapshot.report
    for finding in (report.verdict, *report.warnings) if report is not None else ():
        if finding.cause in CAUSES and CAUSES[finding.cause].step == step.id:
            yield finding


def _finding(finding: Finding, snapshot: DoctorSnapshot, width: int) -> Iterable[Content]:
    at = words.places_of(snapshot.report)
    yield Content("")
    yield Content.styled("\n".join(filled(words.clean(finding.title), width)), "bold")
    yield from _paragraph(words.clean(finding.explanation), width, before=False)
    if finding.evidence:
        yield words.evidence(finding.evidence, width, at)
    if finding.fix:
        yield Content("")
        yield hanging(words.clean(finding.fix.summary), "→", "$primary", width, "$primary")


def _of_row(line: WalkLine, snapshot: DoctorSnapshot, width: int) -> Iterable[Content]:
    from joytui.causes import ROW_TEXTS

    state, style = _STATUS.get(line.status, _STATUS["unknown"])
    yield Content.assemble((f"{line.glyph} {state}", style), (" · a row of the guide's table", "$quiet"))
    yield from _paragraph(f"Check: {ROW_TEXTS[line.row].check}", width)
    steps = [step for step in snapshot.steps if step.row == line.row]
    if steps:
        yield Content("")
    for step in steps:
        said = f": {words.clean(step.summary)}" if step.summary and step.status not in ("skip", "unknown") else ""
        sign, colour = words.sign_of(step)
        yield hanging(f"{words.clean(step.title)}{said}", sign, "", width, colour)


def _paragraph(text: str, width: int, *, before: bool = True) -> Iterable[Content]:
    if text:
        yield Content("\n" * before + "\n".join(filled(text, width)))
