"""Codex's telemetry as its configuration has it: which exporter it sends to, and joytui's own put in and taken out.

Codex has one exporter of logs (`[otel] exporter` in the user's config.toml; a project's is ignored): one that is somebody
else's is never taken away. (Observed with 0.171.0; a receiver that is down costs a turn nothing.)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from joytui.causes import CAUSES
from joytui.codex.edit import EditError, Keys
from joytui.codex.look import look
from joytui.codex.world import Invocation, World
from joytui.core.errors import RefusedError
from joytui.core.joytoken import TELEMETRY_PATH, TELEMETRY_TOKEN_PREFIX
from joytui.core.places import Places
from joytui.core.records import Change
from joytui.doctor.fix import journal
from joytui.doctor.fix.draft import Draft, as_if

ON = "telemetry"
"""What the journal calls the change."""
EXPORTER: Keys = ("otel", "exporter")
_LOGS = f"{TELEMETRY_PATH}/logs"
_HTTP = "otel.exporter.otlp-http"


@dataclass(frozen=True, slots=True)
class Exporter:
    """Where Codex sends its telemetry. `endpoint` None: something that is not an address (`where` says where it stands). `token`:
    of joytui's own, never to be shown; None for an exporter of somebody else's. `origin`: "file:line"."""

    endpoint: str | None
    origin: str
    token: str | None = field(default=None, repr=False)

    @property
    def ours(self) -> bool:
        return self.token is not None

    @property
    def fingerprint(self) -> str | None:
        """By which the gateway knows the token."""
        return fingerprint(self.token) if self.token else None


def fingerprint(token: str) -> str:
    """The first 8 hex digits of its SHA-256."""
    return hashlib.sha256(token.encode()).hexdigest()[:8]


def exporter(world: World) -> Exporter | None:
    """The exporter that is set, by whatever layer; None if there is none."""
    plain = _first(world, "otel.exporter")
    if plain is not None and plain[0] != "none":
        return Exporter(None, plain[1])
    found = [key for key, wanted in world.wanted.items() if wanted and key.startswith("otel.exporter.")]
    if not found:
        return None
    endpoint = _first(world, f"{_HTTP}.endpoint")
    origin = endpoint[1] if endpoint else world.wanted[found[0]][0].origin
    address = str(endpoint[0]) if endpoint else None
    token = _token(world) if address and address.endswith(_LOGS) else None
    return Exporter(address, origin, token)


def _first(world: World, key: str) -> tuple[Any, str] | None:
    wanted = world.wanted.get(key)
    return (wanted[0].value, wanted[0].origin) if wanted else None


def _token(world: World) -> str | None:
    for key, wanted in world.wanted.items():
        if key.lower() == f"{_HTTP}.headers.authorization" and wanted:
            scheme, _, token = str(wanted[0].value).partition(" ")
            return token if scheme.lower() == "bearer" and token.startswith(TELEMETRY_TOKEN_PREFIX) else None
    return None


# --- on ---------------------------------------------------------------------------------------------------------------


def endpoint_of(gateway_url: str) -> str:
    """Where Codex posts to, at this gateway."""
    return gateway_url.rstrip("/") + _LOGS


def check_free(found: Exporter | None) -> None:
    """Raises RefusedError if an exporter of somebody else's stands, with what is possible."""
    if found is None or found.ours:
        return
    raise RefusedError(
        f"Codex already sends its telemetry to {found.endpoint or 'another exporter'}, and it can have only one exporter; that one stays",
        where=found.origin,
        hint=f"let what receives it forward OTLP/HTTP logs to {_LOGS} of the gateway (a header `authorization: Bearer TOKEN`;"
        " `joytui telemetry token create NAME` makes a token), or remove that exporter and try again",
    )


def changes_on(world: World, found: Exporter | None, endpoint: str, token: str) -> tuple[Change, ...]:
    """config.toml with joytui's exporter in it, everything else as it is. Raises RefusedError."""
    draft, file = Draft(world), world.config_file
    try:
        if found is not None and found.ours:
            http = (*EXPORTER, "otlp-http")
            draft.set((*http, "endpoint"), endpoint)
            draft.set((*http, "headers", _header(world)), f"Bearer {token}")
        else:
            draft.set(EXPORTER, _inline(endpoint, token), file=file)
    except EditError as error:
        raise RefusedError(str(error), where=file, hint="`joytui doctor --fix` may fix it") from None
    changes = draft.changes()
    for issue in as_if(world, changes).problems:
        if CAUSES[issue.cause].hides:
            raise RefusedError(f"Codex could then not read the file: {issue.summary}", where=issue.where)
    return changes


def _header(world: World) -> str:
    """The header's name as it is written."""
    names = (key.rpartition(".")[2] for key in world.wanted if key.lower() == f"{_HTTP}.headers.authorization")
    return next(names, "authorization")


def _inline(endpoint: str, token: str) -> Any:
    """{ otlp-http = { endpoint, protocol, headers } } on one line."""
    import tomlkit

    headers, http, whole = tomlkit.inline_table(), tomlkit.inline_table(), tomlkit.inline_table()
    headers["authorization"] = f"Bearer {token}"
    http["endpoint"], http["protocol"], http["headers"] = endpoint, "json", headers
    whole["otlp-http"] = http
    return whole


# --- off --------------------------------------------------------------------------------------------------------------


def take_out(invocation: Invocation, here: Places) -> list[str]:
    """Takes joytui's exporter out: the bytes from before, where the file is as joytui left it, else its lines alone; a file that
    joytui made goes. Returns what was done, in words. Raises RefusedError if it cannot."""
    done: list[str] = []
    world = look(invocation)
    while (found := exporter(world)) is not None and found.ours:
        if journal.latest(world.codex_home, here, what=ON) is None or not (put_back := _put_back(world, here)):
            done += _cut_out(world, here)
            break
        done += put_back
        world = look(invocation)
    return done


def _put_back(world: World, here: Places) -> list[str]:
    """Nothing if the file was edited since."""
    try:
        entry = journal.undo(world.codex_home, here, what=ON)
    except RefusedError:
        return []
    files = entry.files if entry else ()
    return [f"{one.path} is restored" if one.backup else f"{one.path} is removed again" for one in files]


def _cut_out(world: World, here: Places) -> list[str]:
    draft = Draft(world)
    try:
        draft.remove(EXPORTER)
    except EditError as error:
        raise RefusedError(str(error), where=world.config_file) from None
    changes = draft.changes()
    journal.record(changes, f"{ON}-off", world.codex_home, here)
    while (entry := journal.latest(world.codex_home, here, what=ON)) is not None:
        journal.forget(entry, here)
    return [f"{change.path}: removed the exporter; later edits stay" for change in changes]
