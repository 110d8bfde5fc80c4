"""What to type: for each cause the commands, or a patch of the configuration, with this machine's own names in it."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from typing import Any

from joytui.codex.world import World
from joytui.core.causes import CAUSES
from joytui.core.joytoken import (
    AUTO_MODEL,
    BASE_PATH,
    DEV_BASE_URL,
    KEY_VARIABLE,
    LOCAL_BASE_URL,
    PROVIDER_ID,
    config_block,
)
from joytui.core.records import Fix
from joytui.doctor.patches import Keys, remove_value, rename_value, set_value

Details = Mapping[str, Any]


def fix_for(cause: str, world: World, details: Details) -> Fix | None:
    """The fix for this cause on this machine; the catalogue's general remedy where there is nothing exact to type."""
    if cause not in CAUSES:
        return None
    maker = _MAKERS.get(cause)
    fix = maker(world, details) if maker else None
    return fix or Fix(CAUSES[cause].remedy)


def _variable(world: World) -> str:
    named = world.credential.variable if world.credential else None
    return named if named and named.isidentifier() else KEY_VARIABLE


def _provider(world: World) -> str:
    return world.provider.id if world.provider and not world.provider.builtin else PROVIDER_ID


def _quoted(path: str) -> str:
    return shlex.quote(path)


def _set_key(world: World, summary: str) -> Fix:
    variable = _variable(world)
    return Fix(summary, (f"export {variable}='<your key>'", "joytui doctor"), safe=True)


def _edit(world: World, path: Keys, value: Any, summary: str) -> Fix:
    """A change of config.toml (value None: the key goes): a patch where one can be made, and the file to open."""
    patch = remove_value(world, path) if value is None else set_value(world, path, value)
    return Fix(summary, (f"${{EDITOR:-vi}} {_quoted(world.config_file)}",), patch, safe=patch is not None)


def _field(world: World, name: str) -> Keys:
    return ("model_providers", _provider(world), name)


def _misspelt(world: World, details: Details, name: str) -> Fix | None:
    """A key of the provider's table that was meant as this field gets the right name."""
    wrong = details.get("misspelt")
    if not isinstance(wrong, str):
        return None
    patch = rename_value(world, _field(world, wrong), name)
    return Fix(
        f"Rename {wrong} to {name} in [model_providers.{_provider(world)}].",
        (f"${{EDITOR:-vi}} {_quoted(world.config_file)}",),
        patch,
        safe=patch is not None,
    )


def _config_missing(world: World, details: Details) -> Fix:
    block = config_block(DEV_BASE_URL)
    target = _quoted(world.config_file)
    return Fix(
        f"Write the guide's block to {world.config_file}.",
        (f"mkdir -p {_quoted(world.codex_home)}", f"cat >> {target} <<'EOF'\n{block}EOF"),
        safe=True,
    )


def _home_invalid(world: World, details: Details) -> Fix:
    return Fix(
        "Unset CODEX_HOME, or create the folder it names.",
        ("unset CODEX_HOME", f"mkdir -p {_quoted(world.codex_home)}"),
    )


def _wire_api(world: World, details: Details) -> Fix:
    key = str(details.get("key") or "")
    owner = (
        key.removeprefix("model_providers.").removesuffix(".wire_api")
        if key.endswith(".wire_api")
        else _provider(world)
    )
    path = ("model_providers", owner, "wire_api")
    return _edit(
        world, path, "responses", f'Write wire_api = "responses" in [model_providers.{owner}], or remove the line.'
    )


def _select_provider(world: World, details: Details) -> Fix:
    wanted = _wanted_provider(world)
    return _edit(
        world,
        ("model_provider",),
        wanted,
        f'Put model_provider = "{wanted}" at the very top of {world.config_file}, above the first [table].',
    )


def _wanted_provider(world: World) -> str:
    """The provider that the configuration defines, else the guide's name."""
    defined = {key.split(".")[1] for key in world.wanted if key.startswith("model_providers.") and key.count(".") >= 2}
    return PROVIDER_ID if PROVIDER_ID in defined or len(defined) != 1 else defined.pop()


