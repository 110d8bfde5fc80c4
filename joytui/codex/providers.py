"""Model providers: the built-in ones, and what Codex refuses in `[model_providers.*]` beyond types.

Source: Codex 0.169.0, observed; boundaries between versions in versions.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from joytui.codex.schema import TypeFault
from joytui.codex.versions import Rules

OPENAI: Final = "openai"
OPENAI_BASE_URL: Final = "https://api.openai.com/v1"
OPENAI_HOSTS: Final = ("api.openai.com", "chatgpt.com")

BUILTIN: Final[Mapping[str, Mapping[str, Any]]] = {
    "openai": {
        "name": "OpenAI",
        "base_url": OPENAI_BASE_URL,
        "requires_openai_auth": True,
        "supports_websockets": True,
    },
    "ollama": {"name": "gpt-oss", "base_url": "http://localhost:11434/v1"},
    "lmstudio": {"name": "gpt-oss", "base_url": "http://localhost:1234/v1"},
    "amazon-bedrock": {"name": "Amazon Bedrock"},
    "amazon-bedrock-runtime": {"name": "Amazon Bedrock"},
    "gcp": {"name": "Google Cloud"},
}
_OLD_BUILTIN: Final = ("openai", "ollama", "lmstudio")
_OLLAMA_CHAT: Final = {**BUILTIN["ollama"], "wire_api": "chat"}
FIELD_DEFAULTS: Final[Mapping[str, Any]] = {
    "wire_api": "responses",
    "request_max_retries": 4,
    "stream_max_retries": 5,
    "stream_idle_timeout_ms": 300_000,
    "websocket_connect_timeout_ms": 15_000,
    "requires_openai_auth": False,
    "supports_websockets": False,
}
FIELDS: Final = (
    "name", "base_url", "model_catalog_url", "env_key", "env_key_instructions", "experimental_bearer_token", "auth",
    "gateway_oauth", "aws", "project_id", "location", "credential_file", "wire_api", "capabilities", "query_params",
    "http_headers", "env_http_headers", "request_max_retries", "stream_max_retries", "stream_idle_timeout_ms",
    "websocket_connect_timeout_ms", "requires_openai_auth", "supports_websockets", "supports_standalone_web_search",
)  # fmt: skip
OTHER_CREDENTIALS: Final = ("experimental_bearer_token", "requires_openai_auth", "auth", "gateway_oauth", "aws")
"""Fields that give a provider its credential where env_key does not."""
_RESERVED = ("lmstudio", "ollama", "openai")
_BEDROCK_MAY = {"base_url", "auth", "http_headers", "aws"}
_BEDROCK_TEXT = (
    "only supports changing `base_url`, `auth`, `http_headers`, `aws.profile`, `aws.region`, `aws.credential_export`, and "
    "`aws.auth_refresh`; other non-default provider fields are not supported"
)
_GCP_MAY = {"base_url", "auth", "http_headers", "project_id", "location", "credential_file"}
_GCP_TEXT = (
    "model_providers.gcp only supports changing `base_url`, `auth`, `http_headers`, `project_id`, `location`, and "
    "`credential_file`; other non-default provider fields are not supported"
)


def builtin_fields(name: str, rules: Rules) -> Mapping[str, Any] | None:
    """What this version brings along for a provider id; None: the id is the user's to define.

    Versions that do not check the table know fewer ids, let their own win over a table in silence, and up to 0.94
    include `ollama-chat` (0.94.0 and 0.140.0, observed).
    """
    if rules.checks_provider_fields:
        return BUILTIN.get(name)
    if rules.checks_provider_tables:  # 0.120.0: a table for Amazon Bedrock is the user's own
        return BUILTIN[name] if name in _OLD_BUILTIN else None
    if name == "ollama-chat" and rules.chat_is_default:
        return _OLLAMA_CHAT
    own = BUILTIN[name] if name in _OLD_BUILTIN else None
    return own if own is None or name == OPENAI else {"wire_api": "responses", **own}


def table_faults(providers: Mapping[str, Any], rules: Rules) -> Iterator[TypeFault]:
    """What Codex says about the whole table once its types are right: reserved ids, then each provider."""
    if not rules.checks_provider_tables:
        return
    reserved = [name for name in _RESERVED if providers.get(name)]
    if reserved:
        listed = ", ".join(f"`{name}`" for name in reserved)
        text = (
            f"model_providers contains reserved built-in provider IDs: {listed}. Built-in providers cannot be overridden. "
            "Rename your custom provider (for example, `openai-custom`)."
        )
        if not _only_catalog(providers, reserved):
            yield TypeFault("provider-id-reserved", text, ("model_providers", reserved[0]), "model_providers")
    if not rules.checks_provider_fields:
        if rules.checks_provider_auth:
            for name, table in providers.items():
                if isinstance(table, dict):
                    yield from _auth_faults(name, table)
        return
    tables = [(name, table) for name, table in providers.items() if isinstance(table, dict)]
    for name, table in sorted(tables, key=lambda pair: pair[0] not in BUILTIN):  # Bedrock's limits come first
        if name not in (*_RESERVED, "gcp"):
            yield from _provider_faults(name, table)


def _only_catalog(providers: Mapping[str, Any], reserved: list[str]) -> bool:
    table = providers[OPENAI] if reserved == [OPENAI] else None
    return isinstance(table, dict) and set(table) <= {"model_catalog_url"}


def _provider_faults(name: str, table: Mapping[str, Any]) -> Iterator[TypeFault]:
    path = ("model_providers", name)
    if name.startswith("amazon-bedrock") and name in BUILTIN:
        if set(table) & set(FIELDS) - _BEDROCK_MAY:
            yield TypeFault("provider-id-reserved", f"model_providers.{name} {_BEDROCK_TEXT}", path, "model_providers")
        return

    def fault(text: str, *field: str) -> TypeFault:
        return TypeFault("provider-invalid", f"model_providers.{name}: {text}", (*path, *field), "model_providers")

    if "aws" in table:
        yield fault("provider aws is only supported for `amazon-bedrock` or `amazon-bedrock-runtime`", "aws")
    if "gateway_oauth" in table and "base_url" not in table:
        yield fault("gateway_oauth requires base_url", "gateway_oauth")
    if not str(table.get("name", "")).strip():
        yield fault("provider name must not be empty", "name")
    yield from _auth_faults(name, table)


def _auth_faults(name: str, table: Mapping[str, Any]) -> Iterator[TypeFault]:
    def fault(text: str, *field: str) -> TypeFault:
        told = f"model_providers.{name}: {text}"
        return TypeFault("provider-invalid", told, ("model_providers", name, *field), "model_providers")

    auth = table.get("auth")
    if isinstance(auth, dict):
        if not str(auth.get("command", "")).strip():
            yield fault("provider auth.command must not be empty", "auth", "command")
        others = [f for f in ("env_key", "experimental_bearer_token") if f in table]
        if table.get("requires_openai_auth") is True:
            others.append("requires_openai_auth")
        if others:
            yield fault(f"provider auth cannot be combined with {', '.join(others)}", "auth")


def late_faults(providers: Mapping[str, Any], rules: Rules) -> Iterator[TypeFault]:
    """What Codex says after the configuration has been read, without "Error loading config.toml"."""
    gcp = providers.get("gcp")
    if isinstance(gcp, dict) and rules.checks_provider_fields and set(gcp) & set(FIELDS) - _GCP_MAY:
        yield TypeFault("provider-id-reserved", _GCP_TEXT, ("model_providers", "gcp"), "")
    openai = providers.get(OPENAI)
    url = openai.get("model_catalog_url") if isinstance(openai, dict) else None
    if isinstance(url, str) and not _chatgpt_host(url):
        text = (
            "model_providers.openai.model_catalog_url must use an allowed ChatGPT host. "
            "If you need to use a 3rd party host, configure a custom model_provider"
        )
        yield TypeFault("provider-invalid", text, ("model_providers", "openai", "model_catalog_url"), "")


def _chatgpt_host(url: str) -> bool:
    from urllib.parse import urlsplit

    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    return url.startswith("https://") and (host in ("chatgpt.com", "chat.openai.com") or host.endswith(".chatgpt.com"))
