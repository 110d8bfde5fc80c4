"""What `f` and `u` on Doctor do, for worker threads: plan a fix, make it, put it back. Touches no widget."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from joytui.codex.world import Invocation, World
    from joytui.core.places import Places
    from joytui.core.records import Finding, Fix, Report
    from joytui.doctor.fix.journal import Entry


_MADE_HERE = ("joytui gateway start", "joytui doctor --fix")
"""Commands of a fix that joytui can carry out itself. Its patch is in no report where it would show a secret."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A fix as it is shown: `patch` redacted ("" for an action), `notes` what else to know before saying yes."""

    cause: str
    fix: Fix = field(repr=False)
    world: World = field(repr=False)
    summary: str
    patch: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trial:
    """A fix that was made and is to be examined: what it was for, and the report before it. `entry` None: it cannot be restored.

    `words`: what was done, in one line."""

    words: str
    summary: str
    before: Report
    entry: Entry | None = None


def fixable(verdict: Finding) -> bool:
    """Whether `f` has something to show for it."""
    fix = verdict.fix
    made = fix and (fix.patch or any(one.startswith(_MADE_HERE) for one in fix.commands))
    return bool(made) or verdict.cause == "key-stale-daemon"


def offer(finding: Finding, args: tuple[str, ...], invocation: Invocation | None = None) -> Offer | None:
    """The fix of a finding, None if no change of a file and no action fixes it. `invocation` None: here and now."""
    from joytui.codex.look import look
    from joytui.codex.world import Invocation
    from joytui.core.redaction import Redactor
    from joytui.doctor.fix.registry import fix_for
    from joytui.doctor.fix.write import remarks
    from joytui.doctor.scrub import shown_patch

    world = look(invocation or Invocation(args=args, env=dict(os.environ), cwd=Path.cwd()))
    cause = finding.cause or ""
    fix = fix_for(cause, world, finding.details)
    if not fix.automatic:
        return None
    clean = Redactor(world.secrets)
    notes = [remark for change in fix.changes for remark in remarks(change)]
    notes += [f"then: {line}" for line in fix.then]
    if any(change.secret_of for change in fix.changes):
        notes.append("a writes it; u removes the line again.")
    patch = shown_patch(fix.patch, world.secrets)
    return Offer(cause, fix, world, clean.text(fix.summary), patch, tuple(map(clean.text, notes)))


def accept(chosen: Offer, before: Report, here: Places) -> Trial:
    """Makes the fix of the report's verdict. Raises JoytuiError, and then nothing is changed."""
    from joytui.doctor.fix import journal
    from joytui.doctor.fix.run import start_gateway, stop_daemon

    if chosen.fix.action == "stop-daemon":
        stop_daemon(chosen.world)
        return Trial("Codex's background server has ended", chosen.summary, before)
    if chosen.fix.action == "start-gateway":
        start_gateway(here, lambda line: None)
        return Trial("the local gateway is running", chosen.summary, before)
    entry = journal.record(chosen.fix.changes, chosen.cause, chosen.world.codex_home, here)
    words = f"wrote {', '.join(written.path for written in entry.files)}; u undoes it"
    return Trial(words, chosen.summary, before, entry)


def settle(trial: Trial, after: Report, here: Places) -> tuple[Report, str | None]:
    """The report that holds after a fix was examined, and words where it did not help and was restored."""
    from joytui.doctor.fix.outcome import after_all, settled, told

    if trial.entry is None:
        return after, None
    tried = settled(trial.before.verdict, trial.summary, trial.entry, trial.before, after, here)
    if tried.outcome == "helped":
        return after, None
    return after_all(trial.before, tried) if tried.put_back else after, told(tried)


def take_back(here: Places) -> str:
    """Puts the latest fix back; what was done, in one line. Raises JoytuiError."""
    from joytui.codex.look import look
    from joytui.codex.versions import assumed_version
    from joytui.codex.world import Invocation
    from joytui.doctor.fix import journal

    world = look(Invocation((), dict(os.environ), Path.cwd(), assumed_version()))
    entry = journal.undo(world.codex_home, here, folders=world.folders)
    if entry is None:
        return "nothing to undo: joytui has changed no file here"
    return f"{', '.join(written.path for written in entry.files)}: restored ({entry.what})"