def _undefined(world: World, details: Details) -> Fix | None:
    suggestion = details.get("suggestion")
    if not isinstance(suggestion, str):
        return None
    return _edit(
        world, ("model_provider",), suggestion, f'Write model_provider = "{suggestion}", as the table is named.'
    )


def _base_url(world: World, details: Details) -> Fix:
    right = str(details.get("right_base_url") or "") or _better_base(world)
    return _misspelt(world, details, "base_url") or _edit(
        world, _field(world, "base_url"), right, f'Set base_url = "{right}".'
    )


def _better_base(world: World) -> str:
    from joytui.codex.urls import origin_of

    origin = origin_of(world.plan.base_url) if world.plan else ""
    if not origin or "api.openai.com" in origin:
        return DEV_BASE_URL
    return origin + BASE_PATH


def _env_key(world: World, details: Details) -> Fix:
    return _misspelt(world, details, "env_key") or _edit(
        world,
        _field(world, "env_key"),
        KEY_VARIABLE,
        f'Add env_key = "{KEY_VARIABLE}" to [model_providers.{_provider(world)}].',
    )


def _env_key_secret(world: World, details: Details) -> Fix:
    return Fix(
        f'Write env_key = "{KEY_VARIABLE}", export a new key under that name, and revoke the old one: Codex has printed it.',
        (f"${{EDITOR:-vi}} {_quoted(world.config_file)}", f"export {KEY_VARIABLE}='<a new key>'"),
    )


def _key_unset(world: World, details: Details) -> Fix:
    places = world.credential.places if world.credential else ()
    for place in places:
        file = place.where.rsplit(":", 1)[0]
        if file.endswith(".env"):
            continue
        return Fix(
            f"{_variable(world)} is set in {place.where}, but this shell does not have it.",
            (f"source {_quoted(file) if ' ' in file else file}",),
            safe=True,
        )
    return _set_key(world, f"Set {_variable(world)} where Codex starts, and keep the line in your shell's start file.")


def _key_malformed(world: World, details: Details) -> Fix:
    return _set_key(world, "Copy the key again and set it with nothing around it.")


def _key_newline(world: World, details: Details) -> Fix:
    variable = _variable(world)
    return Fix(
        "Set the key again without the line break.",
        (f'export {variable}="$(printf %s "${variable}" | tr -d \'\\r\\n\')"',),
        safe=True,
    )


def _dotenv(world: World, details: Details) -> Fix:
    file = f"{world.codex_home}/.env"
    return Fix(
        f"Remove the line {_variable(world)}=… from {file}, or put the right key there.",
        (f"sed -i.bak '/^\\(export \\)\\{{0,1\\}} *{_variable(world)} *=/d' {_quoted(file)}",),
        safe=True,
    )


def _daemon(world: World, details: Details) -> Fix:
    return Fix(
        "Stop Codex's background server; the next start takes the present environment.",
        ("codex app-server daemon stop",),
        safe=True,
    )


def _requires_auth(world: World, details: Details) -> Fix:
    provider = _provider(world)
    return _edit(
        world,
        _field(world, "requires_openai_auth"),
        None,
        f'Remove requires_openai_auth from [model_providers.{provider}] and set env_key = "{KEY_VARIABLE}".',
    )


def _model(world: World, details: Details) -> Fix:
    suggestions = details.get("suggestions") or []
    first = suggestions[0] if suggestions else AUTO_MODEL
    also = f" (the catalog also has {', '.join(suggestions[1:3])})" if len(suggestions) > 1 else ""
    return _edit(world, ("model",), str(first), f'Write model = "{first}"{also}.')


def _proxy(world: World, details: Details) -> Fix:
    variable = str(details.get("variable") or (world.plan.proxy.variable if world.plan else None) or "HTTPS_PROXY")
    host = _host(world)
    return Fix(
        f"Unset {variable}, correct it, or exempt the gateway's host.",
        (f"unset {variable}", f'export NO_PROXY="${{NO_PROXY:+$NO_PROXY,}}{host}"'),
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
            "export SSL_CERT_FILE=/path/to/company-ca.pem",
            f"openssl s_client -connect {host}:443 -servername {host} </dev/null",
        ),
        safe=True,
    )


