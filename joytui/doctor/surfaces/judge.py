"""One verdict a cell: Codex's world is looked at in the environment of each surface, and compared with the one here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from joytui.codex.look import look
from joytui.codex.world import Invocation, Issue, World
from joytui.core.codex_path import codex_path
from joytui.core.records import Evidence, Finding, Report, SurfaceCell, SurfaceVerdict
from joytui.core.redaction import Redactor
from joytui.doctor.limits import Limit
from joytui.doctor.surfaces.catalogue import Surface, surfaces_of
from joytui.doctor.surfaces.machine import Found, How, Machine, system_of

LIMIT_S = 10.0
RUN_LIMIT_S = 40.0
"""For all cells, and where shells are started; each shell and each program that is asked has a smaller limit of its own."""
_OF_KEY = ("key-unset", "key-shadowed-by-dotenv")


def surface_cells(
    invocation: Invocation, *, how: How = "read", verdict: Finding | None = None, seconds: float = LIMIT_S
) -> tuple[SurfaceCell, ...]:
    """The matrix of this user and this invocation, in the catalogue's order. Reads files, asks programs for environments, starts
    shells only with `how` "run"; sends nothing. `verdict`: what the doctor found here, where it asked the gateway."""
    world = look(replace(invocation, ask=False))
    machine = Machine(world, Limit.after(RUN_LIMIT_S if how == "run" else seconds), system_of(invocation.env), how)
    return cells_of(machine, verdict)


def cells_of(machine: Machine, verdict: Finding | None = None) -> tuple[SurfaceCell, ...]:
    """The cells of a machine."""
    redactor = Redactor(machine.world.secrets)
    cells = [
        _cell(machine, surface, found, verdict)
        for surface in surfaces_of(machine.system)
        for found in surface.find(machine)
    ]
    return tuple(
        replace(cell, name=redactor.text(cell.name), why=redactor.text(cell.why), found=redactor.text(cell.found))
        for cell in cells
    )


def with_surfaces(report: Report, invocation: Invocation, how: How = "read", seconds: float = LIMIT_S) -> Report:
    """The report with the matrix, and the warning `key-unset` where the key is here and other surfaces lack it."""
    from joytui.doctor.examine import worded
    from joytui.doctor.report import redacted

    cells = surface_cells(invocation, how=how, verdict=report.verdict, seconds=seconds)
    report = replace(report, surfaces=cells)
    lacking = [cell for cell in cells if cell.verdict == "key-missing" and cell.surface != "this-shell"]
    found = {finding.cause for finding in (report.verdict, *report.warnings)}
    world = look(replace(invocation, ask=False))
    if (
        not lacking
        or found & {"key-unset", "env-key-missing"}
        or world.credential is None
        or not world.credential.variable
    ):
        return report
    variable = world.credential.variable
    told = f"{variable} does not reach {_named(lacking)}"
    details = {"variable": variable, "set_in": [], "surfaces": list(dict.fromkeys(cell.surface for cell in lacking))}
    warning = worded(
        world, Finding(None, "key-unset", evidence=(Evidence(told, "surfaces"),), details=details, summary=told)
    )
    return redacted(replace(report, warnings=(*report.warnings, warning)), world.secrets)


def _named(cells: list[SurfaceCell]) -> str:
    names = list(dict.fromkeys(cell.name for cell in cells))
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


# --- one cell


@dataclass(frozen=True, slots=True)
class _Seen:
    """Codex's world there, beside the one here."""

    machine: Machine
    found: Found
    world: World

    @property
    def problem(self) -> Issue | None:
        return self.world.problems[0] if self.world.problems else None


def _cell(machine: Machine, surface: Surface, found: Found, verdict: Finding | None) -> SurfaceCell:
    name = f"{surface.name}{found.name}"
    if found.env is None:
        key = {"state": "unknown", "origin": None, "fingerprint": None}
        return SurfaceCell(surface.id, name, "unknown", found.why, found.how, True, None, key, None, None, None, (), ())
    seen = _Seen(machine, found, _look(machine, found))
    judged, cause, why = _judged(seen, verdict)
    plan = seen.world.plan
    return SurfaceCell(
        surface.id, name, judged, " ".join(part for part in (why, _no_codex(seen)) if part), found.how,
        found.sure and (found.state is None or not found.state.beyond), cause, _key(seen), seen.world.codex_home,
        plan.proxy.variable if plan else None, plan.ca_variable if plan else None, tuple(_differing(seen)),
        tuple(found.state.files) if found.state else (),
    )  # fmt: skip


def _look(machine: Machine, found: Found) -> World:
    invocation = machine.invocation
    instead: Mapping[str, bytes | None] = invocation.instead
    env = found.env or {}
    if not found.dotenv:
        home = env.get("CODEX_HOME") or str(Path(env.get("HOME") or machine.home) / ".codex")
        instead = {**instead, f"{home}/.env": None}
    return look(
        replace(invocation, env=env, codex_version=machine.world.version, ask=False, home=None, instead=instead)
    )


