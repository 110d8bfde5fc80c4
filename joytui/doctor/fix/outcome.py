"""Whether a fix that was made has helped, by the report before it and the one after it; one that did not is restored.

It helped where the fault that it was made for is gone, whatever comes next: faults hide behind each other, and the next one
is the next fix's. It made things worse where Codex worked before.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from joytui.causes import CAUSES
from joytui.core.errors import JoytuiError
from joytui.core.places import Places
from joytui.core.records import Evidence, Finding, Fix, Report
from joytui.doctor.fix import journal
from joytui.doctor.fix.journal import Entry

Helped = Literal["helped", "no help", "worse"]


@dataclass(frozen=True, slots=True)
class Tried:
    """A fix that was made and examined. `summary`: what it was, redacted; `files`: what it wrote; `put_back`: whether these are as
    they were before; `why`: in a line, for a person."""

    cause: str
    summary: str
    files: tuple[str, ...]
    outcome: Helped
    put_back: bool
    why: str


def outcome(mended: Finding, before: Report, after: Report) -> Helped:
    """What a change of files for `mended`, a finding of `before`, has done."""
    if before.verdict.works and after.verdict.works is False:
        return "worse"
    return "no help" if any(_same(mended, one) for one in (after.verdict, *after.warnings)) else "helped"


def _same(mended: Finding, found: Finding) -> bool:
    """The same fault again. What stops Codex before any request may be in several places, each with its own line; elsewhere
    the cause is the fault, since a change moves its evidence along (another address, another time)."""
    if mended.cause is None or mended.cause != found.cause:
        return False
    return CAUSES[mended.cause].phase != "start" or _place(mended) == _place(found)


def _place(finding: Finding) -> tuple[object, str]:
    first = finding.evidence[0].what if finding.evidence else ""
    return finding.details.get("key"), first


def settled(mended: Finding, summary: str, entry: Entry, before: Report, after: Report, here: Places) -> Tried:
    """Judges a fix that was made as `entry`, and puts it back where it did not help. Never raises for a file that cannot be put
    back: `why` says so then. `summary`: of the fix, redacted."""
    assert mended.cause is not None, "only a fault is fixed"
    files = tuple(written.path for written in entry.files)
    found = outcome(mended, before, after)
    if found == "helped":
        return Tried(mended.cause, summary, files, found, False, f"{mended.cause} is gone")
    met = f"Codex worked before, and then met {after.verdict.cause}"
    why = met if found == "worse" else f"{mended.cause} was still there"
    try:
        journal.undo(entry.home, here, what=entry.what)
    except JoytuiError as error:
        return Tried(mended.cause, summary, files, found, False, f"{why}; it could not be undone: {error}")
    return Tried(mended.cause, summary, files, found, True, why)


def told(tried: Tried) -> str:
    """What became of a fix that did not help, in a line."""
    did = "made it worse" if tried.outcome == "worse" else "did not help"
    back = (
        f"put back: {', '.join(tried.files)}"
        if tried.put_back
        else f"`joytui doctor --undo` restores {', '.join(tried.files)} back"
    )
    return f"the change {did} ({tried.why}); {back}"


def after_all(before: Report, tried: Tried) -> Report:
    """The report of before a fix that was restored: it holds again, but for the advice that was tried in vain."""
    return replace(
        before,
        verdict=_without_advice(before.verdict, tried),
        warnings=tuple(_without_advice(warning, tried) for warning in before.warnings),
    )


def _without_advice(finding: Finding, tried: Tried) -> Finding:
    if finding.cause != tried.cause:
        return finding
    done = f"tried and undone, because {tried.why}: {tried.summary.splitlines()[0]}"
    return replace(finding, fix=_NO_OTHER).with_evidence(Evidence(done, ", ".join(tried.files)))


_NO_OTHER = Fix(
    "joytui knows no other change for this. `joytui report` packs what it saw, for whoever runs the gateway."
)