def _scheme(world: World, details: Details) -> Fix:
    base = world.plan.base_url if world.plan else ""
    use = str(details.get("use") or "https")
    right = f"{use}://" + base.split("://", 1)[-1]
    return _edit(world, _field(world, "base_url"), right, f'Set base_url = "{right}".')


def _redirected(world: World, details: Details) -> Fix:
    target = str(details.get("redirected_to") or "")
    base = target.removesuffix("/responses").removesuffix("/chat/completions")
    if not base:
        return Fix(CAUSES["redirected"].remedy)
    return _edit(world, _field(world, "base_url"), base, f'Set base_url = "{base}".')


def _bridge(world: World, details: Details) -> Fix:
    base = world.plan.base_url if world.plan else DEV_BASE_URL
    variable = _variable(world)
    return Fix(
        "Put joytui's own gateway between: it speaks Responses to Codex and Chat Completions to yours.",
        (
            f"joytui gateway start --upstream {_quoted(base)} --upstream-key-env {variable} --upstream-api chat",
            f"# then base_url = {LOCAL_BASE_URL}",
        ),
        set_value(world, _field(world, "base_url"), LOCAL_BASE_URL),
        safe=True,
    )


def _chat_unsupported(world: World, details: Details) -> Fix:
    return Fix("Update Codex; every version since 0.95 speaks Responses.", ("npm install -g @openai/codex",), safe=True)


def _refused_connection(world: World, details: Details) -> Fix:
    if world.plan and world.plan.base_url.startswith(LOCAL_BASE_URL.rsplit("/openai", 1)[0]):
        return Fix("Start the local gateway.", ("joytui gateway start",), safe=True)
    return Fix(CAUSES["connection-refused"].remedy)


def _new_key(world: World, details: Details) -> Fix:
    return _set_key(
        world, "Create a key in the gateway's console (joytui: `joytui keys create NAME`), and export it here."
    )


def _idle(world: World, details: Details) -> Fix:
    provider = _provider(world)
    return _edit(
        world,
        _field(world, "stream_idle_timeout_ms"),
        None,
        f"Remove stream_idle_timeout_ms from [model_providers.{provider}] (the default is five minutes), or raise it.",
    )


def _codex_missing(world: World, details: Details) -> Fix:
    return Fix("Install Codex.", ("npm install -g @openai/codex",), safe=True)


_MAKERS: Mapping[str, Callable[[World, Details], Fix | None]] = {
    "config-missing": _config_missing,
    "codex-home-invalid": _home_invalid,
    "wire-api-removed": _wire_api,
    "wire-api-invalid": _wire_api,
    "provider-not-selected": _select_provider,
    "provider-undefined": _undefined,
    "base-url-missing": _base_url,
    "base-url-invalid": _base_url,
    "base-url-path": _base_url,
    "env-key-missing": _env_key,
    "env-key-invalid": _env_key,
    "env-key-is-secret": _env_key_secret,
    "key-unset": _key_unset,
    "key-malformed": _key_malformed,
    "key-header-dropped": _key_newline,
    "key-shadowed-by-dotenv": _dotenv,
    "key-stale-daemon": _daemon,
    "openai-key-to-gateway": _requires_auth,
    "key-rejected": _new_key,
    "key-placeholder": _new_key,
    "key-other-vendor": _new_key,
    "model-empty": _model,
    "model-not-found": _model,
    "model-defaulted": _model,
    "proxy-unreachable": _proxy,
    "proxy-denied": _proxy,
    "proxy-invalid": _proxy,
    "tls-untrusted": _untrusted,
    "tls-protocol-mismatch": _scheme,
    "redirected": _redirected,
    "responses-unsupported": _bridge,
    "chat-stream-on-responses": _bridge,
    "request-rejected": _bridge,
    "not-an-event-stream": _bridge,
    "stream-invalid": _bridge,
    "stream-output-missing": _bridge,
    "chat-unsupported": _chat_unsupported,
    "connection-refused": _refused_connection,
    "stream-idle": _idle,
    "codex-not-found": _codex_missing,
}