def _judged(seen: _Seen, verdict: Finding | None) -> tuple[SurfaceVerdict, str | None, str]:
    """The verdict, the cause where it fails, and why."""
    unsaid = _open(seen)
    if unsaid:
        return "unknown", None, unsaid
    problem = seen.problem
    if problem is not None and problem.cause in _OF_KEY:
        return "key-missing", problem.cause, _why_missing(seen, problem)
    if problem is not None and not _shared(seen, problem):
        return "fails", problem.cause, f"{problem.summary}."
    if differing := list(_differing(seen)):
        return "other-value", None, f"{_listed(differing)} there than here."
    if problem is not None:
        return "fails", problem.cause, f"{problem.summary}, as here."
    if verdict is not None and verdict.works is False and verdict.cause and not seen.machine.world.problems:
        return "fails", verdict.cause, "as here."
    return "works", None, _reservation(seen, verdict)


def _reservation(seen: _Seen, verdict: Finding | None) -> str:
    """What else is to be known where nothing stops Codex."""
    suspected = seen.world.suspicions[:1] if verdict is None or not verdict.works else ()
    told = [f"{issue.summary}: the gateway's answer decides." for issue in suspected]
    if seen.world.codex_home != seen.machine.world.codex_home:
        told.append(f"CODEX_HOME is {seen.world.codex_home} there.")
    return " ".join(told)


def _shared(seen: _Seen, problem: Issue) -> bool:
    return any(one.cause == problem.cause and one.where == problem.where for one in seen.machine.world.problems)


def _open(seen: _Seen) -> str:
    """Why the key's value cannot be known there; "" where it can."""
    state, variable = seen.found.state, seen.machine.variable
    credential = seen.world.credential
    if state is None or variable is None or (credential and credential.origin not in (None, "environment")):
        return ""  # $CODEX_HOME/.env decides
    if where := state.open.get(variable):
        return f"{where} sets {variable} under a condition that only the shell can evaluate; `joytui doctor --surfaces run` starts it."
    if variable in state.exported and variable in state.variables and state.variables[variable] is None:
        return f"{state.origins[variable]} computes {variable}; `joytui doctor --surfaces run` starts the shell."
    return ""


def _why_missing(seen: _Seen, problem: Issue) -> str:
    state, variable = seen.found.state, seen.machine.variable or ""
    if problem.cause != "key-unset":
        return f"{problem.summary}."
    if seen.found.unseen:
        return f"{variable} is not in its .env; {seen.found.unseen}."
    if seen.found.hint:
        return seen.found.hint
    if not seen.found.dotenv:
        return f"{variable} is not in its environment, and it started before $CODEX_HOME/.env was written: restart it."
    if state is not None and variable in state.variables and variable not in state.exported:
        return f"{state.origins.get(variable, 'a start file')} sets {variable} without export."
    beyond = (
        f" {state.beyond[0]} runs code that only the shell can follow." if state is not None and state.beyond else ""
    )
    return _where_it_stands(seen, variable) + beyond


def _where_it_stands(seen: _Seen, variable: str) -> str:
    """The line that sets the key, which this start does not read, or does not come to."""
    credential = seen.machine.world.credential
    places = [place.where for place in credential.places] if credential else []
    if not places:
        return f"{variable} is not set there."
    read = set(seen.found.state.files) if seen.found.state else set()
    unread = [where for where in places if where.rpartition(":")[0] not in read]
    return f"{unread[0]} is not read there." if unread else f"{places[0]} is not reached there."


def _key(seen: _Seen) -> dict[str, Any]:
    credential, state, variable = seen.world.credential, seen.found.state, seen.machine.variable
    if _open(seen):
        return {"state": "unknown", "origin": state.origins.get(variable or "") if state else None, "fingerprint": None}
    if credential is None or credential.value is None:
        return {"state": "unset", "origin": None, "fingerprint": None}
    origin = credential.origin
    if origin == "environment" and state is not None:
        origin = state.origins.get(variable or "", origin)
    return {"state": "set", "origin": origin, "fingerprint": credential.fingerprint}


def _differing(seen: _Seen) -> list[str]:
    """What Codex would use there that it does not use here, by the name of a variable or a setting."""
    there, own = seen.world, seen.machine.world
    found = []
    keys = (there.credential, own.credential)
    if there.credential and len({key.value for key in keys if key and key.value}) > 1:
        found.append(there.credential.variable or "the key")
    if there.plan and own.plan:
        if there.plan.url != own.plan.url:
            found.append("base_url")
        if there.plan.proxy.url != own.plan.proxy.url:
            found.append(there.plan.proxy.variable or own.plan.proxy.variable or "the proxy")
        if there.plan.ca_file != own.plan.ca_file:
            found.append(there.plan.ca_variable or own.plan.ca_variable or "the CA")
    return found


def _listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'has another value' if len(names) == 1 else 'have other values'}"


def _no_codex(seen: _Seen) -> str:
    """Where Codex is not on the PATH: it has to be named by its path there."""
    path = codex_path(seen.machine.env)
    if path is None or not seen.found.path_known or codex_path(seen.found.env or {}):
        return ""
    return f"codex is not on the PATH there: call it by its path, {path}."
