"""What becomes of the key: unset, dropped, odd, shadowed; and what a misspelt field meant."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from joytui.codex.credential import (
    Source,
    as_bytes,
    credential_of,
    decodable,
    find_source,
    fits_header,
    headers_with,
    is_variable_name,
    looks_secret,
    oddities,
)
from joytui.codex.daemon import running_daemon
from joytui.codex.providers import FIELDS
from joytui.codex.routing import near
from joytui.codex.shells import key_places, read_by
from joytui.codex.survey import Survey
from joytui.codex.world import Credential, KeyPlace, Provider, Stage
from joytui.core.redaction import fingerprint


def resolve_credential(state: Survey, provider: Provider) -> tuple[Credential, tuple[tuple[str, bytes], ...]]:
    """The key that Codex will send, and the headers of its request. What is wrong with the key becomes an issue of
    the survey."""
    source = find_source(
        provider, state.env, state.env_origins, state.codex_home, state.config.get("cli_auth_credentials_store")
    )
    value = source.value
    if source.kind == "env_key" and (value is None or not value.strip() or not _readable(state, value)):
        _key_unset(state, provider, source)
        value = None
    elif value is not None and not decodable(value):  # what the npm wrapper makes of bytes that are no UTF-8
        value = as_bytes(value).decode("utf-8", "replace")
    source = replace(source, value=value)
    raw = as_bytes(value) if value is not None else None
    empty_token = source.kind == "bearer_token" and raw == b""  # sent all the same, as "Bearer "
    bearer = raw if raw is not None and (raw or empty_token) and fits_header(raw) else None
    own, authorization = headers_with(provider, state.env, bearer)
    credential = credential_of(source, authorization)
    credential = replace(credential, **_surroundings(state, source))
    _suspect(state, provider, credential, value)
    return credential, own


def _readable(state: Survey, value: str) -> bool:
    """Bytes that are no UTF-8: the npm wrapper repairs them on the way, the native binary says that nothing is set."""
    return decodable(value) or (state.binary is not None and state.binary.kind == "npm") or state.binary is None


def _surroundings(state: Survey, source: Source) -> dict[str, Any]:
    if not source.variable or source.kind != "env_key":
        return {}
    shell = state.invocation.env.get(source.variable)
    shadowed = source.variable in state.env_origins and shell is not None and shell != source.value
    daemon = None
    if state.rules.has_daemon:
        daemon = running_daemon(state.codex_home, source.variable, state.env)
    return {
        "places": key_places(source.variable, state.home, source.value),
        "daemon": daemon,
        "shell_value_fingerprint": fingerprint(shell) if shadowed and shell else None,
    }


def _key_unset(state: Survey, provider: Provider, source: Source) -> None:
    name = source.variable or ""
    hint = provider.get("env_key_instructions")
    text = f"ERROR: Missing environment variable: `{name}`." + (f" {hint}" if isinstance(hint, str) else "")
    origin = provider.fields["env_key"].origin
    shell = state.invocation.env.get(name, "")
    places: tuple[KeyPlace, ...] = ()
    wiped = name in state.env_origins and bool(shell.strip())
    if wiped:
        cause, summary, where = (
            "key-shadowed-by-dotenv",
            f"{name} is empty in $CODEX_HOME/.env",
            state.env_origins[name],
        )
    elif looks_secret(name, state.env):
        cause, summary, where = "env-key-is-secret", "env_key holds a key, not the name of a variable", origin
    elif not is_variable_name(name):
        cause, summary, where = "env-key-invalid", "env_key is not the name of a variable", origin
    else:
        cause, summary, where = (
            "key-unset",
            f"{name} is {'blank' if source.value is not None else 'not set'}",
            "environment",
        )
        places = key_places(name, state.home, None)
    if places:
        summary += f"; {places[0].where} sets it, and only {read_by(places[0])} read that file"
    details: dict[str, Any] = {"variable": name if cause != "env-key-is-secret" else None}
    if cause == "key-unset":
        details["set_in"] = [place.where for place in places]
        details["similar"] = near(name, tuple(n for n in state.env if n.endswith("KEY") or n.endswith("TOKEN")))
        details["env_key_at"] = origin
    state.add(
        cause, "refuses", Stage.KEY, summary, message=text, where=where,
        key=f"model_providers.{provider.id}.env_key", details=details,
    )  # fmt: skip


def _suspect(state: Survey, provider: Provider, credential: Credential, value: str | None) -> None:
    """What the gateway's answer will decide."""
    key = f"model_providers.{provider.id}.env_key"
    name = credential.variable or "the key"
    if credential.kind == "none" and not provider.builtin:
        _no_credential(state, provider)
    if credential.kind == "openai_auth" and not provider.builtin:
        state.add(
            "openai-key-to-gateway" if value else "env-key-missing", "suspect", Stage.SUSPECTED,
            "requires_openai_auth sends OpenAI's credential to the gateway" if value
            else "requires_openai_auth is set and no OpenAI credential is stored: requests carry no Authorization",
            where=provider.fields["requires_openai_auth"].origin, key=f"model_providers.{provider.id}.requires_openai_auth",
            details={"credential_from": credential.origin, **misspelt(state, provider, "env_key")},
        )  # fmt: skip
    if value is None:
        return
    shadow = credential.variable in state.env_origins and credential.shell_value_fingerprint is not None
    if shadow and credential.variable:
        state.add(
            "key-shadowed-by-dotenv", "suspect", Stage.SHADOWED_KEY, f"$CODEX_HOME/.env overrides {name} of the shell",
            where=state.env_origins[credential.variable], key=key,
            details={"shell": credential.shell_value_fingerprint, "dotenv": credential.fingerprint},
        )  # fmt: skip
    if credential.kind == "bearer_token" and not value.strip():
        state.add(
            "env-key-missing", "suspect", Stage.SUSPECTED, "experimental_bearer_token is empty, and there is no env_key",
            where=credential.origin, key=key,
        )  # fmt: skip
    elif credential.sent == "dropped":
        state.add(
            "key-header-dropped", "suspect", Stage.DROPPED_KEY, f"{name} holds a newline or control character: Codex sends no Authorization",
            where=credential.origin, key=key, details={"other_authorization": credential.header is not None},
        )  # fmt: skip
    elif odd := oddities(value):
        state.add(
            "key-malformed", "suspect", Stage.SUSPECTED, f"{name} has {', '.join(odd)}", where=credential.origin, key=key,
            details={"oddities": list(odd)},
        )  # fmt: skip


def _no_credential(state: Survey, provider: Provider) -> None:
    near = misspelt(state, provider, "env_key")
    place = near.get("misspelt_at") or state.where(("model_providers", provider.id))
    state.add(
        "env-key-missing", "suspect", Stage.SUSPECTED, "the provider has no env_key: requests carry no Authorization", where=place,
        key=f"model_providers.{provider.id}.env_key", details=near,
    )  # fmt: skip


def misspelt(state: Survey, provider: Provider, field: str) -> dict[str, Any]:
    """An unknown key of the provider's table that was meant as this field, or the field itself where it is below the
    header of a table within it (`[model_providers.x.http_headers]`): "fell_into" names that table."""
    table = state.tables().get(provider.id)
    for key, value in table.items() if isinstance(table, dict) else ():
        if key not in FIELDS and near(key, (field,)):
            return {"misspelt": key, "misspelt_at": state.where(("model_providers", provider.id, key))}
        if isinstance(value, dict) and isinstance(value.get(field), str):
            return {"fell_into": key, "misspelt_at": state.where(("model_providers", provider.id, key, field))}
    return {}
