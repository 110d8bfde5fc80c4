"""Fixes that are commands: what to type on this machine, with its own names in it, or what joytui runs."""

from __future__ import annotations

import os
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from joytui.causes import CAUSES
from joytui.codex.shell_commands import words_of
from joytui.codex.world import World
from joytui.core.codex_path import INSTALL_CODEX
from joytui.core.joytoken import KEY_VARIABLE
from joytui.core.records import Fix
from joytui.doctor.fix.key_lines import corrected
from joytui.doctor.fix.refused import better_models
from joytui.doctor.local_gateway import is_local_gateway, running_elsewhere

Details = Mapping[str, Any]


def _model_flag(world: World, details: Details) -> Fix | None:
    better = better_models(details)
    if not better:
        return None
    return Fix(f"Ask for another model: -m {better[0]}.", (f"codex -m {quoted(better[0])}",), safe=True)


def _allowed_model(world: World, details: Details) -> Fix | None:
    return _model_flag(world, details) if details.get("allowed") else None


def _variable(world: World) -> str:
    named = world.credential.variable if world.credential else None
    return named if named and named.isidentifier() else KEY_VARIABLE


def quoted(path: str) -> str:
    return shlex.quote(path)


def _set_key(world: World, summary: str) -> Fix:
    variable = _variable(world)
    if place := _key_file(world):
        file = place.rpartition(":")[0]
        return Fix(
            f"{summary} It is in {place}.", (words_of(world.invocation.env).edit(file), "joytui doctor"), safe=True
        )
    return Fix(summary, (words_of(world.invocation.env).set(variable, "'<your key>'"), "joytui doctor"), safe=True)


def _key_file(world: World) -> str | None:
    """file:line where the key itself stands: $CODEX_HOME/.env goes before any export, as does a token in the configuration."""
    key, provider = world.credential, world.provider
    if key is None or provider is None:
        return None
    if key.kind == "header":
        plain = provider.get("http_headers")
        named = isinstance(plain, dict) and any(str(name).lower() == "authorization" for name in plain)
        origin = provider.fields["http_headers"].origin if named else None
    else:
        origin = key.origin if key.kind in ("env_key", "bearer_token") else None
    return origin if origin and os.path.isabs(origin) else None


def _home_invalid(world: World, details: Details) -> Fix:
    return Fix(
        "Unset CODEX_HOME, or create the folder it names.",
        (words_of(world.invocation.env).unset("CODEX_HOME"), f"mkdir -p {quoted(world.codex_home)}"),
    )


def _env_key_secret(world: World, details: Details) -> Fix:
    return Fix(
        f'Write env_key = "{KEY_VARIABLE}", export a new key under that name, and revoke the old one: Codex has printed it.',
        (
            words_of(world.invocation.env).edit(world.config_file),
            words_of(world.invocation.env).set(KEY_VARIABLE, "'<a new key>'"),
        ),
    )


def _key_unset(world: World, details: Details) -> Fix:
    places = world.credential.places if world.credential else ()
    for place in places:
        file = place.where.rsplit(":", 1)[0]
        if file.endswith(".env"):
            continue
        return Fix(
            f"{_variable(world)} is set in {place.where}, but this shell does not have it.",
            (words_of(world.invocation.env).read_in(file),),
            safe=True,
        )
    kept = words_of(world.invocation.env).start_file
    told = f"Set {_variable(world)} where Codex starts, and keep the line in {kept}; for editors, apps, cron and ssh, in {world.codex_home}/.env."
    return _set_key(world, told)


def _key_malformed(world: World, details: Details) -> Fix:
    """The exact lines that take off what came along, where a shell can; else the key is to be set again."""
    lines = corrected(world) if words_of(world.invocation.env).posix and not _key_file(world) else ()
    if not lines:
        return _set_key(world, "Copy the key again and set it without anything around it.")
    places = world.credential.places if world.credential else ()
    there = f", and correct {places[0].where} in the same way" if places else ""
    return Fix(f"Take {' and '.join(details['oddities'])} off here{there}.", (*lines, "joytui doctor"), safe=True)


def _key_newline(world: World, details: Details) -> Fix:
    variable = _variable(world)
    if _key_file(world):
        return _set_key(world, "Write the key again without the line break.")
    return Fix(
        "Set the key again without the line break.",
        (words_of(world.invocation.env).without_breaks(variable),),
        safe=True,
    )


