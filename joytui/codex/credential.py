"""Where Codex takes the Authorization header from, and what becomes of the value on its way.

Observed with Codex 0.169.0. Order: env_key, experimental_bearer_token, auth.command,
requires_openai_auth (CODEX_API_KEY, then auth.json), http_headers / env_http_headers, nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from joytui.codex.world import Credential, CredentialKind, Provider
from joytui.core.plain_file import plain_content
from joytui.core.redaction import fingerprint

_INVISIBLE = re.compile("[\u200b-\u200f\u2028-\u202e\u2060\ufeff\u00a0]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_SECRET = re.compile(r"(?:jt|sk|pk|rk|ghp|xox[a-z])[_-][A-Za-z0-9_\-]{4,}|(?=.*[a-z])(?=.*\d)[A-Za-z0-9_\-.]{24,}")


@dataclass(frozen=True, slots=True)
class Source:
    """A value for the Authorization header, before it becomes one."""

    kind: CredentialKind
    variable: str | None
    origin: str | None
    value: str | None


def find_source(
    provider: Provider, env: Mapping[str, str], env_origins: Mapping[str, str], codex_home: Path, store: object = "file"
) -> Source:
    """The source that Codex uses for this provider. A missing value is None.

    `store` is cli_auth_credentials_store: with "keyring" or "ephemeral", auth.json is not read.
    """
    variable = provider.get("env_key")
    if isinstance(variable, str):
        value = env.get(variable) if variable else None
        return Source(
            "env_key", variable, env_origins.get(variable, "environment") if value is not None else None, value
        )
    token = provider.get("experimental_bearer_token")
    if isinstance(token, str):
        return Source("bearer_token", None, provider.fields["experimental_bearer_token"].origin, token)
    if isinstance(provider.get("auth"), dict):
        return Source("auth_command", None, provider.fields["auth"].origin, None)
    if provider.get("requires_openai_auth") is True:
        return _openai_source(env, env_origins, codex_home if store not in ("keyring", "ephemeral") else None)
    return Source("none", None, None, None)


def _openai_source(env: Mapping[str, str], env_origins: Mapping[str, str], codex_home: Path | None) -> Source:
    if env.get("CODEX_API_KEY", "").strip():
        return Source(
            "openai_auth",
            "CODEX_API_KEY",
            env_origins.get("CODEX_API_KEY", "environment"),
            env["CODEX_API_KEY"].strip(),
        )
    stored = auth_json(codex_home) if codex_home is not None else {}
    key = stored.get("OPENAI_API_KEY")
    tokens = stored.get("tokens")
    if isinstance(key, str) and key.strip():
        return Source("openai_auth", None, "auth.json", key)
    if isinstance(tokens, dict) and isinstance(tokens.get("access_token"), str):
        return Source("openai_auth", None, "auth.json", tokens["access_token"])
    return Source("openai_auth", None, None, None)


def auth_json(codex_home: Path) -> Mapping[str, Any]:
    """What `codex login` stored, {} if nothing readable is there."""
    try:
        loaded = json.loads(plain_content(codex_home / "auth.json").decode("utf-8"))
    except (OSError, ValueError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def as_bytes(value: str) -> bytes:
    """The value as it is in the environment (lone surrogates are the bytes that were no UTF-8, or Windows' halves)."""
    try:
        return value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def decodable(value: str) -> bool:
    """Whether the variable is UTF-8; Codex's native binary takes one that is not for unset."""
    return not any("\ud800" <= char <= "\udfff" for char in value)


def fits_header(value: bytes) -> bool:
    """Whether a header can carry the value: no control characters but the tab."""
    return all((byte >= 0x20 and byte != 0x7F) or byte == 0x09 for byte in value)


def headers_with(
    provider: Provider, env: Mapping[str, str], bearer: bytes | None
) -> tuple[tuple[tuple[str, bytes], ...], bytes | None]:
    """The provider's own headers as they go out, and the Authorization that wins (a good bearer beats http_headers)."""
    own: dict[str, tuple[str, bytes]] = {}
    plain = provider.get("http_headers")
    for name, value in (plain if isinstance(plain, dict) else {}).items():
        _add(own, str(name), as_bytes(str(value)))
    named = provider.get("env_http_headers")
    for name, variable in (named if isinstance(named, dict) else {}).items():
        found = env.get(str(variable))
        if found is not None and found.strip():
            _add(own, str(name), as_bytes(found))
    authorization = own.pop("authorization", ("", None))[1]
    if bearer is not None:
        authorization = b"Bearer " + bearer
    return tuple(own.values()), authorization


def _add(headers: dict[str, tuple[str, bytes]], name: str, value: bytes) -> None:
    if re.fullmatch(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", name) and fits_header(value):
        headers[name.lower()] = (name.lower(), value)


def oddities(value: str) -> tuple[str, ...]:
    """What is odd about a key's value, in words; empty if nothing is. Trailing blanks are harmless and not named."""
    found = []
    core = value.rstrip(" \t")
    if (len(core) >= 2 and core[0] == core[-1] and core[0] in "\"'`") or (core[:1] in "“”‘’" and core):
        found.append("quotes around the value")
    elif re.search(r"[\"'`“”‘’]", core):
        found.append("a quote in the value")
    if re.match(r"(?i)\s*bearer\s", core):
        found.append("a `Bearer ` prefix")
    elif core[:1].isspace():
        found.append("a space before the value")
    elif re.search(r"[ \t]", core):
        found.append("a space inside the value")
    if _INVISIBLE.search(core):
        found.append("an invisible character")
    elif not core.isascii():
        found.append("a character that is not ASCII")
    if re.match(r"[A-Za-z_]\w*=", core):
        found.append("a `NAME=` prefix")
    if re.search(r"\$\{?\w+\}?", core):
        found.append("a `$VARIABLE` that no shell expanded")
    return tuple(found)


def looks_secret(text: str, env: Mapping[str, str]) -> bool:
    """Whether what is in `env_key` is a key rather than a variable's name."""
    if len(text) >= 12 and text in env.values():
        return True
    name, sign, value = text.partition("=")
    if sign and is_variable_name(name):  # a whole assignment
        return looks_secret(value.strip("\"'"), env)
    return bool(_SECRET.fullmatch(text)) and not re.fullmatch(r"[A-Z][A-Z0-9_]*", text)


def is_variable_name(text: str) -> bool:
    """Whether a shell could set a variable of this name."""
    return bool(_NAME.fullmatch(text))


def credential_of(source: Source, header: bytes | None) -> Credential:
    """The finished record, without places and daemon."""
    if source.value is None:
        kind: CredentialKind = "header" if header and source.kind == "none" else source.kind
        return Credential(kind, source.variable, source.origin, None, header, "verbatim" if header else "none")
    value = as_bytes(source.value)
    sent = "verbatim" if fits_header(value) and (value.strip() or source.kind == "bearer_token") else "dropped"
    return Credential(
        source.kind, source.variable, source.origin, value, header, "verbatim" if sent == "verbatim" else "dropped",
        fingerprint(value),
    )  # fmt: skip
