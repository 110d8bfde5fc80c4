"""What Codex would make of a change, before it is written: a file that it could not read is never written."""

from __future__ import annotations

from joytui.causes import CAUSES
from joytui.codex.world import Issue, Stage, World
from joytui.core.records import Change
from joytui.core.redaction import MASK
from joytui.doctor.fix.draft import as_if

_HIDING = (
    Stage.PROVIDER
)  # before it (types, tables, ids) looking finds every fault at once; from it on they hide behind each other


def objection(world: World, changes: tuple[Change, ...], cause: str) -> str | None:
    """Why these changes must not be made; None if Codex would then be better off.

    They must leave every changed file readable for Codex, fix the cause (where looking tells), and bring no new fault.
    """
    if any(MASK.encode() in change.new and MASK.encode() not in (change.old or b"") for change in changes):
        return "it would write a redacted value"
    after = as_if(world, changes)
    paths = {change.path for change in changes}
    for issue in after.problems:
        if CAUSES[issue.cause].hides and (issue.where or "").rsplit(":", 1)[0] in paths | {issue.where}:
            return f"Codex could then not read the file: {issue.summary}"
    if _count(after, cause) >= max(_count(world, cause), 1):
        return "that would not remove the cause"
    if new := _new_problem(world, after):
        return f"Codex would stop at something else: {new.summary}"
    return None


def _count(world: World, cause: str) -> int:
    return sum(issue.cause == cause for issue in (*world.problems, *world.suspicions))


def _new_problem(before: World, after: World) -> Issue | None:
    """A fault that the change itself brings. Behind a file that did not parse, any fault is an old one that shows now."""
    if any(CAUSES[issue.cause].hides or issue.cause == "config-missing" for issue in before.problems):
        return None
    known = {(issue.cause, issue.key) for issue in (*before.problems, *before.suspicions)}
    later = max((_HIDING, *(issue.stage for issue in before.problems)))
    for issue in after.problems:
        if (issue.cause, issue.key) not in known and (issue.stage < later or not before.problems):
            return issue
    return None