def _dotenv(world: World, details: Details) -> Fix:
    file = f"{world.codex_home}/.env"
    return Fix(
        f"Remove the line {_variable(world)}=… from {file}, or put the right key there.",
        (f"sed -i.bak '/^\\(export \\)\\{{0,1\\}} *{_variable(world)} *=/d' {quoted(file)}",),
        safe=True,
    )


def _daemon(world: World, details: Details) -> Fix:
    pid = details.get("pid")
    return Fix(
        "Stop Codex's background server; the next start uses the current environment.",
        ("codex app-server daemon stop",),
        safe=True,
        action="stop-daemon",
        pid=pid if isinstance(pid, int) else None,
    )


def _proxy(world: World, details: Details) -> Fix:
    variable = str(details.get("variable") or (world.plan.proxy.variable if world.plan else None) or "HTTPS_PROXY")
    host, words = _host(world), words_of(world.invocation.env)
    return Fix(
        f"Unset {variable}, correct it, or exempt the gateway's host.",
        (words.unset(variable), words.set("NO_PROXY", words.added("NO_PROXY", host))),
        safe=True,
    )


def _host(world: World) -> str:
    from urllib.parse import urlsplit

    try:
        return urlsplit(world.plan.wire_url).hostname or "" if world.plan else ""
    except ValueError:
        return ""


def _untrusted(world: World, details: Details) -> Fix:
    host = _host(world)
    return Fix(
        "Tell Codex which authority signed the certificate (a PEM file from your administrator).",
        (
            words_of(world.invocation.env).set("SSL_CERT_FILE", "/path/to/company-ca.pem"),
            f"openssl s_client -connect {host}:443 -servername {host} </dev/null",
        ),
        safe=True,
    )


def _bridge(world: World, details: Details) -> Fix | None:
    """Only where the gateway was seen to offer Chat Completions, and no line of the configuration is what it refuses."""
    if "chat_at" not in details or "line" in details:
        return None
    base = str(details["chat_at"]).removesuffix("/chat/completions")
    return Fix(
        "Put joytui's own gateway in between: it speaks Responses to Codex and Chat Completions to yours.",
        (
            f'export JOYTOKEN_UPSTREAM_KEY="${_variable(world)}"',
            f"joytui setup --local --upstream {quoted(base)} --upstream-key-env JOYTOKEN_UPSTREAM_KEY --upstream-api chat",
        ),
        safe=True,
    )


def _chat_unsupported(world: World, details: Details) -> Fix:
    return Fix("Update Codex; every version since 0.95 speaks Responses.", (INSTALL_CODEX,), safe=True)


def _refused_connection(world: World, details: Details) -> Fix:
    if right := running_elsewhere(world):
        return Fix(f'joytui\'s own gateway runs at another port: set base_url = "{right}".')
    if is_local_gateway(world):
        return Fix("Start the local gateway.", ("joytui gateway start",), safe=True, action="start-gateway")
    return Fix(CAUSES["connection-refused"].remedy)


def _new_key(world: World, details: Details) -> Fix:
    return _set_key(
        world, "Create a key in the gateway's console (joytui: `joytui keys create NAME`), and export it here."
    )


def _codex_missing(world: World, details: Details) -> Fix:
    return Fix("Install Codex.", (INSTALL_CODEX,), safe=True)


COMMANDS: Mapping[str, Callable[[World, Details], Fix | None]] = {
    "codex-home-invalid": _home_invalid,
    "model-not-found": _model_flag,
    "policy-rejected": _allowed_model,
    "model-empty": _model_flag,
    "env-key-is-secret": _env_key_secret,
    "key-unset": _key_unset,
    "key-malformed": _key_malformed,
    "key-header-dropped": _key_newline,
    "key-shadowed-by-dotenv": _dotenv,
    "key-stale-daemon": _daemon,
    "key-rejected": _new_key,
    "key-placeholder": _new_key,
    "key-other-vendor": _new_key,
    "proxy-unreachable": _proxy,
    "proxy-denied": _proxy,
    "proxy-invalid": _proxy,
    "tls-untrusted": _untrusted,
    "responses-unsupported": _bridge,
    "chat-stream-on-responses": _bridge,
    "request-rejected": _bridge,
    "not-an-event-stream": _bridge,
    "stream-invalid": _bridge,
    "stream-output-missing": _bridge,
    "chat-unsupported": _chat_unsupported,
    "connection-refused": _refused_connection,
    "codex-not-found": _codex_missing,
}
