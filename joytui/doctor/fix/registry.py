"""From a cause to its fix on this machine: the one way from a finding to what to do.

What is shown is what `joytui doctor --fix` does. A cause that is in neither table has its general remedy.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Container

from joytui.causes import CAUSES
from joytui.causes.cause import FixKind
from joytui.codex.shell_commands import words_of
from joytui.codex.world import World
from joytui.core.records import Fix
from joytui.doctor.fix.changes import CHANGES, Details, drafted
from joytui.doctor.fix.commands import COMMANDS, quoted
from joytui.doctor.fix.draft import Draft, patch_of


def fix_for(cause: str, world: World, details: Details) -> Fix:
    """What to do about this cause here: a change of files, else commands, else the catalogue's general remedy.

    `details` are the finding's. Reads files; writes nothing, and never raises.
    """
    if unread := details.get("not_read"):
        return _unread(world, str(unread))
    if draft := drafted(cause, world, details):
        return _of_draft(cause, draft)
    maker = COMMANDS.get(cause)
    fix = maker(world, details) if maker else None
    return fix or Fix(CAUSES[cause].as_met(details).remedy)


def registered(cause: str) -> set[FixKind]:
    """The kinds of fix that there are for a cause."""
    return {kind for kind, table in _TABLES.items() if cause in table}


_TABLES: dict[FixKind, Container[str]] = {"change": CHANGES, "commands": COMMANDS}


def _of_draft(cause: str, draft: Draft) -> Fix:
    changes, words = draft.changes(), words_of(draft.world.invocation.env)
    opened = (words.edit(change.path) for change in changes)
    return Fix(
        draft.summary,
        (*draft.also, _fix_command(cause, draft.world), *opened, *draft.then),
        None if draft.secret_of else patch_of(changes),
        not draft.ask_first,
        changes=changes,
        then=draft.then,
    )


def _unread(world: World, path: str) -> Fix:
    """The configuration is in another place: its lines are moved, the guide's own block is not written beside them."""
    target = world.config_file
    told = f"Codex does not read {path}; move its lines to {target}."
    if path.lower().endswith((".json", ".yaml", ".yml")):
        told = f"{told} Codex reads TOML only: write them as TOML there."
    elif not os.path.lexists(target):
        return Fix(told, (f"mkdir -p {quoted(world.codex_home)}", f"mv {quoted(path)} {quoted(target)}"))
    return Fix(told, (words_of(world.invocation.env).edit(path, target),))


def _fix_command(cause: str, world: World) -> str:
    """What makes the change: for the very invocation that was examined."""
    arguments = f" -- {shlex.join(world.command.shown)}" if world.command.shown else ""
    return f"joytui doctor --fix {cause}{arguments}"
